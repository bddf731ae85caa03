"""Whoever comes, waits and gives up in whatever order: no more are under way than may be, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import Overloaded
from headgate.routing.config import QueueConfig
from headgate.routing.limiter import Limiter
from virtual_time import now, run

TIMES = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 5.0])


@dataclass(frozen=True)
class Visit:
    """One who wants a place."""

    key: str
    comes_at: float
    stays_s: float
    patience_s: float
    leaves_after_s: float | None
    """When it gives up waiting, or staying, by itself."""
    overloads: bool
    """Whether it is a sign of overload."""


VISITS = st.lists(
    st.builds(Visit, st.sampled_from("abc"), TIMES, TIMES, TIMES, st.one_of(st.none(), TIMES), st.booleans()),
    max_size=30,
)


async def visited(most: int, length: int, visits: Sequence[Visit]) -> None:
    limiter = Limiter(most)
    queue = QueueConfig(length=length, wait_s=4.0)
    ends: list[str] = []

    async def visit(each: Visit) -> None:
        await asyncio.sleep(each.comes_at)
        came = now()
        try:
            if limiter.free:
                assert limiter.in_flight + 1 <= limiter.limit
            else:
                await limiter.turn(each.key, came + each.patience_s, queue, "sim/x")
        except Overloaded:
            assert now() - came <= min(4.0, each.patience_s) + 0.001
            ends.append("refused")
            return
        limiter.enter()
        assert limiter.in_flight <= most
        began = now()
        try:
            await asyncio.sleep(each.stays_s)
            if each.overloads:
                limiter.overloaded(began, now())
            else:
                limiter.went_well(now(), now() - began)
            ends.append("served")
        finally:
            limiter.leave(now() - began)
        assert 1 <= limiter.limit <= most

    async def given_up(each: Visit) -> None:
        task = asyncio.ensure_future(visit(each))
        if each.leaves_after_s is not None:
            await asyncio.sleep(each.comes_at + each.leaves_after_s)
            task.cancel()
        await asyncio.wait([task])
        if task.cancelled():
            ends.append("given up")
        else:
            task.result()

    await asyncio.gather(*map(given_up, visits))
    assert len(ends) >= len(visits)
    assert (limiter.in_flight, limiter.waiting, limiter._woken) == (0, 0, 0)
    assert limiter.free
    assert ceil(limiter.limit) >= min(most, 4)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 8), st.integers(0, 30), VISITS)
def test_places_are_never_exceeded_and_never_lost(most: int, length: int, visits: list[Visit]) -> None:
    run(visited(most, length, visits))
