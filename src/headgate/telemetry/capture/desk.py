"""Where calls wait until their content is stored, beside everything else and within a bound."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from functools import partial
from time import monotonic

import msgspec

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.observing.kept import Room, aside
from headgate.storage.records import Content
from headgate.telemetry.capture.config import CaptureConfig
from headgate.telemetry.capture.job import Job, written
from headgate.telemetry.capture.redacting import Redacting
from headgate.telemetry.capture.storing import ContentTable
from headgate.telemetry.metrics import Level

log = logging.getLogger("headgate.telemetry")

ROW_BYTES = 1024
"""What a row takes beside its content."""

TOGETHER = 200
"""Most rows of one transaction."""

PAUSE_S = 0.25
"""How long what is captured waits for others to come along."""

RETRY_S = 2.0
"""How long a database that took nothing is left alone."""


class Means(msgspec.Struct, frozen=True):
    """By what content is captured now."""

    config: CaptureConfig
    redacting: Redacting


class Desk:
    """Of one process. What does not fit is not kept, and counted; what waits is lost with the process."""

    def __init__(self, table: ContentTable, clock: Clock) -> None:
        self.clock = clock
        self.room = Room(0)
        self.table = table
        self.dropped = Counter[str]()
        """Calls that were to be kept and are not, by why: `memory`, `unavailable`, `defect`, `stopped`."""
        self.captured = 0
        """Calls whose content has been stored."""
        self.means: Means | None = None
        self._size = 0
        """Of the room, used or not."""
        self._jobs = deque[Job]()
        self._rows: list[Content] = []
        self._waiting = asyncio.Event()
        self._turn = asyncio.Lock()
        self._stopped = False

    def use(self, means: Means | None) -> None:
        """Go by this from now on."""
        size = 0 if means is None else means.config.memory_mb * 1024 * 1024
        self.room.free += size - self._size
        self._size = size
        self.means = means or self.means

    def offer(self, job: Job) -> None:
        """Take a call's content, if there is room for it. Never waits."""
        if self._stopped:
            self._drop(job, "stopped")
        elif not self.room.take(job.size + ROW_BYTES):
            self._drop(job, "memory")
        else:
            self._jobs.append(job)
            self._waiting.set()

    async def run(self) -> None:
        """Store what comes, until cancelled."""
        while True:
            await self._waiting.wait()
            await asyncio.sleep(PAUSE_S)
            try:
                await self.flush()
            except StoreUnavailable as error:
                log.debug("captured content waits: %s", error.message)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("captured content could not be stored, and is lost")
                self._lose()

    async def flush(self) -> None:
        """Store all that waits.

        Raises:
            StoreUnavailable: it cannot be stored now, and waits.
        """
        async with self._turn:
            while self._jobs or self._rows:
                await self._prepare()
                await self._store()
            self._waiting.clear()

    async def close(self, limit_s: float) -> None:
        """Store what waits, if that can be done in time."""
        self._stopped = True
        try:
            async with asyncio.timeout(limit_s):
                await self.flush()
        except Exception as error:  # noqa: BLE001 - it is lost, whatever it is
            log.warning("captured content of %d calls is lost: %s", len(self._jobs) + len(self._rows), error)
        while self._jobs:
            job = self._jobs.popleft()
            self.room.give(job.size + ROW_BYTES)
            self._drop(job, "stopped")
        self._lose()

    def levels(self) -> Sequence[Level]:
        """How it is doing, for Prometheus; nothing where nothing was ever captured."""
        if self.means is None:
            return ()
        return [
            Level("headgate_content_captured_total", "Calls whose content was stored", self.captured),
            Level("headgate_content_dropped_total", "Calls whose content was to be stored and was not",
                  self.dropped.total()),
            Level("headgate_content_pushed_out_total", "Calls whose content was deleted early, to keep to the bound of "
                  "an organisation", self.table.pushed_out),
            Level("headgate_content_waiting_bytes", "Memory taken by content that passes or waits to be stored",
                  self._size - self.room.free),
        ]  # fmt: skip

    # ── parts ──

    async def _prepare(self) -> None:
        """Make rows of what waits, with a look at others' work after each."""
        means = self.means
        assert means is not None, "what is offered was asked for"
        busy_s = monotonic()
        while self._jobs and len(self._rows) < TOGETHER:
            job = self._jobs.popleft()
            row: Content | None = None
            try:
                work = partial(written, job, means.redacting, means.config.max_kb * 1024)
                row = await aside(work) if job.is_large else work()
            except Exception:
                log.exception("the content of a call could not be kept")
                self.dropped["defect"] += 1
            finally:
                job.kept.let_go()
                self.room.give(job.size + ROW_BYTES)
            if row is not None and self.room.take(row.bytes + ROW_BYTES):
                self._rows.append(row)
            elif row is not None:
                self.dropped["memory"] += 1
            if monotonic() - busy_s > 0.0005:
                await asyncio.sleep(0)
                busy_s = monotonic()

    async def _store(self) -> None:
        rows, means = self._rows[:TOGETHER], self.means
        if not rows or means is None:
            return
        await self.table.store(rows, means.config)
        self.captured += len(rows)
        self._let_go(rows)

    def _lose(self) -> None:
        """Give up what could not be stored."""
        if self._rows:
            self.dropped["unavailable"] += len(self._rows)
            self._let_go(list(self._rows))

    def _let_go(self, rows: Sequence[Content]) -> None:
        del self._rows[: len(rows)]
        self.room.give(sum(row.bytes + ROW_BYTES for row in rows))

    def _drop(self, job: Job, reason: str) -> None:
        job.kept.let_go()
        self.dropped[reason] += 1
