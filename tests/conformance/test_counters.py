"""Every implementation of the counters behaves alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from headgate.clock import ManualClock
from headgate.storage.counters import Counters, Entry, MemoryCounters

Make = Callable[[ManualClock], Counters]


@pytest.fixture(params=[MemoryCounters], ids=["memory"])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


async def test_a_counter_that_was_never_added_to_is_zero(make: Make):
    assert await make(ManualClock()).read(["a", "b"]) == [0, 0]


async def test_amounts_add_up_and_can_be_given_back(make: Make):
    counters = make(ManualClock())
    await counters.add([Entry("a", 5, 60), Entry("b", 2, 60), Entry("a", -3, 60)])
    assert await counters.read(["a", "b"]) == [2, 2]


async def test_a_reservation_is_all_or_nothing(make: Make):
    counters = make(ManualClock())
    assert await counters.reserve([Entry("a", 5, 60, 10), Entry("b", 5, 60, 4)]) == 1
    assert await counters.read(["a", "b"]) == [0, 0]
    assert await counters.reserve([Entry("a", 5, 60, 10), Entry("b", 4, 60, 4)]) is None
    assert await counters.read(["a", "b"]) == [5, 4]


async def test_a_ceiling_may_be_reached_but_not_passed(make: Make):
    counters = make(ManualClock())
    assert await counters.reserve([Entry("a", 10, 60, 10)]) is None
    assert await counters.reserve([Entry("a", 1, 60, 10)]) == 0


async def test_one_reservation_may_name_a_counter_twice(make: Make):
    counters = make(ManualClock())
    assert await counters.reserve([Entry("a", 6, 60, 10), Entry("a", 6, 60, 10)]) == 1
    assert await counters.read(["a"]) == [0]


async def test_adding_ignores_ceilings(make: Make):
    counters = make(ManualClock())
    await counters.add([Entry("a", 100, 60, 10)])
    assert await counters.read(["a"]) == [100]


async def test_a_counter_is_forgotten_after_its_time_counted_from_its_first_addition(make: Make):
    clock = ManualClock()
    counters = make(clock)
    await counters.add([Entry("a", 1, 60)])
    clock.advance(59)
    await counters.add([Entry("a", 1, 60)])
    assert await counters.read(["a"]) == [2]
    clock.advance(1)
    assert await counters.read(["a"]) == [0]
    await counters.add([Entry("a", 1, 60)])
    assert await counters.read(["a"]) == [1]


async def test_a_step_of_the_wall_clock_changes_nothing(make: Make):
    clock = ManualClock()
    counters = make(clock)
    await counters.add([Entry("a", 1, 60)])
    clock.step(7200)
    assert await counters.read(["a"]) == [1]


async def test_numbers_beyond_64_bits_of_float_stay_exact(make: Make):
    counters = make(ManualClock())
    await counters.add([Entry("a", 9_007_199_254_740_993, 60), Entry("a", 2, 60)])
    assert await counters.read(["a"]) == [9_007_199_254_740_995]


async def test_many_at_once_never_pass_the_ceiling(make: Make):
    counters = make(ManualClock())
    results = await asyncio.gather(*(counters.reserve([Entry("a", 3, 60, 100)]) for _ in range(200)))
    assert results.count(None) == 33
    assert await counters.read(["a"]) == [99]


async def test_old_counters_do_not_pile_up(make: Make):
    clock = ManualClock()
    counters = make(clock)
    for number in range(5000):
        await counters.add([Entry(f"k{number}", 1, 1)])
        clock.advance(0.01)
    if isinstance(counters, MemoryCounters):
        assert len(counters._values) < 2000
