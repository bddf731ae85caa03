"""A loop that is late all the time has too much to do; one that was late once has not."""

from __future__ import annotations

import asyncio
import time

import pytest

from headgate.server.lag import LATE_S, LOOK_S, OVER_S, STANDING_S, Lag

LATE = LATE_S + 0.01


def looks(*lateness_s: float) -> bool:
    """Look, each time so late; whether there is an overload then."""
    lag = Lag()
    now = lag._in_time_at = 100.0
    for late_s in lateness_s:
        lag._due = now + LOOK_S
        now = lag._due + late_s
        lag.looked(now)
    return lag.overloaded


@pytest.mark.parametrize(
    ("lateness_s", "overloaded"),
    [
        ((0.0, 3.0, 0.0, 0.5, 0.5, 0.0), False),  # long steps, but no more than two in a row
        ((0.0, LATE, 0.0, LATE, 0.0, LATE), False),
        ((LATE,) * 4, True),
        ((LATE_S - 0.01,) * 50, False),
        ((LATE,) * 4 + (0.0,) * 10, True),  # it is not over yet
        ((LATE,) * 4 + (0.0,) * (1 + int(OVER_S / LOOK_S)), False),
    ],
)
def test_being_late_all_the_time_is_an_overload(lateness_s: tuple[float, ...], overloaded: bool):
    assert looks(*lateness_s) == overloaded


async def test_it_looks_by_itself():
    lag = Lag()
    lag.start()
    until = time.monotonic() + 10
    while not lag.overloaded:
        assert time.monotonic() < until
        time.sleep(2 * LATE_S)  # noqa: ASYNC251  # what a loop does that has too much to do
        assert lag.is_late()
        await asyncio.sleep(0)
    await asyncio.sleep(OVER_S + 2 * STANDING_S)
    assert not lag.overloaded
    assert not lag.is_late()
    lag.stop()
