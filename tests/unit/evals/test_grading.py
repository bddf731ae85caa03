"""What assertions come to together."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluated_answers import grade_of


async def test_all_have_to_hold(tmp_path: Path) -> None:
    found = await grade_of("[{contains: a}, {contains: b, weight: 3}]", "a", tmp_path)
    assert (found.passed, found.score) == (False, 0.25)


async def test_with_a_threshold_the_weighted_mean_decides(tmp_path: Path) -> None:
    low = await grade_of("[{contains: a}, {contains: b, weight: 3}]", "b", tmp_path, file="threshold: 0.75")
    high = await grade_of("[{contains: a}, {contains: b, weight: 3}]", "b", tmp_path, file="threshold: 0.8")
    assert (low.passed, high.passed) == (True, False)


async def test_sets_have_thresholds_of_their_own(tmp_path: Path) -> None:
    either = "[{assert-set: [{contains: a}, {contains: b}], threshold: 0.5}, {contains: c}]"
    assert (await grade_of(either, "ac", tmp_path)).passed is True
    found = await grade_of(either, "c", tmp_path)
    assert found.passed is False
    assert "'a' is not in it" in found.marks[0].reason
    assert (await grade_of("[{not-assert-set: [{contains: a}, {contains: b}]}]", "a", tmp_path)).passed is True


async def test_the_negation_of_a_score_is_what_is_left_of_it(tmp_path: Path) -> None:
    found = await grade_of("[{not-rouge-n: one two three four}]", "one two", tmp_path)
    assert found.passed is True
    assert found.score == pytest.approx(1 - 2 / 3, abs=1e-3)


async def test_what_cannot_be_told_decides_nothing_unless_others_do(tmp_path: Path) -> None:
    untold = "{language: de}"
    assert (await grade_of(f"[{untold}, {{contains: x}}]", "x", tmp_path)).passed is None
    assert (await grade_of(f"[{untold}, {{contains: x}}]", "y", tmp_path)).passed is False
    assert (await grade_of(f"[{untold}, {{contains: x}}]", "x", tmp_path, file="threshold: 0.5")).passed is True
    assert (await grade_of(f"[{untold}, {{contains: x}}]", "y", tmp_path, file="threshold: 0.9")).passed is False


async def test_metrics_have_names(tmp_path: Path) -> None:
    found = await grade_of("[{contains: a, metric: tone}, {contains: b}]", "a", tmp_path)
    assert [(mark.metric, mark.kind, mark.line) for mark in found.marks] == [
        ("tone", "contains", 5),
        (None, "contains", 5),
    ]
