"""The end of the model fold: a call goes to one of a model's targets, and where that fails to another, or again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from time import monotonic

import msgspec
from msgspec.structs import replace

from headgate.errors import Forbidden, HeadgateError, NotFound, RateLimited
from headgate.events import Hedged, Queued, Retried, RetryDenied, Routed, Shed
from headgate.routing.balance import Choose
from headgate.routing.causes import Remedy, remedy_of
from headgate.routing.config import QueueConfig, RetryConfig
from headgate.routing.hedge import Hedge, Start, race
from headgate.routing.limiter import full
from headgate.routing.option import Option
from headgate.routing.resting import Resting
from headgate.routing.retry import RetryBudget, delay_s
from headgate.routing.summary import summed_up
from headgate.types import Call, Reply

MAX_KEYS = 10
"""Keys of one provider that a call is tried with."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a route recovers."""

    retry: RetryConfig
    queue: QueueConfig
    choose: Choose
    budget: RetryBudget
    hedge: Hedge | None = None


class Route:
    """Chooses among a model's targets, and recovers from their failures as long as nothing has gone to the client.

    A call that is pinned goes to the target that holds what it refers to and to no other.
    """

    def __init__(self, model: str, options: Sequence[Option], settings: Settings) -> None:
        self._model = model
        self._options = options
        self._settings = settings
        self._budget = settings.budget
        self._hedge = settings.hedge
        self._tiers = _tiers(options)
        self._only = options[0] if len(options) == 1 else None

    async def __call__(self, call: Call) -> Reply:
        now = monotonic()
        self._budget.deposit()
        if self._only is not None and call.pinned is None:
            option = self._only
            if not option.target.free(now):
                await self._wait(call, [option])
                now = monotonic()
        else:
            option = self._choose(call, now)
            if option is None:
                option = await self._wait(call, self._open_to(call))
                now = monotonic()
            call.account.events.append(Routed(self._model, option.name))
        if option.target.limiter.too_late(now, call.deadline):
            option = self._sooner(call, option, now)
        try:
            if self._hedge is not None:
                return await self._hedged(call, option, self._hedge)
            return await option.attempt(call)
        except HeadgateError as error:
            failure = error
        try:
            return await self._recover(call, option, failure)
        finally:
            del failure  # it holds this frame, and the frame the call with its body

    # ── choosing ──

    def _choose(self, call: Call, now: float, beside: Sequence[Option] = ()) -> Option | None:
        """The target a call goes to, none of `beside`; None where none can take it now."""
        for tier in [self._open_to(call)] if call.pinned is not None else self._tiers:
            free = [option for option in tier if option.target.free(now) and option not in beside]
            if free:
                due = [option for option in free if option.target.breaker.due(now)]
                if due:
                    return due[0]  # one call, to see whether it is back
                return free[0] if len(free) == 1 else self._settings.choose(free, call, now)
        return None

    def _sooner(self, call: Call, option: Option, now: float) -> Option:
        """Another target, where one would answer too late.

        Raises:
            Overloaded: there is none that would not.
        """
        option.target.limiter.wake()  # this call may have had a place
        other = self._choose(call, now, beside=(option,))
        if other is not None and not other.target.limiter.too_late(now, call.deadline):
            return other
        call.account.events.append(Shed(option.name))
        raise full(option.name, option.target.limiter.service_s)

    def _open_to(self, call: Call) -> Sequence[Option]:
        """The targets a call may go to: all, or the one that holds what it refers to."""
        if call.pinned is None:
            return self._options
        for option in self._options:
            if call.pinned == (option.name if call.matched is None else option.name.replace("*", call.matched)):
                return [option]
        raise NotFound(
            f"This request refers to something held by '{call.pinned}', which model '{self._model}' does not use. "
            f"Ask for the model it was made with."
        )

    async def _wait(self, call: Call, options: Sequence[Option]) -> Option:
        """Wait for a target that can take the call, in its queue or until it is rested.

        Raises:
            Overloaded: it would take too long; says when to come back.
            RateLimited: so the vendor says.
        """
        began = monotonic()
        while True:
            now = monotonic()
            rested = [option for option in options if option.target.rested(now)]
            if rested:
                free = [option for option in rested if option.target.limiter.free]
                option = free[0] if free else await self._queued(call, rested)
                if option.target.rested(monotonic()):
                    return option
                option.target.limiter.wake()
                continue
            soonest = min(options, key=lambda option: option.target.ready_at(now))
            ready_at = soonest.target.ready_at(now)
            limiter = soonest.target.limiter
            if (
                soonest.target.breaker.open_until > now
                or ready_at >= call.deadline
                or not self._worth_waiting(began, ready_at)
                or limiter.asleep + limiter.waiting >= self._settings.queue.length
            ):
                raise self._resting(soonest, now, ready_at - now)
            limiter.asleep += 1
            try:
                await self._sleep(call, ready_at - now + delay_s(self._settings.retry, 1))
            finally:
                limiter.asleep -= 1

    async def _queued(self, call: Call, options: Sequence[Option]) -> Option:
        """Wait for a place at the target whose queue is the shortest."""
        option = min(options, key=lambda option: option.target.limiter.expected_wait_s())
        identity = call.identity
        began = monotonic()
        try:
            await option.target.limiter.turn(
                f"{identity.organisation}/{identity.key_id}", call.deadline, self._settings.queue, option.name
            )
        except HeadgateError:
            call.account.events.append(Shed(option.name))
            raise
        finally:
            call.account.upstream_s += monotonic() - began
        call.account.events.append(Queued(option.name, monotonic() - began))
        return option

    def _resting(self, soonest: Option, now: float, ready_s: float) -> HeadgateError:
        cause = soonest.target.why(now)
        ready_s = min(ready_s, self._settings.retry.max_s) if ready_s == inf else ready_s
        if cause == "rate_limited":
            return RateLimited(
                f"The rate limits of '{self._model}' are used up for now; try again in {max(1, round(ready_s))} s.",
                retry_after_s=ready_s,
            )
        return Resting(self._model, cause, ready_s)

    # ── recovering ──

    async def _recover(self, call: Call, option: Option, error: HeadgateError) -> Reply:
        """Try elsewhere or again, as long as the failure, the retry budget and the deadline allow it.

        Raises:
            HeadgateError: the last one there was.
        """
        began = monotonic()
        tried: dict[Option, int] = {}
        spent: set[Option] = set()
        keys = 0
        again = replace(call, cause="retry")
        try:
            while True:
                remedy = remedy_of(error)
                tried[option] = tried.get(option, 0) + 1
                following: Option | None = None
                if error.fresh_key and keys < MAX_KEYS and option.target.has_room(monotonic()):
                    keys += 1
                    if self._in_time(call, option, monotonic()) and self._paid(call, option):
                        following = option
                elif remedy.again or remedy.elsewhere:
                    if not remedy.again or tried[option] >= self._attempts(remedy):
                        spent.add(option)
                    following = await self._next(call, option, remedy, tried, spent)
                if following is None:
                    raise summed_up(error, call.account)
                waited_s = monotonic() - began
                call.account.events.append(Retried(following.name, remedy.cause or error.code, waited_s))
                try:
                    return await following.attempt(again)
                except Forbidden:
                    raise summed_up(error, call.account) from None  # it was not tried: what failed before tells more
                except HeadgateError as failure:
                    option, error, began = following, failure, monotonic()
        finally:
            del error  # it holds this frame, and the frame the call with its body

    async def _next(
        self, call: Call, option: Option, remedy: Remedy, tried: dict[Option, int], spent: set[Option]
    ) -> Option | None:
        """Where the call goes next, as soon as it can; None where it is to go nowhere."""
        began = monotonic()
        paid = remedy.cause is None  # nothing was sent, so that nothing is multiplied
        while True:
            following, wait_s = self._following(call, tried, spent)
            until = monotonic() + wait_s
            if following is None or not self._worth_waiting(began, until) or not self._in_time(call, option, until):
                return None
            if not paid and not self._paid(call, option):
                return None
            paid = True
            if wait_s > 0:
                await self._sleep(call, wait_s)
            if not following.target.limiter.free:
                try:
                    await self._queued(call, [following])
                except HeadgateError:
                    return None
            if following.target.rested(monotonic()):
                return following
            following.target.limiter.wake()

    def _following(self, call: Call, tried: dict[Option, int], spent: set[Option]) -> tuple[Option | None, float]:
        """Where to go next, and after how long: at once to a target that was not tried, else again after a while."""
        now = monotonic()
        fresh = self._choose(call, now, beside=(*tried, *spent))
        if fresh is not None:
            return fresh, 0.0
        waits = {
            each: max(0.0, each.target.ready_at(now) - now) + delay_s(self._settings.retry, tried.get(each, 1))
            for each in self._open_to(call)
            if each not in spent and each.target.breaker.open_until <= now
        }
        if not waits:
            return None, 0.0
        soonest = min(waits, key=lambda each: waits[each])
        return soonest, waits[soonest]

    def _attempts(self, remedy: Remedy) -> int:
        """How many attempts a target gets."""
        retry = self._settings.retry
        return retry.attempts if remedy.cause is None else retry.rules.get(remedy.cause, retry.attempts)

    def _in_time(self, call: Call, option: Option, until: float) -> bool:
        if until < call.deadline:
            return True
        call.account.events.append(RetryDenied(option.name, "deadline"))
        return False

    def _paid(self, call: Call, option: Option) -> bool:
        if self._budget.withdraw(monotonic()):
            return True
        call.account.events.append(RetryDenied(option.name, "budget"))
        return False

    def _worth_waiting(self, began: float, until: float) -> bool:
        return until - began <= self._settings.retry.max_wait_s

    async def _sleep(self, call: Call, seconds: float) -> None:
        await asyncio.sleep(seconds)
        call.account.upstream_s += seconds

    # ── hedging ──

    async def _hedged(self, call: Call, option: Option, hedge: Hedge) -> Reply:
        """The first attempt of a call, with a second one beside it if it takes long."""
        hedge.deposit()
        after_s = hedge.after_s(call)
        if after_s is not None and monotonic() + after_s >= call.deadline:
            after_s = None

        def second() -> Start | None:
            now = monotonic()
            other = self._choose(call, now, beside=(option,)) or (option if option.target.free(now) else None)
            if other is None or not hedge.allowed():
                return None
            call.account.events.append(Hedged(other.name, after_s or 0.0))
            return other.attempt, replace(call, cause="hedge")

        def ended(seconds: float, answered: bool) -> None:
            hedge.observe(call.stream, seconds, answered=answered)

        return await race((option.attempt, call), second, after_s, ended)


def _tiers(options: Sequence[Option]) -> list[list[Option]]:
    """The targets by priority, those that are paid for anyway first within each."""
    order = sorted({(option.priority, not option.provisioned) for option in options})
    return [[option for option in options if (option.priority, not option.provisioned) == each] for each in order]
