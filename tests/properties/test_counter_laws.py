"""Whatever is reserved and settled, and whenever: counters are what a plain list of everything that happened says, and no
window of any place ever holds more than its ceiling.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import services
from headgate.clock import ManualClock
from headgate.storage.counters import SUB_WINDOWS, Claim, Counters, Granted, Outcome, Refused, Unseeded
from headgate.storage.memory_counters import MemoryCounters
from headgate.storage.redis_counters import RedisCounters
from redis_clock import BEGIN_US, server_time

WINDOWS = (1_000_000, 7_000_003, 60_000_000)
"""One whose sixtieth is whole, and two where it is not, or not nearly."""

CEILINGS = st.sampled_from([None, 0, 1, 5, 10, 2**53 + 1])
AMOUNTS = st.one_of(st.integers(0, 12), st.sampled_from([2**53, 2**53 + 1]))

CLAIMS = st.one_of(
    st.builds(Claim, st.sampled_from("ab"), AMOUNTS, CEILINGS, st.just("sliding"), st.sampled_from(WINDOWS)),
    st.builds(Claim, st.sampled_from("pq"), AMOUNTS, CEILINGS, st.just("period")),
    st.builds(Claim, st.sampled_from("lm"), st.just(1), st.sampled_from([None, 0, 1, 2]), st.just("lease")),
)


@dataclass(frozen=True)
class Reserve:
    claims: list[Claim]


@dataclass(frozen=True)
class Settle:
    which: int
    """Counted from the latest reservation that was granted."""
    amounts: list[int]


@dataclass(frozen=True)
class Seed:
    counter: str
    value: int


@dataclass(frozen=True)
class Wait:
    us: int


WAITS = st.one_of(
    st.integers(0, 3_000_000),
    st.builds(lambda window, slots, more: -(-window // SUB_WINDOWS) * slots + more, st.sampled_from(WINDOWS),
              st.integers(0, 62), st.integers(0, 1)),
)  # fmt: skip

STEPS = st.lists(
    st.one_of(
        st.builds(Reserve, st.lists(CLAIMS, min_size=1, max_size=4)),
        st.builds(Reserve, st.lists(CLAIMS, min_size=1, max_size=4)),
        st.builds(Settle, st.integers(0, 5), st.lists(AMOUNTS, min_size=4, max_size=4)),
        st.builds(Seed, st.sampled_from("pq"), st.integers(0, 5)),
        st.builds(Wait, WAITS),
    ),
    max_size=40,
)


@dataclass
class Entry:
    """What was counted in a window at a time."""

    at_us: int
    slot: int
    amount: int


@dataclass
class Model:
    """Counters as lists of everything that happened."""

    windows: dict[tuple[str, int], list[Entry]] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    leases: dict[str, list[str]] = field(default_factory=dict)
    entries: dict[str, list[Entry | None]] = field(default_factory=dict)
    """Of a holder that has not settled, by claim."""

    def total(self, claim: Claim, now_us: int) -> int:
        if claim.kind == "period":
            return self.sums[claim.counter]
        if claim.kind == "lease":
            return len(self.leases.get(claim.counter, []))
        first = now_us // width(claim.window_us) - SUB_WINDOWS
        return sum(each.amount for each in self.window(claim) if each.slot >= first)

    def window(self, claim: Claim) -> list[Entry]:
        return self.windows.setdefault((claim.counter, claim.window_us), [])

    def reserve(self, holder: str, claims: Sequence[Claim], now_us: int) -> Outcome:
        totals: list[int] = []
        for position, claim in enumerate(claims):
            if claim.kind == "period" and claim.counter not in self.sums:
                names = [each.counter for each in claims if each.kind == "period" and each.counter not in self.sums]
                return Unseeded([*dict.fromkeys(names)])
            before = self.total(claim, now_us)
            same = [each for each in claims[:position] if (each.kind, each.counter, each.window_us) ==
                    (claim.kind, claim.counter, claim.window_us)]  # fmt: skip
            asked = claim.amount + (0 if claim.kind == "lease" else sum(each.amount for each in same))
            if claim.ceiling is not None and before + asked > claim.ceiling:
                wait = self.wait_s(claims, position, now_us) if claim.kind == "sliding" else inf
                return Refused(position, before, wait)
            totals.append(before + asked)
        self.entries[holder] = [self.count(claim, claim.amount, now_us) for claim in claims]
        for claim in claims:
            if claim.kind == "period":
                self.sums[claim.counter] += claim.amount
            elif claim.kind == "lease" and holder not in self.leases.setdefault(claim.counter, []):
                self.leases[claim.counter].append(holder)
        return Granted(totals, [entry.slot if entry else 0 for entry in self.entries[holder]])

    def count(self, claim: Claim, amount: int, now_us: int) -> Entry | None:
        if claim.kind != "sliding":
            return None
        entry = Entry(now_us, now_us // width(claim.window_us), amount)
        self.window(claim).append(entry)
        return entry

    def wait_s(self, claims: Sequence[Claim], position: int, now_us: int) -> float:
        """Found by trying every time at which a slot slides out."""
        longest = 0.0
        for at, claim in enumerate(claims):
            if claim.kind != "sliding" or claim.ceiling is None:
                continue
            slot_us, key = width(claim.window_us), (claim.counter, claim.window_us)
            asked = sum(
                each.amount
                for each in claims[: at + 1]
                if each.kind == "sliding" and (each.counter, each.window_us) == key
            )
            turn_us = (now_us // slot_us + 1) * slot_us
            times = [now_us, *(turn_us + slot * slot_us for slot in range(SUB_WINDOWS + 1))]
            fits = [time for time in times if self.total(claim, time) + asked <= claim.ceiling]
            if fits:
                longest = max(longest, (fits[0] - now_us) / 1e6)
            elif at == position:
                return inf
        return longest

    def settle(self, holder: str, claims: Sequence[Claim], amounts: Sequence[int], now_us: int) -> None:
        entries = self.entries.pop(holder, None)
        if entries is None:
            return
        for claim, amount, entry in zip(claims, amounts, entries, strict=False):
            more = amount - claim.amount
            if claim.kind == "period":
                self.sums[claim.counter] += more
            elif claim.kind == "lease":
                if holder in self.leases[claim.counter]:
                    self.leases[claim.counter].remove(holder)
            elif entry is not None and more < 0:
                entry.amount += more
            elif more > 0:
                self.count(claim, more, now_us)


def width(window_us: int) -> int:
    return -(-window_us // SUB_WINDOWS)


NAMES = itertools.count()


def memory(clock: ManualClock) -> Counters:
    return MemoryCounters(clock)


def redis(clock: ManualClock) -> Counters:
    return RedisCounters(
        services.redis().url(), clock, "me", namespace=f"laws{next(NAMES)}", time_us=server_time(clock)
    )


STORES = pytest.mark.parametrize(("make", "begin_us"), [(memory, 0), (redis, BEGIN_US)], ids=["memory", "redis"])
Make = Callable[[ManualClock], Counters]


def played(make: Make, play: Callable[[Counters, ManualClock], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        clock = ManualClock()
        counters = make(clock)
        try:
            await play(counters, clock)
        finally:
            await counters.close()

    asyncio.run(run())


@STORES
@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_counters_are_what_a_list_of_everything_says(make: Make, begin_us: int, steps: list[Any]) -> None:
    async def play(counters: Counters, clock: ManualClock) -> None:
        model, granted = Model(), list[tuple[str, list[Claim], Granted]]()
        for number, step in enumerate(steps):
            now_us = begin_us + round(clock.monotonic() * 1e6)
            match step:
                case Wait(us):
                    clock.advance(us / 1e6)
                    if isinstance(counters, RedisCounters):
                        counters._keep()  # as it does every few seconds
                case Seed(counter, value):
                    await counters.seed(counter, value, 0)
                    model.sums.setdefault(counter, value)
                case Reserve(claims):
                    outcome = await counters.reserve(f"h{number}", claims)
                    assert same(outcome, model.reserve(f"h{number}", claims, now_us))
                    if isinstance(outcome, Granted):
                        granted.append((f"h{number}", claims, outcome))
                        for position, (claim, total) in enumerate(zip(claims, outcome.totals, strict=True)):
                            assert total >= 0
                            assert claim.ceiling is None or total <= claim.ceiling
                            again = any(each.counter == claim.counter for each in claims[position + 1 :])
                            if claim.kind == "sliding" and claim.ceiling is not None and not again:
                                entries = model.window(claim)
                                since_us = now_us - claim.window_us
                                assert sum(each.amount for each in entries if each.at_us > since_us) <= claim.ceiling
                case Settle(which, amounts) if granted:
                    holder, claims, outcome = granted[-1 - which % len(granted)]
                    counters.settle(holder, claims, outcome, amounts[: len(claims)])
                    model.settle(holder, claims, amounts, now_us)
                case _:
                    pass
            assert await counters.read(["p", "q"]) == [model.sums.get("p"), model.sums.get("q")]

    played(make, play)


def same(one: Outcome, other: Outcome) -> bool:
    if isinstance(one, Refused) and isinstance(other, Refused):
        alike = one.retry_after_s == pytest.approx(other.retry_after_s, abs=2e-6)
        return (one.position, one.total) == (other.position, other.total) and alike
    return one == other


@STORES
@settings(max_examples=60, deadline=None)
@given(
    window_us=st.sampled_from(WINDOWS),
    ceiling=st.integers(1, 30),
    arrivals=st.lists(st.tuples(st.integers(0, 9_000_000), st.integers(1, 6)), min_size=1, max_size=60),
)
def test_no_interval_as_long_as_the_window_ever_holds_more_than_the_ceiling(
    make: Make, begin_us: int, window_us: int, ceiling: int, arrivals: list[tuple[int, int]]
) -> None:
    async def play(counters: Counters, clock: ManualClock) -> None:
        admitted: list[tuple[int, int]] = []
        for number, (gap_us, amount) in enumerate(arrivals):
            clock.advance(gap_us / 1e6)
            claims = [Claim("a", amount, ceiling, "sliding", window_us)]
            if isinstance(await counters.reserve(f"h{number}", claims), Granted):
                admitted.append((round(clock.monotonic() * 1e6), amount))
        for first_us, _ in admitted:
            within = sum(amount for at_us, amount in admitted if first_us <= at_us < first_us + window_us)
            assert within <= ceiling

    played(make, play)


@STORES
@settings(max_examples=25, deadline=None)
@given(
    window_us=st.sampled_from(WINDOWS),
    ceiling=st.integers(1, 400),
    per_slot=st.integers(1, 3),
    offset_us=st.integers(0, 60_000_000),
)
def test_who_keeps_asking_is_let_through_sixty_parts_of_sixty_one_of_the_limit(
    make: Make, begin_us: int, window_us: int, ceiling: int, per_slot: int, offset_us: int
) -> None:
    async def play(counters: Counters, clock: ManualClock) -> None:
        clock.advance(offset_us / 1e6)
        slot_us, admitted, number = width(window_us), 0, itertools.count()
        windows = 2
        for _ in range(windows * (SUB_WINDOWS + 1) * per_slot):
            granted = True
            while granted:
                claims = [Claim("a", max(1, ceiling // 60), ceiling, "sliding", window_us)]
                granted = isinstance(await counters.reserve(f"h{next(number)}", claims), Granted)
                admitted += claims[0].amount if granted else 0
            clock.advance(slot_us / per_slot / 1e6)
        usable = ceiling - ceiling % max(1, ceiling // 60)
        assert admitted >= windows * usable

    played(make, play)


@STORES
@settings(max_examples=60, deadline=None)
@given(
    first=st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(1, 5)), min_size=1, max_size=20),
    amount=st.integers(1, 12),
    window_us=st.sampled_from(WINDOWS),
)
def test_who_waits_as_long_as_he_is_told_is_let_through_and_not_before(
    make: Make, begin_us: int, first: list[tuple[int, int]], amount: int, window_us: int
) -> None:
    async def play(counters: Counters, clock: ManualClock) -> None:
        for number, (gap_us, before) in enumerate(first):
            clock.advance(gap_us / 1e6)
            await counters.reserve(f"h{number}", [Claim("a", before, 10, "sliding", window_us)])
        claims = [Claim("a", amount, 10, "sliding", window_us)]
        outcome = await counters.reserve("x", claims)
        if not isinstance(outcome, Refused):
            return
        if amount > 10:
            assert outcome.retry_after_s == inf
            return
        clock.advance(outcome.retry_after_s - 1e-6)
        assert isinstance(await counters.reserve("y", claims), Refused)
        clock.advance(1e-6)
        assert isinstance(await counters.reserve("z", claims), Granted)

    played(make, play)


@dataclass(frozen=True)
class Set:
    """The server's clock is set, by so much."""

    us: int


