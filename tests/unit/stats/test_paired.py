"""Comparing outcomes of the same cases at two times."""

from __future__ import annotations

from math import comb
from random import Random

import pytest

from evaluation.power import MOST_FALSE, reworded, same, told, worse
from headgate.stats.paired import drop, holm, mean_difference


def test_one_try_each_is_mcnemars_exact_test() -> None:
    before = [[1.0]] * 20
    after = [[0.0]] * 6 + [[1.0]] * 14
    assert drop(before, after).chance == pytest.approx(1 / 2**6, abs=0.004)


def test_one_case_is_fishers_exact_test() -> None:
    found = drop([[1.0, 1.0, 1.0]], [[0.0, 0.0, 0.0]])
    assert found.chance == pytest.approx(1 / comb(6, 3), abs=0.005)
    assert found.decides == pytest.approx(1 / comb(6, 3))


def test_nothing_that_differs_is_no_drop() -> None:
    found = drop([[1.0], [0.0]], [[1.0], [0.0]])
    assert (found.chance, found.rise, found.worse, found.better) == (1.0, 1.0, 0, 0)


def test_a_rise_is_the_same_the_other_way_round() -> None:
    rng = Random(1)
    before = [[float(rng.random() < 0.8) for _ in range(3)] for _ in range(40)]
    after = [[float(rng.random() < 0.5) for _ in range(3)] for _ in range(40)]
    down, up = drop(before, after), drop(after, before)
    assert down.chance == pytest.approx(up.rise, abs=0.01)
    assert down.difference.estimate == pytest.approx(-up.difference.estimate)


def test_scores_between_count_too_and_tries_may_differ_in_number() -> None:
    found = drop([[0.9, 0.8, 0.9]] * 8, [[0.5, 0.4]] * 8)
    assert found.chance < 0.001
    assert found.difference.estimate == pytest.approx(-0.41667, abs=1e-4)


def test_many_cases_come_to_what_fewer_do() -> None:
    few = drop([[1.0]] * 900 + [[0.0]] * 99, [[0.0]] * 520 + [[1.0]] * 479)
    many = drop([[1.0]] * 1000 + [[0.0]] * 99, [[0.0]] * 520 + [[1.0]] * 579)
    assert few.chance < 0.001
    assert many.chance < 0.001


def test_the_same_outcomes_get_the_same_answer() -> None:
    before, after = [[1.0, 0.0, 1.0]] * 10, [[0.0, 0.0, 1.0]] * 10
    assert drop(before, after) == drop(before, after)


def test_of_no_cases_nothing_is_told() -> None:
    assert drop([], []).chance == 1.0


def test_cases_without_outcomes_are_refused() -> None:
    with pytest.raises(ValueError, match="outcomes at both times"):
        drop([[1.0]], [[]])


def test_differences_that_are_all_the_same_are_not_certain() -> None:
    found = mean_difference([0.0] * 20)
    assert found.low < -0.1 < 0.1 < found.high


def test_holm_makes_up_for_several() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_few_false_alarms_and_a_drop_of_ten_points_is_caught() -> None:
    """In short; `make eval-power` holds the bars in full."""
    assert told(same(100, 0.85), 3, seed=11, comparisons=40) <= MOST_FALSE // 5 + 1
    assert told(worse(100, 0.85, 0.75), 3, seed=11, comparisons=40) >= 32
    assert told(reworded(100, 0.85, 0.2), 3, seed=11, comparisons=40) <= 1
