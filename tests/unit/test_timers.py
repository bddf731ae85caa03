"""Watchdogs cancel what waits too long, and only that."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from headgate.timers import Watchdog


async def test_a_wait_that_takes_too_long_is_cancelled_and_told_apart():
    watchdog = Watchdog()
    watchdog.arm(monotonic())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert watchdog.absorb()
    watchdog.close()
    await asyncio.sleep(0)  # the task can go on waiting for other things


async def test_a_disarmed_watchdog_does_not_fire():
    watchdog, other = Watchdog(), Watchdog()
    watchdog.arm(monotonic())
    watchdog.disarm()
    other.arm(monotonic())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert other.absorb()
    assert not watchdog.fired
    watchdog.close()
    other.close()


async def test_somebody_elses_cancellation_is_not_absorbed():
    watchdog = Watchdog()
    absorbed: list[bool] = []

    async def wait() -> None:
        watchdog.arm(monotonic() + 3600)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            absorbed.append(watchdog.absorb())
            raise
        finally:
            watchdog.close()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert absorbed == [False]


async def test_a_cancellation_that_comes_together_with_the_watchdogs_own_wins():
    absorbed: list[bool] = []
    watchdog = Watchdog()
    waiting = asyncio.Event()

    async def wait() -> None:
        watchdog.arm(monotonic())
        try:
            waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task.cancel()
            absorbed.append(watchdog.absorb())
            raise
        finally:
            watchdog.close()

    task = asyncio.create_task(wait())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert absorbed == [False]


async def test_the_sweep_stops_when_nothing_is_watched():
    watchdog = Watchdog()
    watchdog.arm(monotonic())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    watchdog.absorb()
    watchdog.close()
    again = Watchdog()
    again.arm(monotonic())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert again.absorb()
    again.close()
