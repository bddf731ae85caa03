"""The outermost stage: takes the account when the call ends."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Protocol

from msgspec.structs import replace

from headgate.errors import HeadgateError
from headgate.stage import EVERY_OPERATION, Next
from headgate.telemetry.calls import CallRecorder, Timing
from headgate.telemetry.config import CallsConfig
from headgate.telemetry.metrics import Metrics, Pace
from headgate.telemetry.otel.rhythm import Rhythm
from headgate.types import Call, Chunks, Payload, Reply

ALL = CallsConfig()


class Observer(Protocol):
    """Is told of calls. Never waits or raises."""

    def began(self, call: Call) -> None:
        """A call has come."""
        ...

    def streams(self) -> Rhythm:
        """An answer is a stream: the chunks that pass are told to what this gives."""
        ...

    def ended(
        self, call: Call, code: str | None, timing: Timing, answer: Payload | None, rhythm: Rhythm | None
    ) -> None:
        """A call is over; `answer` is its whole answer, `rhythm` what was told of its stream."""
        ...


class Telemetry:
    """Counts every call, whole or streamed, once, when its last byte is out or it has failed. One that goes on without
    its client is under way until that is over.
    """

    operations = EVERY_OPERATION

    def __init__(
        self,
        metrics: Metrics,
        recorder: CallRecorder | None = None,
        config: CallsConfig = ALL,
        say: Callable[[Call, str | None, Timing], None] | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`recorder` writes down every call, `say` tells the log of it, `observer` makes traces of them; None where
        nothing does.
        """
        self._metrics = metrics
        self._recorder = recorder
        self._config = config
        self._say = say
        self._observer = observer

    async def __call__(self, call: Call, next: Next) -> Reply:
        started = monotonic()
        self._metrics.call_began()
        if self._observer is not None:
            self._observer.began(call)
        try:
            reply = await next(call)
        except BaseException as error:
            self._ended(call, started, outcome(error))
            raise
        if reply.chunks is None:
            self._ended(call, started, None, answer=reply.payload)
            return reply
        return replace(reply, chunks=self._counted(call, reply.chunks, started))

    async def _counted(self, call: Call, chunks: Chunks, started: float) -> Chunks:
        overhead_s = monotonic() - started - call.account.upstream_s
        rhythm = None if self._observer is None else self._observer.streams()
        try:
            async for chunk in chunks:
                if rhythm is not None:
                    rhythm.passed(chunk)
                yield chunk
        except BaseException as error:
            try:
                await chunks.aclose()
            finally:
                self._ended(call, started, outcome(error), overhead_s, rhythm=rhythm)
            raise
        self._ended(call, started, None, overhead_s, rhythm=rhythm)

    def _ended(
        self,
        call: Call,
        started: float,
        code: str | None,
        overhead_s: float | None = None,
        *,
        answer: Payload | None = None,
        rhythm: Rhythm | None = None,
    ) -> None:
        seconds = monotonic() - started
        if overhead_s is None:
            overhead_s = seconds - call.account.upstream_s
        timing = Timing(started, seconds, max(0.0, overhead_s))
        call.account.when_over(self._count, call, code, timing, answer, rhythm)

    def _count(
        self, call: Call, code: str | None, timing: Timing, answer: Payload | None, rhythm: Rhythm | None
    ) -> None:
        metrics, model = self._metrics, call.label or call.model
        pace = metrics.call_ended(model, call.operation, call.stream, code or "ok", timing.seconds, timing.overhead_s)
        if call.stream:
            _observe_tokens(pace, call, code, timing)
        metrics.account_closed(call.account, model)
        if self._recorder is not None:
            self._recorder.record(call, code, timing, self._config)
        if self._say is not None:
            self._say(call, code, timing)
        if self._observer is not None:
            self._observer.ended(call, code, timing, answer, rhythm)


def _observe_tokens(pace: Pace, call: Call, code: str | None, timing: Timing) -> None:
    """Note when the first token of a stream came, and how long each one after it took."""
    attempt = call.account.answering
    if attempt is None or attempt.first_token_s is None:
        return
    first_s = attempt.started + attempt.first_token_s - timing.started
    pace.first_token.observe(first_s)
    if code is None and attempt.usage is not None:
        more = attempt.usage.total_output_tokens - 1
        if more > 0:
            pace.per_token.observe((timing.seconds - first_s) / more)


def outcome(error: BaseException) -> str:
    """A label for how a call ended: the error's code, never its text."""
    if isinstance(error, HeadgateError):
        return error.code
    return "internal_error" if isinstance(error, Exception) else "cancelled"
