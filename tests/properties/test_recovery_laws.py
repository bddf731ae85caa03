"""Whatever targets do, a call ends in one answer or one error, in time, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from calls import call
from headgate.errors import (
    BadRequest,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    InternalError,
    MalformedOutput,
    NotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    TlsFailed,
    Unsupported,
    UpstreamAuth,
)
from headgate.ledger import MemoryLedger
from headgate.routing.config import BalanceConfig, BreakerConfig, FallbackConfig, HedgeConfig, QueueConfig, RetryConfig
from headgate.routing.fallback import Entry, Fallback
from headgate.routing.hedge import Hedge
from headgate.routing.option import Option
from headgate.routing.retry import RetryBudget
from headgate.routing.route import MAX_KEYS
from headgate.stage import Next
from headgate.types import Call
from targets import Outcome, Vendor, answers, breaks, fails, hangs, option, read, refuses, route
from virtual_time import now, run

KINDS: list[type[HeadgateError]] = [
    BadRequest, ConnectionFailed, ContentFiltered, ContextTooLong, InternalError, MalformedOutput, NotFound, Overloaded,
    QuotaExhausted, RateLimited, ServerError, Timeout, TlsFailed, UpstreamAuth,
]  # fmt: skip
SECONDS = st.sampled_from([0.0, 0.4, 1.0, 3.0, 30.0])


@dataclass(frozen=True)
class Act:
    """What a target does in one attempt, told so that an example can be read."""

    does: str
    seconds: float = 0.0
    kind: type[HeadgateError] = ServerError
    retry_after_s: float | None = None
    fresh_key: bool = False

    def outcome(self) -> Outcome:
        match self.does:
            case "answers":
                return answers(self.seconds)
            case "fails":
                return fails(self.kind, self.seconds, retry_after_s=self.retry_after_s, fresh_key=self.fresh_key)
            case "breaks":
                return breaks(self.kind)
            case "refuses":
                return refuses(Unsupported)
            case _:
                return hangs


ACTS = st.one_of(
    st.builds(Act, st.just("answers"), SECONDS),
    st.builds(
        Act,
        st.just("fails"),
        SECONDS,
        st.sampled_from(KINDS),
        st.sampled_from([None, None, 0.01, 2.0, 60.0]),
        st.booleans(),
    ),
    st.builds(Act, st.just("breaks"), kind=st.sampled_from([ServerError, ConnectionFailed, MalformedOutput])),
    st.builds(Act, st.sampled_from(["refuses", "hangs"])),
)
SCRIPTS = st.lists(st.lists(ACTS, min_size=1, max_size=4), min_size=1, max_size=3)


@dataclass(frozen=True)
class Made:
    """One call, and what its client does."""

    stream: bool
    begins_at: float
    deadline_s: float
    leaves_after_s: float | None
    stops_reading: bool
    """It closes the stream after its first piece."""


MADE = st.builds(
    Made,
    st.booleans(),
    st.sampled_from([0.0, 0.0, 0.5, 6.0]),
    st.sampled_from([0.3, 2.0, 20.0, 100.0]),
    st.one_of(st.none(), st.none(), st.sampled_from([0.0, 0.4, 1.0, 3.0, 5.0])),
    st.booleans(),
)


@dataclass(frozen=True)
class Setting:
    """How a route is configured."""

    attempts: int = 3
    hedge_s: float | None = None
    max_concurrent: int = 100
    rpm: int | None = None
    min_calls: int = 3
    by: Any = "auto"
    priorities: bool = False
    budget: float = 1.0


SETTINGS = st.builds(
    Setting,
    st.integers(1, 3),
    st.sampled_from([None, 0.4, 1.0]),
    st.sampled_from([1, 2, 100]),
    st.sampled_from([None, None, 2]),
    st.sampled_from([1, 3, 1000]),
    st.sampled_from(["auto", "weight", "cost"]),
    st.booleans(),
    st.sampled_from([0.0, 0.2, 1.0]),
)


@dataclass
class World:
    """Targets with scripts, and a way to them."""

    scripts: Sequence[Sequence[Act]]
    setting: Setting
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    vendors: list[Vendor] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)

    def way(self, name: str = "") -> Next:
        """A route over targets of their own."""
        setting = self.setting
        vendors = [
            Vendor(f"{name}{letter}/x", *(act.outcome() for act in script))
            for letter, script in zip("abc", self.scripts, strict=False)
        ]
        choices = [
            option(
                vendor,
                ledger=self.ledger,
                breaker=BreakerConfig(min_calls=setting.min_calls),
                limits={"max_concurrent": setting.max_concurrent, "rpm": setting.rpm},
                priority=number if setting.priorities else 1,
            )
            for number, vendor in enumerate(vendors, 1)
        ]
        self.vendors += vendors
        self.options += choices
        return route(
            choices,
            retry=RetryConfig(attempts=setting.attempts),
            queue=QueueConfig(wait_s=5.0),
            balance=BalanceConfig(by=setting.by),
            budget=RetryBudget(setting.budget, 100),
            hedge=None if setting.hedge_s is None else Hedge(HedgeConfig(after_s=setting.hedge_s, budget=1.0)),
        )

    def check_nothing_is_left(self) -> None:
        for vendor, choice in zip(self.vendors, self.options, strict=True):
            limiter = choice.target.limiter
            assert vendor.under_way == 0, f"{vendor.name} is still at work"
            assert vendor.most <= self.setting.max_concurrent
            assert (limiter.in_flight, limiter.waiting, limiter._woken) == (0, 0, 0)
            if self.setting.rpm is not None:
                assert all(
                    later - sooner >= 60
                    for sooner, later in zip(vendor.times, vendor.times[self.setting.rpm :], strict=False)
                )


async def outcomes(going: Next, made: Made, number: int) -> tuple[Call, list[str]]:
    """All that a client is told of one call."""
    await asyncio.sleep(made.begins_at)
    began = now()
    one = call(id=f"req_{number}", stream=made.stream, deadline=began + made.deadline_s)
    told: list[str] = []

    async def answered() -> None:
        try:
            reply = await going(one)
        except HeadgateError as error:
            told.append(f"error {error.code}")
            return
        finally:
            assert now() <= one.deadline + 0.001
        told.append("answer")
        assert (reply.chunks is None) is not made.stream
        if reply.chunks is None:
            await read(reply)
            return
        try:
            async for _ in reply.chunks:
                if made.stops_reading:
                    break
        except HeadgateError:
            told.append("broken")
        finally:
            await reply.chunks.aclose()

    task = asyncio.ensure_future(answered())
    if made.leaves_after_s is not None:
        await asyncio.sleep(made.leaves_after_s)
        task.cancel()
    await asyncio.wait([task])
    if task.cancelled():
        told.append("left")
    else:
        task.result()
    return one, told


def check_one_end(told: Sequence[str]) -> None:
    """Exactly one answer or one error, unless the client has gone."""
    ends = [each for each in told if each == "answer" or each.startswith("error")]
    assert len(ends) == 1 or (ends, told) == ([], ["left"])


def check_settled(world: World, one: Call) -> None:
    """Each attempt that was sent has its row, and is over."""
    rows = world.ledger.rows(one.id)
    assert len(rows) == len(one.account.attempts)
    assert all(attempt.settled for attempt in one.account.attempts)
    causes = [row.cause for row in rows]
    assert causes.count("primary") <= 1
    assert causes.count("hedge") <= (world.setting.hedge_s is not None)


@settings(max_examples=600, deadline=None)
@given(SCRIPTS, SETTINGS, st.lists(MADE, min_size=1, max_size=4))
@example([[Act("answers", 1.0)], [Act("answers", 0.6)]], Setting(hedge_s=0.4), [Made(True, 0.0, 20.0, 1.0, False)])
def test_no_schedule_of_faults_yields_two_answers_or_none(
    scripts: list[list[Act]], setting: Setting, calls: list[Made]
) -> None:
    async def main() -> None:
        world = World(scripts, setting)
        going = world.way()
        done = await asyncio.gather(*(outcomes(going, made, number) for number, made in enumerate(calls)))
        for one, told in done:
            check_one_end(told)
            check_settled(world, one)
            sent = len(one.account.attempts)
            assert sent <= setting.attempts * len(scripts) + MAX_KEYS + (setting.hedge_s is not None)
        world.check_nothing_is_left()

    run(main())


@settings(max_examples=300, deadline=None)
@given(SCRIPTS, SETTINGS, st.lists(MADE, min_size=1, max_size=3))
def test_neither_does_one_with_fallbacks(scripts: list[list[Act]], setting: Setting, calls: list[Made]) -> None:
    async def main() -> None:
        world = World(scripts, setting)
        own = world.way("own_")
        fallback = Fallback(
            {
                "timeout": [Entry(FallbackConfig(use="late"), world.way("late_"))],
                "any": [Entry(FallbackConfig(use="any"), world.way("any_"))],
            }
        )

        async def going(made: Call) -> Any:
            return await fallback(made, own)

        for one, told in await asyncio.gather(*(outcomes(going, made, number) for number, made in enumerate(calls))):
            check_one_end(told)
            assert len(world.ledger.rows(one.id)) == len(one.account.attempts)
        world.check_nothing_is_left()

    run(main())


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(SECONDS, st.sampled_from([None, 0.5, 3.0, 14.0])), min_size=1, max_size=6),
    st.integers(1, 10),
    st.floats(0.05, 60),
    st.floats(0.01, 20),
)
def test_no_retry_begins_or_is_waited_for_beyond_the_deadline(
    failures: list[tuple[float, float | None]], attempts: int, deadline_s: float, base_s: float
) -> None:
    async def main() -> None:
        vendor = Vendor("a/x", *(fails(ServerError, after_s, retry_after_s=wait_s) for after_s, wait_s in failures))
        config = RetryConfig(attempts=attempts, base_s=base_s, max_s=max(8.0, base_s), max_wait_s=30)
        began = now()
        try:
            await route([option(vendor)], retry=config)(call(deadline=began + deadline_s))
        except HeadgateError:
            pass
        assert now() <= began + deadline_s + 0.001
        assert all(time < began + deadline_s for time in vendor.times)
        assert len(vendor.times) <= attempts

    run(main())
