"""Every implementation of the shared state behaves alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headgate.clock import ManualClock
from headgate.storage.state import MemoryState, SharedState

Make = Callable[[ManualClock], SharedState]


@pytest.fixture(params=[MemoryState], ids=["memory"])
def make(request: pytest.FixtureRequest) -> Make:
    return request.param


async def test_what_was_put_can_be_got_until_its_time_is_over(make: Make):
    clock = ManualClock()
    state = make(clock)
    assert await state.get("a") is None
    await state.put("a", b"1", 10)
    assert await state.get("a") == b"1"
    clock.advance(10)
    assert await state.get("a") is None


async def test_putting_again_replaces_the_value_and_its_time(make: Make):
    clock = ManualClock()
    state = make(clock)
    await state.put("a", b"1", 10)
    clock.advance(9)
    await state.put("a", b"2", 10)
    clock.advance(9)
    assert await state.get("a") == b"2"


async def test_replacing_needs_the_value_to_be_what_one_thinks_it_is(make: Make):
    state = make(ManualClock())
    assert await state.replace("a", None, b"1", 10)
    assert not await state.replace("a", None, b"2", 10)
    assert not await state.replace("a", b"0", b"2", 10)
    assert await state.replace("a", b"1", b"2", 10)
    assert await state.get("a") == b"2"


async def test_a_value_whose_time_is_over_counts_as_absent_for_replacing(make: Make):
    clock = ManualClock()
    state = make(clock)
    await state.put("a", b"1", 10)
    clock.advance(11)
    assert not await state.replace("a", b"1", b"2", 10)
    assert await state.replace("a", None, b"2", 10)


async def test_deleting_what_is_not_there_is_fine(make: Make):
    state = make(ManualClock())
    await state.delete("a")
    await state.put("a", b"1", 10)
    await state.delete("a")
    assert await state.get("a") is None
