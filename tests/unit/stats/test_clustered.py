"""Shares of outcomes that come in clusters."""

from __future__ import annotations

from math import inf, isnan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.stats.clustered import running_reach, share_of_clusters
from headgate.stats.intervals import score_interval, wilson


def test_single_outcomes_have_wilsons_interval() -> None:
    found = share_of_clusters([[1.0]] * 80 + [[0.0]] * 20)
    plain = wilson(80, 100)
    assert (found.estimate, found.low, found.high) == pytest.approx((0.8, plain.low, plain.high), abs=0.003)


def test_repeats_that_always_agree_tell_no_more_than_one() -> None:
    once = share_of_clusters([[1.0]] * 16 + [[0.0]] * 4)
    often = share_of_clusters([[1.0] * 50] * 16 + [[0.0] * 50] * 4)
    assert often.high - often.low == pytest.approx(once.high - once.low, abs=0.01)


def test_repeats_of_cases_that_are_alike_tell_nearly_as_much_as_other_cases() -> None:
    rng = Random(5)
    alike = [[float(rng.random() < 0.5) for _ in range(10)] for _ in range(40)]
    assert share_of_clusters(alike).high - share_of_clusters(alike).low < 0.15


@pytest.mark.parametrize(("cases", "repeats"), [(3, 20), (5, 20), (10, 5), (10, 20), (30, 20)])
def test_the_truth_is_within_also_where_a_few_cases_were_tried_often(cases: int, repeats: int) -> None:
    """One case in nine is nearly always wrong, the others nearly never: a few cases may have none of that kind."""
    rng, hits = Random(7), 0
    for _ in range(300):
        chances = [0.95 if rng.random() < 8 / 9 else 0.05 for _ in range(cases)]
        found = share_of_clusters([[float(rng.random() < each) for _ in range(repeats)] for each in chances])
        hits += found.low <= 0.85 <= found.high
    assert hits >= 0.92 * 300


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1), max_size=6), max_size=12))
def test_an_interval_is_one(clusters: list[list[float]]) -> None:
    found = share_of_clusters(clusters)
    assert 0 <= found.low <= found.high <= 1
    if any(clusters):
        assert found.low - 1e-9 <= found.estimate <= found.high + 1e-9
        cases = len([each for each in clusters if each])
        alone = score_interval(found.estimate, cases)
        assert found.low >= alone.low - 1e-9
        assert found.high <= alone.high + 1e-9


def test_all_passed_is_no_certainty() -> None:
    found = share_of_clusters([[1.0] * 10] * 5)
    assert found.high == 1.0
    assert found.low == pytest.approx(wilson(5, 5).low)


def test_of_nothing_nothing_is_known() -> None:
    found = share_of_clusters([[], []])
    assert isnan(found.estimate)
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_running_interval_is_open_at_first_and_holds_whenever_one_stops() -> None:
    assert running_reach([1.0] * 29) == inf
    missed = 0
    for seed in range(60):
        rng = Random(seed)
        values: list[float] = []
        for _ in range(400):
            values.append(float(rng.random() < 0.7))
            if (
                len(values) >= 30
                and len(values) % 20 == 0
                and abs(sum(values) / len(values) - 0.7) > running_reach(values)
            ):
                missed += 1
                break
    assert missed <= 6
    assert running_reach([1.0, 0.0] * 2_000) < 0.04