@settings(max_examples=80, deadline=None)
@given(
    ceiling=st.integers(1, 20),
    steps=st.lists(
        st.one_of(
            st.integers(1, 5), st.integers(1, 5), st.builds(Wait, st.integers(0, 40_000_000)),
            st.builds(Set, st.integers(-4_000_000_000, 0)),
        ),
        max_size=40,
    ),
)  # fmt: skip
def test_a_server_whose_clock_is_set_back_lets_no_more_through_and_blocks_nobody_for_long(
    ceiling: int, steps: list[int | Wait | Set]
) -> None:
    async def play() -> None:
        clock, window_us = ManualClock(), 60_000_000
        offset_us = [0]
        counters = RedisCounters(
            services.redis().url(),
            clock,
            "me",
            namespace=f"laws{next(NAMES)}",
            time_us=lambda: server_time(clock)() + offset_us[0],
        )
        admitted: list[tuple[int, int]] = []
        try:
            for number, step in enumerate(steps):
                match step:
                    case Wait(us):
                        clock.advance(us / 1e6)
                    case Set(us):
                        offset_us[0] += us
                    case amount:
                        outcome = await counters.reserve(
                            f"h{number}", [Claim("a", amount, ceiling, "sliding", window_us)]
                        )
                        if isinstance(outcome, Granted):
                            admitted.append((round(clock.monotonic() * 1e6), amount))
            for first_us, _ in admitted:
                within = sum(amount for at_us, amount in admitted if first_us <= at_us < first_us + window_us)
                assert within <= ceiling
            full = [Claim("a", ceiling, ceiling, "sliding", window_us)]
            outcome = await counters.reserve("all", full)
            if isinstance(outcome, Refused):
                assert outcome.retry_after_s <= 61
                clock.advance(outcome.retry_after_s)
                assert isinstance(await counters.reserve("all again", full), Granted)
        finally:
            await counters.close()

    asyncio.run(play())
