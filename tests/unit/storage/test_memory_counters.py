"""Counters of one process: what they forget, and when."""

from __future__ import annotations

from headgate.clock import ManualClock
from headgate.storage.counters import KEPT_US, Claim, Granted, Unseeded
from headgate.storage.memory_counters import MemoryCounters

DAY_S = 86_400


async def test_windows_from_which_everything_has_slid_out_are_forgotten():
    clock = ManualClock()
    counters = MemoryCounters(clock)
    for number in range(5_000):
        await counters.reserve(f"h{number}", [Claim(f"k{number}", 1, 10, "sliding", 1_000_000)])
        clock.advance(0.01)
    assert len(counters._windows) < 500
    assert len(counters._window_round) == len(counters._windows)


async def test_windows_that_are_used_are_not_forgotten_however_many_others_come():
    clock = ManualClock()
    counters = MemoryCounters(clock)
    for number in range(1_000):
        await counters.reserve(f"a{number}", [Claim("used", 1, None, "sliding", 1_000_000)])
        await counters.reserve(f"h{number}", [Claim(f"k{number}", 1, 10, "sliding", 1_000_000)])
        clock.advance(0.01)
    outcome = await counters.reserve("last", [Claim("used", 0, None, "sliding", 1_000_000)])
    assert isinstance(outcome, Granted)
    assert 100 <= outcome.totals[0] <= 102


async def test_periods_that_ended_more_than_a_day_ago_are_forgotten():
    clock = ManualClock()
    counters = MemoryCounters(clock)
    for number in range(2_000):
        await counters.seed(f"p{number}", 1, clock.now_us() + DAY_S * 1_000_000)
        clock.advance(3_600)
    assert len(counters._sums) < 200
    assert await counters.read(["p0", "p1999"]) == [None, 1]
    assert await counters.reserve("h", [Claim("p0", 1, None, "period")]) == Unseeded(["p0"])


async def test_periods_without_an_end_are_kept():
    clock = ManualClock()
    counters = MemoryCounters(clock)
    await counters.seed("total", 7, 0)
    for number in range(100):
        clock.advance(KEPT_US / 1e6 * 2)
        await counters.seed(f"p{number}", 1, clock.now_us())
    assert await counters.read(["total"]) == [7]


async def test_nothing_is_kept_of_holders_that_have_settled():
    counters = MemoryCounters(ManualClock())
    claims = [Claim("l", 1, 1, "lease"), Claim("a", 1, 5, "sliding", 1_000_000)]
    for number in range(100):
        granted = await counters.reserve(f"h{number}", claims)
        if isinstance(granted, Granted):
            counters.settle(f"h{number}", claims, granted, [0, 0])
        await counters.reserve("refused", [Claim("full", 1, 0, "lease")])
    assert not counters._leases


async def test_a_period_that_was_forgotten_meanwhile_is_not_settled():
    clock = ManualClock()
    counters = MemoryCounters(clock)
    await counters.seed("p", 1, clock.now_us())
    claims = [Claim("p", 5, None, "period")]
    granted = await counters.reserve("h", claims)
    assert isinstance(granted, Granted)
    clock.advance(2 * DAY_S)
    await counters.seed("other", 0, 0)
    counters.settle("h", claims, granted, [2])
    assert await counters.read(["p"]) == [None]
