"""Traffic: months of a curve, and totals of a Poisson number of calls."""

from __future__ import annotations

from random import Random
from statistics import fmean, variance

import pytest

from headgate.stats.traffic import DAYS_PER_MONTH, Curve, compound_total


def test_months_grow_on_each_other() -> None:
    curve = Curve(100, growth=0.1)
    assert curve.calls(0) == pytest.approx(100 * DAYS_PER_MONTH)
    assert curve.calls(2) == pytest.approx(100 * DAYS_PER_MONTH * 1.21)


def test_the_peak_is_a_multiple_of_the_average_minute() -> None:
    assert Curve(1440, peak=5).peak_per_minute(0) == pytest.approx(5)


def test_totals_have_the_mean_and_variance_of_a_compound_poisson_sum() -> None:
    """Held against the sum itself, call by call."""
    rng = Random(4)
    values = [1.0, 2.0, 9.0]
    mean, square = fmean(values), fmean(each**2 for each in values)

    def by_hand() -> float:
        total, at = 0.0, rng.expovariate(50)
        while at < 1:
            total += rng.choice(values)
            at += rng.expovariate(50)
        return total

    sums = [by_hand() for _ in range(4_000)]
    drawn = [compound_total(50, mean, square, rng) for _ in range(4_000)]
    assert fmean(drawn) == pytest.approx(fmean(sums), rel=0.02)
    assert variance(drawn) == pytest.approx(variance(sums), rel=0.1)


def test_a_total_is_never_below_nothing() -> None:
    rng = Random(5)
    assert min(compound_total(0.5, 1, 4, rng) for _ in range(200)) == 0
