"""Intervals hold what they promise, and agree with published figures."""

from __future__ import annotations

import random
from math import inf, isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.stats.intervals import (
    ENOUGH,
    Interval,
    known,
    paired_difference,
    quantile,
    quantile_interval,
    ratio_of_sums,
    wilson,
)

counts = st.integers(0, 500)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_newcombes_table(successes: int, trials: int, low: float, high: float):
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3."""
    found = wilson(successes, trials)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_share_lies_in_its_interval_and_that_within_0_and_1(one: int, other: int):
    found = wilson(min(one, other), max(one, other))
    assert 0 <= found.low <= found.high <= 1
    assert not known(found) or found.low <= found.estimate <= found.high


@given(counts, counts, counts, counts)
def test_a_paired_difference_lies_in_its_interval_and_turns_around(both: int, one: int, other: int, neither: int):
    found = paired_difference(both, one, other, neither)
    turned = paired_difference(both, other, one, neither)
    assert -1 <= found.low <= found.high <= 1
    if known(found):
        assert found.low <= found.estimate <= found.high
        assert found.low == pytest.approx(-turned.high)


def test_a_paired_difference_agrees_with_published_figures():
    """Responses before and after therapy, of M. Cavo et al. 2012, by Newcombe's square-and-add interval: M. Fagerland,
    S. Lydersen and P. Laake, "Statistical Analysis of Contingency Tables", chapter 8 (R package contingencytables).
    """
    found = paired_difference(59, 6, 16, 80)
    assert [round(each, 4) for each in (found.estimate, found.low, found.high)] == [-0.0621, -0.1186, -0.0046]


def test_a_paired_difference_covers_the_truth_as_often_as_it_says():
    """500 samples of 100 pairs each, of errors that come together more often than by chance: 93.2 % to 96.7 % would
    be 95 % within two standard errors.
    """
    source = random.Random(1)
    covered = 0
    for _ in range(500):
        cells = [0, 0, 0, 0]
        for _ in range(100):
            cells[source.choices(range(4), (0.10, 0.08, 0.04, 0.78))[0]] += 1
        found = paired_difference(*cells)
        covered += found.low <= 0.04 <= found.high
    assert covered / 500 > 0.925


@pytest.mark.parametrize(("count", "share"), [(60, 0.5), (60, 0.9), (150, 0.95), (400, 0.5), (400, 0.95)])
def test_a_quantile_is_covered_at_least_as_often_as_it_says(count: int, share: float):
    source = random.Random(2)
    truth = share  # of uniform observations
    covered = 0
    for _ in range(400):
        found = quantile_interval(sorted(source.random() for _ in range(count)), share)
        covered += found.low <= truth <= found.high
    assert covered / 400 > 0.92


def test_the_median_of_ten_lies_between_the_second_and_the_ninth():
    """The textbook's: 97.9 % (David and Nagaraja, section 7.1)."""
    assert quantile_interval([float(each) for each in range(1, 11)], 0.5) == Interval(5.0, 2.0, 9.0)


@pytest.mark.parametrize(
    ("count", "share", "low", "high"),
    [(20, 0.5, 6, 15), (59, 0.5, 22, 38), (59, 0.95, 52, inf), (100, 0.95, 90, 100), (200, 0.95, 184, 197)],
)
def test_ranks_are_those_of_scipy(count: int, share: float, low: float, high: float):
    """`scipy.stats.quantile_test(...).confidence_interval(0.95)` of SciPy 1.17."""
    found = quantile_interval([float(each) for each in range(1, count + 1)], share)
    assert (found.low, found.high) == (low, high)


def test_too_few_observations_leave_an_end_open():
    assert quantile_interval([1.0, 2.0, 3.0], 0.95) == Interval(3.0, -inf, inf) or known(
        quantile_interval([1.0, 2.0, 3.0], 0.95)
    )
    assert quantile_interval([1.0, 2.0, 3.0], 0.95).high == inf
    assert isnan(quantile_interval([], 0.5).estimate)
    assert isnan(quantile([], 0.5))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.sampled_from([0.1, 0.5, 0.9, 0.95]))
def test_a_quantile_is_an_observation_within_its_interval(values: list[float], share: float):
    ordered = sorted(values)
    found = quantile_interval(ordered, share)
    assert found.estimate in ordered
    assert found.low <= found.estimate <= found.high
    assert sum(each <= found.estimate for each in ordered) >= share * len(ordered) - 1e-9


def test_the_ratio_of_sums_is_that_of_all_and_as_sure_as_the_pairs_agree():
    assert ratio_of_sums([2.0, 4.0, 6.0] * 10, [1.0, 2.0, 3.0] * 10) == Interval(2.0, 2.0, 2.0)
    found = ratio_of_sums([1.0, 5.0, 6.0] * 10, [1.0, 2.0, 3.0] * 10)
    assert found.estimate == 2.0
    assert 1.8 < found.low < 2.0 < found.high < 2.2
    assert not known(ratio_of_sums([], []))
    assert not known(ratio_of_sums([1.0], [0.0]))
    assert ratio_of_sums([0.0] * 30, [1.0] * 30) == Interval(0.0, 0.0, 0.0)


@pytest.mark.parametrize("count", [1, 2, ENOUGH - 1])
def test_few_pairs_leave_a_ratio_open(count: int):
    assert ratio_of_sums([1.0] * count, [2.0] * count) == Interval(0.5, -inf, inf)


def test_a_ratio_of_skewed_sums_misses_about_as_often_on_either_side():
    """Costs as they are, log-normal: 1,000 samples of 100 pairs each. Of 95 % the variance's own error leaves 94."""
    source = random.Random(3)
    below = above = 0
    for _ in range(1000):
        lower = [source.lognormvariate(0, 0.8) for _ in range(100)]
        found = ratio_of_sums([2 * source.lognormvariate(0, 0.8) for _ in lower], lower)
        below += found.high < 2
        above += found.low > 2
    assert below + above < 80
    assert 0.5 < below / above < 2


@pytest.mark.parametrize("wrong", [lambda: wilson(2, 1), lambda: wilson(1, 2, 1.5), lambda: ratio_of_sums([1.0], [])])
def test_what_makes_no_sense_is_refused(wrong: object):
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"is no share|between 0 and 1|no pairs"):
        wrong()
