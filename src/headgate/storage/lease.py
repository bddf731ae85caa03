"""Which of several processes does what only one is to do: whoever holds a lease, a row with an owner and an end."""

from __future__ import annotations

from headgate.storage.database import Database

AHEAD_US = 600 * 1_000_000
"""A time that lies further ahead was written by a clock that has been set back since."""


async def leads(database: Database, table: str, owner: str, now_us: int, until_us: int) -> bool:
    """Whether this process holds the lease until then. `table` is one of this release's own.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    async with database.transaction() as transaction:
        rows = await transaction.fetch(
            f"UPDATE {table} SET owner = $1, until_us = $2 WHERE id = 1 AND (owner = $1 OR until_us < $3 "  # noqa: S608
            "OR until_us > $4) RETURNING owner",
            owner,
            until_us,
            now_us,
            now_us + AHEAD_US,
        )
    return bool(rows)
