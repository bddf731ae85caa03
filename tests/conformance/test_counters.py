"""Every implementation of the counters behaves alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from math import inf

import pytest

import services
from headgate.clock import ManualClock
from headgate.storage.counters import (
    LEASE_S,
    SUB_WINDOWS,
    Claim,
    Counters,
    Granted,
    Outcome,
    Refused,
    Unseeded,
)
from headgate.storage.memory_counters import MemoryCounters
from headgate.storage.redis_counters import RedisCounters
from redis_clock import server_time

MINUTE = 60_000_000


class Store:
    """Counters, and the time they go by."""

    def __init__(self, counters: Counters, clock: ManualClock) -> None:
        self.counters = counters
        self.clock = clock
        self._holders = 0

    async def reserve(self, *claims: Claim) -> Outcome:
        """Reserve for a holder of its own."""
        self._holders += 1
        return await self.counters.reserve(f"somebody {self._holders}", claims)

    async def holds(self, holder: str, claims: Sequence[Claim]) -> Granted:
        granted = await self.counters.reserve(holder, claims)
        assert isinstance(granted, Granted)
        return granted

    async def settle(self, holder: str, claims: Sequence[Claim], granted: Granted, *amounts: int) -> None:
        self.counters.settle(holder, claims, granted, amounts)
        await self.counters.flush()

    async def total(self, counter: str, window_us: int = MINUTE) -> int:
        """What a sliding window stands at."""
        outcome = await self.reserve(sliding(0, None, counter, window_us))
        assert isinstance(outcome, Granted)
        return outcome.totals[0]


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    clock = ManualClock()
    if request.param == "memory":
        yield Store(MemoryCounters(clock), clock)
        return
    server = services.redis()
    server.flush()
    counters = RedisCounters(server.url(), clock, "me", time_us=server_time(clock))
    yield Store(counters, clock)
    await counters.close()


def sliding(amount: int, ceiling: int | None = None, counter: str = "a", window_us: int = MINUTE) -> Claim:
    return Claim(counter, amount, ceiling, "sliding", window_us)


def period(amount: int, ceiling: int | None = None, counter: str = "p", ends_us: int = 0) -> Claim:
    return Claim(counter, amount, ceiling, "period", 0, ends_us)


def lease(ceiling: int | None, counter: str = "l") -> Claim:
    return Claim(counter, 1, ceiling, "lease")


# ── all or nothing ──


async def test_a_reservation_is_all_or_nothing(store: Store):
    await store.counters.seed("p", 0, 0)
    refused = await store.reserve(sliding(5, 10), period(5, 10), lease(1), sliding(5, 4, "b"))
    assert isinstance(refused, Refused)
    assert refused.position == 3
    assert (await store.total("a"), await store.total("b")) == (0, 0)
    assert await store.counters.read(["p"]) == [0]
    granted = await store.reserve(sliding(5, 10), period(5, 10), lease(1), sliding(5, 5, "b"))
    assert isinstance(granted, Granted)
    assert granted.totals == [5, 5, 1, 5]


async def test_what_is_owed_counts_in_period_counters_that_have_begun_once_it_is_known(store: Store):
    await store.counters.seed("p", 3, 0)
    came_to = store.counters.owe([period(0), sliding(0), period(0, None, "q")])
    assert await store.counters.read(["p", "q"]) == [3, None]
    came_to(5)
    await store.counters.flush()
    assert await store.counters.read(["p", "q"]) == [8, None]
    assert await store.total("a") == 0


async def test_a_ceiling_may_be_reached_but_not_passed(store: Store):
    await store.counters.seed("p", 3, 0)
    assert isinstance(await store.reserve(sliding(10, 10)), Granted)
    assert await store.reserve(period(7, 10)) == Granted([10], [0])
    assert isinstance(await store.reserve(lease(1)), Granted)
    assert isinstance(await store.reserve(sliding(1, 10)), Refused)
    assert await store.reserve(period(1, 10)) == Refused(0, 10, inf)
    assert await store.reserve(lease(1)) == Refused(0, 1, inf)


async def test_without_a_ceiling_everything_is_counted_and_nothing_refused(store: Store):
    await store.counters.seed("p", 0, 0)
    await store.reserve(sliding(10**15), period(10**15), lease(None))
    outcome = await store.reserve(sliding(10**15), period(10**15), lease(None))
    assert isinstance(outcome, Granted)
    assert outcome.totals == [2 * 10**15, 2 * 10**15, 2]


async def test_one_reservation_may_name_a_counter_twice(store: Store):
    await store.counters.seed("p", 0, 0)
    assert isinstance(await store.reserve(sliding(6, 10), sliding(6, 10)), Refused)
    assert await store.total("a") == 0
    refused = await store.reserve(period(4, 10), period(6, 10), period(1, 10))
    assert refused == Refused(2, 0, inf)
    assert await store.reserve(period(4, 10), period(6, 10)) == Granted([4, 10], [0, 0])
    outcome = await store.reserve(sliding(6, 10), sliding(4, 10), lease(1), lease(1))
    assert isinstance(outcome, Granted)
    assert outcome.totals == [6, 10, 1, 1]


async def test_claims_are_looked_at_in_their_order(store: Store):
    await store.reserve(sliding(10, 10))
    assert isinstance(await store.reserve(sliding(1, 10), period(1)), Refused)
    assert await store.reserve(period(1), sliding(1, 10), period(1, 5, "q"), period(1)) == Unseeded(["p", "q"])


async def test_amounts_beyond_the_reach_of_doubles_stay_exact(store: Store):
    big = 2**53
    await store.counters.seed("p", big, 0)
    assert await store.reserve(period(1, big + 1)) == Granted([big + 1], [0])
    assert await store.reserve(period(1, big + 1)) == Refused(0, big + 1, inf)
    await store.reserve(sliding(big + 1))
    assert isinstance(await store.reserve(sliding(1, big + 1)), Refused)
    assert await store.total("a") == big + 1
    limit = 9 * 10**18
    granted = await store.holds("h", [period(limit - big - 1, limit)])
    assert granted.totals == [limit]
    await store.settle("h", [period(limit - big - 1, limit)], granted, 7)
    assert await store.counters.read(["p"]) == [big + 8]


async def test_ceilings_are_compared_by_value_not_by_their_first_digits(store: Store):
    await store.counters.seed("p", 9, 0)
    assert await store.reserve(period(1, 100)) == Granted([10], [0])
    assert await store.reserve(period(90, 100)) == Granted([100], [0])
    assert isinstance(await store.reserve(period(0, 99)), Refused)


async def test_what_is_more_than_the_ceiling_is_refused_though_nothing_is_there(store: Store):
    await store.counters.seed("p", 0, 0)
    assert await store.reserve(sliding(11, 10)) == Refused(0, 0, inf)
    assert await store.reserve(period(11, 10)) == Refused(0, 0, inf)
    assert await store.reserve(lease(0)) == Refused(0, 0, inf)


async def test_many_at_once_never_pass_the_ceiling(store: Store):
    await store.counters.seed("p", 0, 0)
    claims = sliding(3, 100), period(3, 100), lease(40)
    outcomes = await asyncio.gather(*(store.reserve(*claims) for _ in range(200)))
    assert sum(isinstance(outcome, Granted) for outcome in outcomes) == 33
    assert (await store.total("a"), await store.counters.read(["p"])) == (99, [99])


# ── sliding windows ──


async def test_a_window_holds_what_was_counted_for_its_length_and_at_most_a_slot_more(store: Store):
    await store.reserve(sliding(5))
    store.clock.advance(60)
    assert await store.total("a") == 5
    store.clock.advance(1)
    assert await store.total("a") == 0


async def test_a_window_slides_slot_by_slot(store: Store):
    for _ in range(SUB_WINDOWS + 1):
        await store.reserve(sliding(1))
        store.clock.advance(1)
    assert await store.total("a") == SUB_WINDOWS
    store.clock.advance(30)
    assert await store.total("a") == 30


async def test_a_refusal_says_exactly_when_there_is_room(store: Store):
    await store.reserve(sliding(4, 10))
    store.clock.advance(20.25)
    await store.reserve(sliding(6, 10))
    store.clock.advance(10.5)
    for amount, wait in ((1, 61 - 30.75), (4, 61 - 30.75), (5, 81 - 30.75), (10, 81 - 30.75), (11, inf)):
        refused = await store.reserve(sliding(amount, 10))
        assert isinstance(refused, Refused)
        assert refused.total == 10
        assert refused.retry_after_s == pytest.approx(wait, abs=1e-6)
    store.clock.advance(61 - 30.75 - 0.000_001)
    assert isinstance(await store.reserve(sliding(1, 10)), Refused)
    store.clock.advance(0.000_001)
    assert isinstance(await store.reserve(sliding(4, 10)), Granted)


async def test_a_refusal_waits_for_every_window_of_the_reservation_that_will_ever_have_room(store: Store):
    await store.reserve(sliding(10, 10))
    store.clock.advance(5)
    await store.reserve(sliding(10, 10, "b"))
    await store.reserve(sliding(1, 1, "hour", 3_600_000_000))
    refused = await store.reserve(sliding(1, 10), sliding(11, 10, "c"), sliding(1, 10, "b"))
    assert isinstance(refused, Refused)
    assert (refused.position, refused.retry_after_s) == (0, pytest.approx(61))
    refused = await store.reserve(sliding(1, 10), sliding(1, 1, "hour", 3_600_000_000))
    assert isinstance(refused, Refused)
    assert 3_600 < refused.retry_after_s < 3_661


async def test_windows_of_different_lengths_do_not_mix(store: Store):
    await store.reserve(sliding(5, 10, "a", MINUTE), sliding(5, 10, "a", 1_000_000))
    store.clock.advance(2)
    assert (await store.total("a", MINUTE), await store.total("a", 1_000_000)) == (5, 0)


async def test_a_step_of_this_machines_wall_clock_changes_nothing(store: Store):
    await store.reserve(sliding(1))
    store.clock.step(7200)
    assert await store.total("a") == 1
    store.clock.step(-14_400)
    assert await store.total("a") == 1
    store.clock.advance(61)
    assert await store.total("a") == 0


async def test_nothing_is_counted_for_an_amount_of_nothing(store: Store):
    await store.counters.seed("p", 0, 0)
    outcome = await store.reserve(sliding(0, 0), period(0, 0))
    assert isinstance(outcome, Granted)
    assert outcome.totals == [0, 0]


# ── settling ──


async def test_what_was_not_used_is_given_back(store: Store):
    await store.counters.seed("p", 100, 0)
    claims = [sliding(10), period(10), lease(1)]
    granted = await store.holds("h", claims)
    await store.settle("h", claims, granted, 3, 4, 1)
    assert await store.total("a") == 3
    assert await store.counters.read(["p"]) == [104]
    assert isinstance(await store.reserve(lease(1)), Granted)


async def test_what_exceeds_a_claim_is_added_ceilings_notwithstanding(store: Store):
    await store.counters.seed("p", 0, 0)
    claims = [sliding(10, 10), period(10, 10)]
    granted = await store.holds("h", claims)
    store.clock.advance(30)
    await store.settle("h", claims, granted, 15, 16)
    assert await store.total("a") == 15
    assert await store.counters.read(["p"]) == [16]
    store.clock.advance(31)
    assert await store.total("a") == 5, "the excess is counted when it was known"
    store.clock.advance(30)
    assert await store.total("a") == 0


async def test_only_the_first_word_on_a_holder_counts(store: Store):
    await store.counters.seed("p", 0, 0)
    claims = [sliding(10), period(10)]
    granted = await store.holds("h", claims)
    await store.holds("other", claims)
    await store.settle("h", claims, granted, 8, 8)
    await store.settle("h", claims, granted, 0, 0)
    await store.settle("h", claims, granted, 90, 90)
    assert await store.total("a") == 18
    assert await store.counters.read(["p"]) == [18]


async def test_it_is_given_back_where_it_was_counted_and_not_once_that_has_slid_out(store: Store):
    granted = await store.holds("h", [sliding(10)])
    store.clock.advance(30)
    await store.holds("later", [sliding(10)])
    await store.settle("h", [sliding(10)], granted, 4)
    assert await store.total("a") == 14
    store.clock.advance(31)
    assert await store.total("a") == 10, "what is left of the first has gone"

    claims = [sliding(10, counter="b")]
    granted = await store.holds("g", claims)
    store.clock.advance(61)
    await store.holds("late", claims)
    await store.settle("g", claims, granted, 0)
    assert await store.total("b") == 10


async def test_settling_after_its_window_was_forgotten_counts_the_excess_only(store: Store):
    for number, (used, total) in enumerate(((0, 0), (15, 5))):
        claims = [sliding(10, counter=f"w{number}")]
        granted = await store.holds(f"h{number}", claims)
        store.clock.advance(3_600)
        await store.settle(f"h{number}", claims, granted, used)
        assert await store.total(f"w{number}") == total


async def test_settling_as_reserved_leaves_everything_as_it_is(store: Store):
    await store.counters.seed("p", 0, 0)
    claims = [sliding(10), period(10)]
    granted = await store.holds("h", claims)
    await store.settle("h", claims, granted, 10, 10)
    assert await store.total("a") == 10
    assert await store.counters.read(["p"]) == [10]


# ── periods ──


async def test_a_period_has_to_be_seeded_before_it_can_be_reserved_of(store: Store):
    assert await store.counters.read(["p", "q"]) == [None, None]
    assert await store.reserve(sliding(1), period(5)) == Unseeded(["p"])
    assert await store.total("a") == 0
    await store.counters.seed("p", 40, 0)
    assert await store.reserve(period(5)) == Granted([45], [0])
    assert await store.counters.read(["q", "p"]) == [None, 45]


async def test_only_the_first_seed_counts(store: Store):
    await store.counters.seed("p", 40, 0)
    await store.counters.seed("p", 7, 0)
    assert await store.counters.read(["p"]) == [40]


async def test_a_period_never_begins_below_nothing(store: Store):
    await store.counters.seed("p", -40, 0)
    assert await store.reserve(period(5, 10)) == Granted([5], [0])


async def test_a_period_does_not_slide(store: Store):
    await store.counters.seed("p", 0, store.clock.now_us() + 31 * 86_400_000_000)
    await store.reserve(period(5))
    store.clock.advance(30 * 86_400)
    assert await store.counters.read(["p"]) == [5]


async def test_reading_nothing_gives_nothing(store: Store):
    assert await store.counters.read([]) == []


# ── leases ──


async def test_a_place_is_taken_until_it_is_given_back(store: Store):
    first = await store.holds("h1", [lease(2)])
    assert (await store.holds("h2", [lease(2)])).totals == [2]
    assert await store.reserve(lease(2)) == Refused(0, 2, inf)
    store.clock.advance(LEASE_S * 0.9)
    assert isinstance(await store.reserve(lease(2)), Refused)
    await store.settle("h1", [lease(2)], first, 0)
    assert isinstance(await store.reserve(lease(2)), Granted)


async def test_a_place_given_back_twice_is_one_place(store: Store):
    first = await store.holds("h1", [lease(2)])
    await store.holds("h2", [lease(2)])
    await store.settle("h1", [lease(2)], first, 1)
    await store.settle("h1", [lease(2)], first, 1)
    assert isinstance(await store.reserve(lease(2)), Granted)
    assert isinstance(await store.reserve(lease(2)), Refused)


async def test_a_refused_reservation_takes_no_place(store: Store):
    await store.reserve(sliding(10, 10))
    for _ in range(3):
        assert isinstance(await store.reserve(lease(1), sliding(1, 10)), Refused)
    assert isinstance(await store.reserve(lease(1)), Granted)
