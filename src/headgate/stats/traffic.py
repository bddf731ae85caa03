"""Calls over months: how many, and what a random number of them adds up to."""

from __future__ import annotations

from math import sqrt
from random import Random
from typing import NamedTuple

DAYS_PER_MONTH = 365.25 / 12
MINUTES_PER_DAY = 1_440


class Curve(NamedTuple):
    """How many calls are expected."""

    calls_per_day: float
    """Of the first month."""
    growth: float = 0.0
    """Of a month over the one before it: 0.05 is five per cent more."""
    peak: float = 1.0
    """Calls of the busiest minutes over those of an average minute."""

    def calls(self, month: int) -> float:
        """Expected calls of a month, counted from 0."""
        return self.calls_per_day * DAYS_PER_MONTH * (1 + self.growth) ** month

    def peak_per_minute(self, month: int) -> float:
        """Expected calls of the busiest minutes of a month."""
        return self.calls(month) / DAYS_PER_MONTH / MINUTES_PER_DAY * self.peak


def compound_total(calls: float, mean: float, mean_square: float, rng: Random) -> float:
    """What a Poisson number of independent calls adds up to, drawn once: `calls` are expected, each of the mean and the
    mean square given.

    Such a sum has the mean `calls * mean` and the variance `calls * mean_square` (Wald; S. Ross, "Introduction to
    Probability Models", compound Poisson process), and is close to normal for the hundreds of calls and more that
    somebody plans for. It is never below 0. Only resampling can give a mean square below the square of the mean:
    that is taken for it.
    """
    return max(0.0, rng.gauss(calls * mean, sqrt(calls * max(mean_square, mean * mean))))
