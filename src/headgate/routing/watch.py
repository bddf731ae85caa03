"""Watching every attempt at a target: the innermost stage, around the exchange with the vendor."""

from __future__ import annotations

from time import monotonic

from msgspec.structs import replace

from headgate.errors import HeadgateError, Timeout
from headgate.events import BreakerClosed, BreakerOpened, BreakerProbed
from headgate.routing.breaker import Change
from headgate.routing.causes import Remedy, remedy_of
from headgate.routing.latency import PeakEwma
from headgate.routing.target import Target
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Attempt, Call, Chunks, Reply

MAX_COOLING_S = 300.0
"""Longest rest a vendor's `retry-after` can ask for before a call goes to see."""

IMPATIENT_S = 1.0
"""A call given up sooner, or in less than twice what its target takes, tells of its client and not of the target."""

PATIENT = 2.0
"""How many times what an answer takes on the whole a client has waited whose giving up is a sign of overload."""

OVERLOAD = frozenset({"rate_limited", "overloaded", "timeout"})
"""Causes that are signs of overload."""

_MOST_EXPECTED = 100_000
"""Most tokens a request is expected to use: long bodies hold pictures, whose bytes are no tokens."""
_BYTES_PER_TOKEN = 4
"""What a request's tokens are expected to be, to keep within a target's tokens a minute."""


class Watch:
    """Counts what is under way at a target, and lets it know how every attempt ended."""

    operations = EVERY_OPERATION

    def __init__(self, target: Target) -> None:
        self._target = target
        self._is_many = "*" in target.name
        """Behind a wildcard are many models: what one is told of its limits is not the others'."""

    async def __call__(self, call: Call, next: Next) -> Reply:
        attempt = call.attempt
        assert attempt is not None, "the attempt fold begins with a settling stage"
        target = self._target
        began = monotonic()
        target.limiter.enter()
        if target.breaker.began(began):
            call.account.events.append(BreakerProbed(target.name))
        expected = 0
        try:
            if target.quota is not None:
                expected = min(len(call.request.encode()) // _BYTES_PER_TOKEN, _MOST_EXPECTED)
                target.quota.began(began, expected)
            reply = await next(call)
        except BaseException as error:
            if attempt.sent:
                self._failed(call, error, began, started=False)
            else:
                target.breaker.undecided(began, monotonic())
            self._left(attempt, began, monotonic(), expected)
            raise
        now = monotonic()
        if reply.chunks is not None:
            self._answered(call, began, now, target.first_token)
            return replace(reply, chunks=self._watched(call, attempt, reply.chunks, began, expected))
        if attempt.sent:
            self._answered(call, began, now, target.whole)
            target.limiter.went_well(now, now - began)
        self._left(attempt, began, now, expected)
        return reply

    async def _watched(self, call: Call, attempt: Attempt, chunks: Chunks, began: float, expected: int) -> Chunks:
        """A stream under way is a call under way, and one that breaks is a failure."""
        try:
            async for chunk in chunks:
                yield chunk
            now = monotonic()
            self._target.limiter.went_well(now, now - began)
        except BaseException as error:
            await chunks.aclose()
            self._failed(call, error, began, started=True)
            raise
        finally:
            self._left(attempt, began, monotonic(), expected)

    def _answered(self, call: Call, began: float, now: float, average: PeakEwma) -> None:
        seconds = now - began
        average.observe(now, seconds)
        if self._target.breaker.is_back(began):
            self._target.forgive()
        change = self._target.breaker.succeeded(began, now, seconds)
        if change is not None:
            self._changed(call, change)

    def _left(self, attempt: Attempt, began: float, now: float, expected: int) -> None:
        target = self._target
        target.limiter.leave(now - began)
        if target.quota is not None:
            usage = attempt.usage
            used = 0 if usage is None else usage.total_input_tokens + usage.total_output_tokens
            target.quota.settled(now, began, expected, used)
        if self._is_many:
            return
        if attempt.allowance is not None:
            target.learn(now, attempt.allowance)
        if attempt.answer_model is not None:
            target.answered_by = attempt.answer_model

    def _failed(self, call: Call, error: BaseException, began: float, *, started: bool) -> None:
        target = self._target
        now = monotonic()
        average = target.average(call.stream)
        remedy = remedy_of(error) if isinstance(error, HeadgateError) else None
        if remedy is None or (isinstance(error, Timeout) and now >= call.deadline):
            # the client has gone or had no more time, another attempt was faster, or the error is our own
            if started or not self._has_waited(remedy, average, began, now):
                target.breaker.undecided(began, now)
                if not started:
                    average.give_up(now, now - began)
                return
        elif remedy.cause in OVERLOAD:
            target.limiter.overloaded(began, now)
        assert isinstance(error, HeadgateError)
        assert remedy is not None
        if remedy.cause is None or not remedy.counts or error.fresh_key or (self._is_many and remedy.cause == "auth"):
            target.breaker.undecided(began, now)
            return
        target.cause = remedy.cause
        if not started:
            average.fail(now, now - began)
        if error.retry_after_s and not self._is_many:
            target.cool(now + min(error.retry_after_s, MAX_COOLING_S))
        change = target.breaker.failed(began, now, answered=started)
        if change is not None:
            self._changed(call, change)

    def _has_waited(self, remedy: Remedy | None, average: PeakEwma, began: float, now: float) -> bool:
        """Whether a call whose time was over had given its target enough of it for that to be the target's failure."""
        if remedy is None:
            return False
        seconds = now - began
        if average.norm and seconds >= PATIENT * average.norm:
            self._target.limiter.overloaded(began, now)
        return seconds >= max(IMPATIENT_S, 2 * average.usual(now))

    def _changed(self, call: Call, change: Change) -> None:
        target = self._target
        if change == "closed":
            target.forgive()
        event = BreakerClosed(target.name) if change == "closed" else BreakerOpened(target.name, target.breaker.reason)
        call.account.events.append(event)
