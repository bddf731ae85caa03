"""Reading the log page by page, so that its length is nobody's memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from headgate.audit.errors import Tampered
from headgate.audit.merkle import Frontier, leaf_hash
from headgate.storage.database import Database, Row

PAGE = 1000

_LEAVES = """
SELECT position, leaf, leaf_hash FROM audit_records WHERE position >= $1 AND position < $2 ORDER BY position LIMIT $3
"""


async def grow(database: Database, frontier: Frontier, size: int) -> None:
    """Let a frontier go on to `size` leaves, with the records that follow.

    Raises:
        Tampered: a record is missing, or its leaf is not what its hash says.
    """
    async for page in leaves(database, frontier.size, size):
        for position, text, stored in page:
            found = leaf_hash(text.encode())
            if found.hex() != stored:
                raise Tampered(f"record {position} has been changed: its leaf is not what its hash says", position)
            frontier.add(found)


async def leaves(database: Database, start: int, end: int) -> AsyncIterator[list[Row]]:
    """Pages of (position, leaf, hash as it is stored), from `start` up to and without `end`.

    Raises:
        Tampered: one is missing.
    """
    while start < end:
        page = await database.fetch(_LEAVES, start, end, PAGE)
        for expected, (position, _, _) in enumerate(page, start):
            if position != expected:
                raise Tampered(f"record {expected} is missing", expected)
        if not page:
            raise Tampered(f"record {start} is missing", start)
        yield page
        start += len(page)
