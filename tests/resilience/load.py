"""Load: so many at a time, or so many a second whether or not earlier ones have been answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

AFTER_S = 90.0
"""How long the last calls of an open loop may take after the last one has begun."""


async def at_a_time(count: int, width: int, call: Callable[[int], Awaitable[T]]) -> list[T]:
    """Make `count` calls, `width` of them under way at a time."""
    numbers = iter(range(count))
    results: list[T] = []

    async def work() -> None:
        for number in numbers:
            results.append(await call(number))

    await asyncio.gather(*(work() for _ in range(width)))
    return results


async def for_a_while(seconds: float, width: int, call: Callable[[int], Awaitable[T]]) -> list[T]:
    """Keep `width` calls under way for a while."""
    until = monotonic() + seconds
    results: list[T] = []

    async def work(first: int) -> None:
        number = first
        while monotonic() < until:
            results.append(await call(number))
            number += width

    await asyncio.gather(*(work(first) for first in range(width)))
    return results


async def at_rate(rate: float, seconds: float, call: Callable[[int, float], Awaitable[T]]) -> list[T]:
    """Begin `rate` calls a second, each given its number and when it was due; what came of all of them.

    Raises:
        TimeoutError: some had not ended long after the last one began.
    """
    start = monotonic()
    tasks: list[asyncio.Task[T]] = []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        if (wait_s := due - monotonic()) > 0:
            await asyncio.sleep(wait_s)
        elif number % 64 == 0:
            await asyncio.sleep(0)  # late: let answers in all the same
        tasks.append(asyncio.ensure_future(call(number, due)))
    return await asyncio.wait_for(asyncio.gather(*tasks), AFTER_S)


def quantile(values: list[float], share: float) -> float:
    """The value that so large a share is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
