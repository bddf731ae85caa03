"""How much texts are alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.checks.likeness import bleu, cosine, edits_apart, f1_of_bags, rouge, rouge_l
from headgate.checks.patterns import searching

TEXTS = st.text("abc", max_size=12)


@given(TEXTS, TEXTS)
def test_edit_distance_is_what_the_table_of_wagner_and_fischer_gives(one: str, other: str) -> None:
    row = list(range(len(other) + 1))
    for at, character in enumerate(one, 1):
        before, row[0] = row[:], at
        for place, wanted in enumerate(other, 1):
            row[place] = min(row[place - 1] + 1, before[place] + 1, before[place - 1] + (character != wanted))
    longest = max(len(one), len(other))
    assert edits_apart(one, other) == pytest.approx(1 - row[-1] / longest if longest else 1.0)


def test_rouge_and_bleu() -> None:
    answer, reference = "The cat sat on the mat.", "the cat is on the mat"
    assert rouge(answer, reference) == pytest.approx(5 / 6)
    assert rouge(answer, reference, 2) == pytest.approx(3 / 5)
    assert rouge_l(answer, reference) == pytest.approx(5 / 6)
    assert bleu(reference, reference) == pytest.approx(1.0)
    assert bleu("quite another thing", reference) == 0.0
    assert 0 < bleu("the cat", reference) < 0.3


def test_what_is_empty() -> None:
    assert edits_apart("", "") == rouge("", "") == rouge_l("", "") == bleu("", "") == 1.0
    assert edits_apart("", "a") == rouge("", "a") == rouge_l("", "a") == bleu("", "a") == 0.0


def test_vectors_and_bags() -> None:
    assert cosine([1.0, 0.0], [0.0, 2.0]) == 0.0
    assert cosine([1.0, 1.0], [2.0, 2.0]) == pytest.approx(1.0)
    assert cosine([0.0], [1.0]) == 0.0
    assert f1_of_bags(["a", "b"], ["a", "a"]) == 0.5
    assert f1_of_bags([], []) == 1.0


def test_patterns_are_those_of_re2() -> None:
    assert searching(r"(?i)\bparis\b")("In Paris.")
    assert not searching(r"^\d+$")("12a")
    with pytest.raises(ValueError, match="no look-around"):
        searching(r"(?=a)b")


def test_a_pattern_that_is_slow_elsewhere_is_not() -> None:
    assert not searching(r"(a+)+$")("a" * 50_000 + "b")
