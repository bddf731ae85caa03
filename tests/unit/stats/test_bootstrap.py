"""The bootstrap: intervals that hold what they say, from columns that stay together."""

from __future__ import annotations

from random import Random
from statistics import fmean, stdev

import pytest

from headgate.stats.bootstrap import column_means, percentile_interval, quantile, resampled_means


def test_quantiles_lie_between_two_values_by_a_straight_line() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([1, 2, 3, 4], 0) == 1
    assert quantile([1, 2, 3, 4], 1) == 4
    assert percentile_interval(range(101), 0.9) == (pytest.approx(5), pytest.approx(95))


@pytest.mark.parametrize("samples", [40, 5_000])
def test_the_spread_of_resampled_means_is_the_standard_error(samples: int) -> None:
    rng = Random(1)
    rows = [(rng.lognormvariate(3, 1),) for _ in range(samples)]
    means = [row[0] for row in resampled_means(rows, rng, 2_000)]
    values = [row[0] for row in rows]
    assert fmean(means) == pytest.approx(fmean(values), rel=0.02)
    assert stdev(means) == pytest.approx(stdev(values) / len(values) ** 0.5, rel=0.05)


def test_columns_of_a_row_stay_together() -> None:
    rng = Random(2)
    rows = [(each, 10 * each + 3) for each in range(20)]
    for one, other in resampled_means(rows, rng, 50):
        assert other == pytest.approx(10 * one + 3)


def test_one_row_is_what_it_is() -> None:
    assert list(resampled_means([(4.0, 2.0)], Random(0), 3)) == [(4.0, 2.0)] * 3
    assert column_means([(4.0, 2.0)]) == (4.0, 2.0)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of 40 values each from a normal distribution, 95 % intervals: 200 of them miss ten times on average."""
    rng = Random(3)
    held = 0
    for _ in range(200):
        rows = [(rng.gauss(100, 30),) for _ in range(40)]
        low, high = percentile_interval([row[0] for row in resampled_means(rows, rng, 300)])
        held += low <= 100 <= high
    assert 180 <= held <= 199
