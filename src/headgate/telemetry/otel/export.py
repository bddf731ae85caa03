"""The way from calls to the collector there is now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from headgate.clock import Clock
from headgate.providers.provider import Provider
from headgate.telemetry.metrics import Level
from headgate.telemetry.otel.config import OtelConfig
from headgate.telemetry.otel.counts import Counts
from headgate.telemetry.stage import Observer


class Way(Protocol):
    """To one collector."""

    @property
    def waiting(self) -> int:
        """Spans that wait to be sent."""
        ...

    def start(self) -> None: ...

    async def close(self) -> None:
        """Send what there is, within a few seconds."""
        ...


class Export:
    """Outlives reloads of the configuration: another collector gets a pipeline of its own, and counts go on."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = environ
        self._clock = clock
        self._counts = Counts()
        self._pipeline: Way | None = None
        self._next: tuple[Way | None] | None = None
        self._started = False
        self._used = False
        """Whether anything was ever to be sent."""
        self._closing: set[asyncio.Task[None]] = set()

    def prepare(self, config: OtelConfig | None, providers: Mapping[str, Provider]) -> Observer | None:
        """What observes calls by a configuration that is about to be used; `use` makes it so. None where nothing is
        sent.

        Raises:
            ConfigError: it cannot be used.
        """
        self._next = (None,)
        if config is None:
            return None
        from headgate.telemetry.otel.making import made  # 10 ms that who sends nothing should not wait for

        found = made(config, self._environ, providers, self._pipeline, self._counts, self._clock)
        if found is None:
            return None
        pipeline, observer = found
        self._next = (pipeline,)
        return observer

    def use(self) -> None:
        """Use what was prepared. What came before sends what it has, and ends."""
        assert self._next is not None, "something was prepared"
        [pipeline], self._next = self._next, None
        before, self._pipeline = self._pipeline, pipeline
        self._used = self._used or pipeline is not None
        if before is pipeline:
            return
        if self._started:
            if before is not None:
                self._closing.add(task := asyncio.ensure_future(before.close()))
                task.add_done_callback(self._closing.discard)
            if pipeline is not None:
                pipeline.start()

    def start(self) -> None:
        """Begin to send."""
        self._started = True
        if self._pipeline is not None:
            self._pipeline.start()

    async def close(self) -> None:
        """Send what there is, within a few seconds, and end."""
        self._started = False
        await asyncio.gather(*self._closing, return_exceptions=True)
        if self._pipeline is not None:
            await self._pipeline.close()

    def levels(self) -> list[Level]:
        """How it is doing, for Prometheus; nothing where it never had anything to do."""
        pipeline, counts = self._pipeline, self._counts
        if not self._used:
            return []
        told = (
            ("spans_sent_total", "Spans the collector has taken", counts.spans),
            ("spans_waiting", "Spans that wait to be sent", 0 if pipeline is None else pipeline.waiting),
            ("spans_dropped_total", "Spans given up for want of room, or of time at the end", counts.queue_dropped),
            ("spans_refused_total", "Spans the collector did not want", counts.refused),
            ("calls_dropped_total", "Calls in no span or metric: too many were over at once", counts.calls_dropped),
            ("calls_broken_total", "Calls no spans could be made of", counts.broken),
            ("metrics_sent_total", "Messages of metrics the collector has taken", counts.metrics),
            ("failed_sends_total", "Messages that did not reach the collector", counts.failed_sends),
        )
        return [Level(f"headgate_otel_{name}", what, value) for name, what, value in told]
