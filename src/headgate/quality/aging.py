"""Deleting what has been kept long enough, beside what is stored anew."""

from __future__ import annotations

from collections.abc import Callable

from headgate.storage.database import Transaction

EVERY_US = 3600 * 1_000_000
"""How often what is too old is looked for."""

DAY_US = 86_400 * 1_000_000


class Aging:
    """How long one table keeps its rows, by their `at_us`."""

    def __init__(self, keep_days: Callable[[], int]) -> None:
        self._keep_days = keep_days
        self._deleted_us = 0

    async def delete(self, transaction: Transaction, table: str, now_us: int) -> None:
        """Delete what is too old, if it was not looked for within the hour."""
        if now_us - self._deleted_us >= EVERY_US:
            before_us = now_us - self._keep_days() * DAY_US
            await transaction.execute(f"DELETE FROM {table} WHERE at_us < $1", before_us)  # noqa: S608
            self._deleted_us = now_us
