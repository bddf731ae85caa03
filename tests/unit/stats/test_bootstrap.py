"""The bootstrap: intervals that hold what they say, from columns that stay together."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import fmean, stdev

import pytest

from headgate.stats.bootstrap import column_means, likely_means, percentile_interval, quantile


def test_quantiles_lie_between_two_values_by_a_straight_line() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert quantile([1, 2, 3, 4], 0) == 1
    assert quantile([1, 2, 3, 4], 1) == 4
    assert percentile_interval(range(101), 0.9) == (pytest.approx(5), pytest.approx(95))


@pytest.mark.parametrize("samples", [40, 5_000])
def test_the_spread_is_the_standard_error_where_nothing_is_skewed(samples: int) -> None:
    rng = Random(1)
    values = [rng.gauss(100, 30) for _ in range(samples)]
    means = [mean for (mean,) in likely_means([(each,) for each in values], rng, 2_000)]
    assert fmean(means) == pytest.approx(fmean(values), rel=0.02)
    assert stdev(means) == pytest.approx(stdev(values) / samples**0.5, rel=0.1)


def test_skewed_samples_leave_more_room_above() -> None:
    rng = Random(4)
    rows = [(rng.lognormvariate(0, 1),) for _ in range(40)]
    ((mean,), means) = column_means(rows), [each for (each,) in likely_means(rows, rng)]
    low, high = percentile_interval(means)
    assert high - mean > 1.3 * (mean - low)


@pytest.mark.parametrize("rows", [5, 20])
def test_columns_of_a_row_stay_together(rows: int) -> None:
    for one, other in likely_means([(each, 10 * each + 3) for each in range(rows)], Random(2), 50):
        assert other == pytest.approx(10 * one + 3)


@pytest.mark.parametrize("rows", [1, 2, 20, 600])
def test_what_is_always_the_same_is_what_it_is(rows: int) -> None:
    assert list(likely_means([(4.1, 2.3)] * rows, Random(0), 3)) == [(pytest.approx(4.1), pytest.approx(2.3))] * 3
    assert column_means([(4.0, 2.0)]) == (4.0, 2.0)


def test_one_that_is_unlike_all_others_does_not_make_the_interval_endless() -> None:
    rows = [(100 + each / 10,) for each in range(19)] + [(1_000.0,)]
    low, high = percentile_interval([mean for (mean,) in likely_means(rows, Random(5))])
    assert 90 < low < 146 < high < 400


@pytest.mark.parametrize(
    ("drawn", "truth", "samples", "least"),
    [
        (lambda rng: rng.gauss(100, 30), 100, 40, 185),
        (lambda rng: rng.gauss(100, 30), 100, 4, 185),
        (lambda rng: rng.lognormvariate(0, 0.8), 2.71828 ** (0.8**2 / 2), 50, 180),
        (lambda rng: rng.lognormvariate(0, 1.3), 2.71828 ** (1.3**2 / 2), 50, 174),
    ],
    ids=["normal", "four", "skewed", "very skewed"],
)
def test_an_interval_holds_the_truth_about_as_often_as_it_says(
    drawn: Callable[[Random], float], truth: float, samples: int, least: int
) -> None:
    """95 % intervals: 200 of them miss ten times on average. Percentiles of resampled means would miss 26 of the very
    skewed ones.
    """
    rng = Random(3)
    held = 0
    for _ in range(200):
        rows = [(drawn(rng),) for _ in range(samples)]
        low, high = percentile_interval([mean for (mean,) in likely_means(rows, rng, 300)])
        held += low <= truth <= high
    assert least <= held <= 199
