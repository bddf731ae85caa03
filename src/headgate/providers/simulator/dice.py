"""Chance that repeats: every draw follows from the seed, the request's bytes and how often they were seen."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

ItemT = TypeVar("ItemT")

_Z99 = 2.3263478740408408  # the 99th percentile of the standard normal distribution


class Dice:
    """A source of draws. Two with the same seed give the same ones, on every machine and Python version."""

    __slots__ = ("_draw", "seed")

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._draw = random.Random(int.from_bytes(seed)).random  # noqa: S311  # made to be foreseen

    def fork(self, name: str) -> Dice:
        """Other dice, the same for the same name however often these were thrown."""
        return Dice(digest(self.seed, name.encode()))

    def unit(self) -> float:
        """A number in [0, 1)."""
        return self._draw()

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends possible."""
        return low + int(self._draw() * (high - low + 1))

    def pick(self, items: Sequence[ItemT]) -> ItemT:
        return items[int(self._draw() * len(items))]

    def lognormal(self, median: float, p99: float) -> float:
        """A draw from the log-normal distribution with that median and 99th percentile, as latencies tend to have.

        The normal draw is Box and Muller's (1958).
        """
        if p99 <= median:
            return median
        normal = math.sqrt(-2.0 * math.log(1.0 - self._draw())) * math.cos(math.tau * self._draw())
        return median * math.exp(math.log(p99 / median) / _Z99 * normal)


def digest(*parts: bytes) -> bytes:
    """16 bytes that stand for these parts, in this order."""
    total = blake2b(digest_size=16)
    for part in parts:
        total.update(b"%d:" % len(part))
        total.update(part)
    return total.digest()
