from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

import audit_logs
from audit_logs import Kept


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncGenerator[Kept, None]:
    """An empty log in memory."""
    async with audit_logs.kept(tmp_path) as log:
        yield log


@pytest.fixture
async def signed(tmp_path: Path) -> AsyncGenerator[Kept, None]:
    """40 records, signed at 10, 25 and 40."""
    async with audit_logs.signed(tmp_path) as log:
        yield log
