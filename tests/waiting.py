"""Waiting for what happens in its own time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from headgate.errors import StoreUnavailable

PATIENCE_S = 20.0


async def eventually(attempt: Callable[[], Awaitable[Any]]) -> Any:
    """Try again until the store is there and what comes back is not False."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = await attempt()
        except StoreUnavailable:
            if time.monotonic() > end:
                raise
        else:
            if found is not False:
                return found
            assert time.monotonic() < end, "it never happens"
        await asyncio.sleep(0.02)
