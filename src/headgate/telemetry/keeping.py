"""What a database keeps of calls: the list of them, and what they come to."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database
from headgate.telemetry.calls import Append, CallRecorder
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.metrics import Level
from headgate.telemetry.rollups.merging import Merger
from headgate.telemetry.rollups.retention import Retention
from headgate.telemetry.rollups.sink import CallSink

log = logging.getLogger("headgate.telemetry")


class CallKeeping:
    """All of it, for one process."""

    def __init__(self, database: Database, owner: str, append: Append, clock: Clock, config: TelemetryConfig) -> None:
        self.recorder = CallRecorder(owner, append, clock)
        self.sink = CallSink(clock)
        self.merger = Merger(database, config, clock)
        self._retention = Retention(database, config, clock)

    def use(self, config: TelemetryConfig) -> None:
        """Go by this configuration from now on."""
        self.merger.config = self._retention.config = config

    async def summed_up(self) -> None:
        """Wait until what is in the database is in the sums too. Where that takes too long (another replica may be
        at it) the sums are a little behind, and that is better than none.
        """
        try:
            await self.merger.merge()
        except StoreUnavailable as error:
            log.debug("sums are behind: %s", error.message)

    def work(self) -> Sequence[Coroutine[Any, Any, Any]]:
        """What goes on until it is cancelled."""
        return [self.merger.run(), self._retention.run()]

    def levels(self) -> list[Level]:
        """How it is doing, for Prometheus."""
        return [
            Level(
                "headgate_lost_calls_total",
                "Calls missing in lists and sums: the journal did not take them",
                self.recorder.lost,
            ),
            Level(
                "headgate_unlisted_calls_total",
                "Calls passed over in the list of calls, since there were too many of them. They are counted",
                self.recorder.sampling.passed_over,
            ),
            Level("headgate_rollups_failed_batches_total", "Batches of calls missing in the sums", self.sink.failed),
            Level(
                "headgate_rollups_behind_seconds",
                "Time since all sums were up to date, or nobody was there to see to it",
                self.merger.behind_s,
                "min",
            ),
        ]
