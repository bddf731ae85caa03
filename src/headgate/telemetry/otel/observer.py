"""What the telemetry stage tells of calls."""

from __future__ import annotations

from time import monotonic

from headgate.clock import Clock
from headgate.observing.kept import MOST_BYTES
from headgate.telemetry.calls import Timing
from headgate.telemetry.otel.pipeline import Pipeline
from headgate.telemetry.otel.rhythm import Kept, Rhythm
from headgate.telemetry.otel.spans import Ended
from headgate.telemetry.otel.vendors import Vendor
from headgate.trace import begin
from headgate.types import Call, Payload


class Observer:
    """Is told of calls by the telemetry stage of one configuration."""

    def __init__(self, pipeline: Pipeline, vendors: dict[str, Vendor], clock: Clock) -> None:
        self._pipeline = pipeline
        self._settings = pipeline.settings
        self._vendors = vendors
        self._clock = clock

    def began(self, call: Call) -> None:
        """Give a call its place in a trace."""
        settings = self._settings
        call.account.trace = begin(call.headers, settings.sample, follow=settings.follow)

    def streams(self) -> Rhythm:
        """What is told of the chunks of one stream."""
        content = self._settings.content
        if content is None:
            return Rhythm()
        return Kept(self._pipeline.room, min(MOST_BYTES, content.max_kb * 1024 * FRAMES_PER_TEXT))

    def ended(
        self, call: Call, code: str | None, timing: Timing, answer: Payload | None, rhythm: Rhythm | None
    ) -> None:
        """Take a call that is over. What is made of it is made later."""
        trace = call.account.trace
        if trace is None:
            return
        why = "share" if trace.sampled else ""
        if code is not None:
            why = "error"
        elif timing.seconds >= self._settings.slow_s:
            why = "slow"
        self._pipeline.take(
            Ended(
                call=call,
                trace=trace,
                code=code,
                timing=timing,
                zero_ns=self._clock.now_us() * 1000 - int(monotonic() * 1e9),
                rhythm=rhythm,
                sampled_for=why,
                vendors=self._vendors,
                answer=None if self._settings.content is None else answer,
            ),
            sampled=bool(why),
        )


FRAMES_PER_TEXT = 192
"""A stream's frames take about this much more memory than the text in them, where each has a token."""
