"""A directory over a real database in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from place import Place

from headgate.storage.opening import open_database


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    database = await open_database("sqlite:///:memory:")
    place = Place(database)
    await place.directory.load()
    yield place
    await database.close()
