"""Deleting what has been kept long enough."""

from __future__ import annotations

import asyncio
import logging

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.rollups.merging import DAY_S, HOUR_S, MINUTE_S, WEEKS_S

log = logging.getLogger("headgate.telemetry")

EVERY_S = 600.0

PORTION = 2_000
"""Rows deleted at once: what is to be written waits no longer than that takes."""

MARKS_KEPT_DAYS = 400

NETWORKS_KEPT_DAYS = 180
"""How long is known that a key was used from a network, after it last was."""


class Retention:
    """Deletes calls and sums that are older than the configuration wants them."""

    def __init__(self, database: Database, config: TelemetryConfig, clock: Clock) -> None:
        self.config = config
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                await self.delete()
            except StoreUnavailable as error:
                log.debug("what is old is deleted later: %s", error.message)
            except Exception:
                log.exception("what is old cannot be deleted, it is tried again")
            await asyncio.sleep(EVERY_S)

    async def delete(self) -> int:
        """Delete all that is too old now; how many rows.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        now_s = self._clock.now_us() // 1_000_000
        sums, calls = self.config.rollups, self.config.calls
        deleted = 0
        for table, condition, before in (
            ("calls", f"{_EVERY_ORGANISATION} AND started_us < $1", (now_s - calls.keep_days * DAY_S) * 1_000_000),
            ("rollups", _summed_up(MINUTE_S, HOUR_S), now_s - sums.minutes_days * DAY_S),
            ("rollups", _summed_up(HOUR_S, DAY_S), now_s - sums.hours_days * DAY_S),
            ("rollups", f"level = {DAY_S} AND start_s < $1", now_s - sums.days_days * DAY_S),
            ("rollups", f"level = {WEEKS_S} AND start_s < $1", now_s - sums.days_days * DAY_S - WEEKS_S),
            ("rollup_names", "day_s < $1", now_s - sums.days_days * DAY_S),
            ("key_networks", "last_us < $1", (now_s - NETWORKS_KEPT_DAYS * DAY_S) * 1_000_000),
            ("rollup_marks", "at_us < $1", (now_s - MARKS_KEPT_DAYS * DAY_S) * 1_000_000),
        ):
            deleted += await self._delete(table, condition, before)
        return deleted

    async def _delete(self, table: str, condition: str, before: int) -> int:
        row = "rowid" if self._database.kind == "sqlite" else "ctid"
        statement = (
            f"DELETE FROM {table} WHERE {row} IN (SELECT {row} FROM {table} WHERE {condition} LIMIT {PORTION}) "  # noqa: S608
            "RETURNING 1"
        )
        deleted = PORTION
        total = 0
        while deleted == PORTION:
            async with self._database.transaction() as transaction:
                deleted = len(await transaction.fetch(statement, before))
            total += deleted
        return total


_EVERY_ORGANISATION = "organisation IN (SELECT id FROM organisations UNION ALL SELECT 'default')"
"""For the index's sake."""


def _summed_up(level: int, above: int) -> str:
    """Sums that are old, and in those of longer steps."""
    closed = f"(SELECT until_s FROM rollup_closed WHERE level = {above})"  # noqa: S608
    return f"level = {level} AND start_s < $1 AND start_s < {closed}"
