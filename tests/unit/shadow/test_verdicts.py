"""The verdict says what the pairs allow to be said, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.shadow.page import page
from headgate.shadow.verdict import ENOUGH, Verdict, verdict
from headgate.storage.records import Comparison


def pair(number: int, **changes: Any) -> Comparison:
    """One in which both answer alike."""
    members: dict[str, Any] = {
        "id": f"req_{number}-shadow",
        "at_us": 1_800_000_000_000_000 + number,
        "organisation": "default",
        "model": "chat",
        "shadow": "new/m",
        "call_id": f"req_{number}",
        "duration_us": 1_000_000 + number,
        "shadow_duration_us": 900_000 + number,
        "cost_picodollars": 2_000_000,
        "shadow_cost_picodollars": 1_000_000,
        "stop": "end",
        "shadow_stop": "end",
        "characters": 100,
        "shadow_characters": 110,
        "refused": 0,
        "shadow_refused": 0,
        "tools": "none",
        "same": 1,
    }
    return Comparison(**{**members, **changes})


def of(count: int, bad: int = 0, **changes: Any) -> Verdict:
    """The verdict on so many pairs, of which `bad` are otherwise."""
    rows = [pair(number, **(changes if number < bad else {})) for number in range(count)]
    return verdict(rows, "chat", "new/m")


def test_many_pairs_alike_look_safe():
    found = of(300)
    assert found.outcome == "looks_safe"
    assert found.sentence == (
        "Looks safe to move to new/m: 100.0 % of its answers have the same shape; it fails in 0.0 % of calls, chat in "
        "0.0 %."
    )
    assert found.cost.ratio.estimate == 0.5


@pytest.mark.parametrize("count", [0, 1, ENOUGH - 1])
def test_few_pairs_say_nothing_however_alike(count: int):
    found = of(count)
    assert found.outcome == "too_early"
    assert f"there are {count} pairs" in found.sentence


FAILED: dict[str, Any] = {"shadow_code": "server_error", "same": None, "tools": None}


@pytest.mark.parametrize(
    ("bad", "changes", "outcome", "why"),
    [
        (60, FAILED, "not_safe", "it fails in 20.0 % of calls, chat in 0.0 %"),
        (8, FAILED, "too_early", "it may fail in up to"),
        (300, {**FAILED, "code": "server_error"}, "too_early", "between 0.0 % and 100.0 % of its answers have"),
        (90, {"same": 0, "shadow_stop": "length"}, "not_safe", "only 70.0 % of its answers have the same shape"),
        (25, {"same": 0}, "too_early", "of its answers have the same shape"),
        (60, {"tools": "other_calls"}, "not_safe", "only 0.0 % of its tool calls are the same"),
        (300, {"shadow_duration_us": 5_000_000}, "not_safe", "its answers take 5.0 times as long"),
        (300, {"first_token_us": 100, "shadow_first_token_us": 900}, "not_safe", "its first content takes 9.0 times"),
        (300, {"shadow_cost_picodollars": 6_000_000}, "looks_safe", "But it costs 3.00 times as much."),
    ],
)
def test_what_speaks_against_it_is_told(bad: int, changes: dict[str, Any], outcome: str, why: str):
    found = of(300, bad, **changes)
    assert (found.outcome, why in found.sentence) == (outcome, True), found.sentence


def test_a_shadow_that_fails_less_often_is_no_worse():
    found = of(300, 60, code="server_error", same=None, tools=None)
    assert found.outcome == "looks_safe"
    assert found.more_errors.high < 0


VECTORS: dict[str, Any] = {"operation": "embed", "stop": None, "shadow_stop": None, "characters": None, "tools": None,
                           "shadow_characters": None, "refused": None, "shadow_refused": None, "similarity": 0.9999}  # fmt: skip
ORDER = {**VECTORS, "operation": "rerank", "similarity": 0.95}


@pytest.mark.parametrize(
    ("rows", "outcome", "why"),
    [
        ([VECTORS] * 300, "looks_safe", "100.0 % of its vectors fit those there are; it fails in 0.0 %"),
        ([{**VECTORS, "same": 0, "similarity": None}] * 300, "not_safe", "only 0.0 % of its vectors fit"),
        ([{**VECTORS, "same": 0, "similarity": 0.1}] * 30 + [VECTORS] * 270, "too_early", "of its vectors fit"),
        ([ORDER] * 300, "looks_safe", "100.0 % of its rankings are in the same order"),
        ([{**ORDER, "same": 0, "similarity": 0.6}] * 150 + [ORDER] * 150, "not_safe", "only 50.0 % of its rankings"),
        ([VECTORS] * 150 + [{}] * 150, "looks_safe", "same shape; 100.0 % of its vectors fit"),
        ([VECTORS] * 150 + [{"same": 0}] * 150, "not_safe", "only 0.0 % of its answers have the same shape"),
        ([{**VECTORS, "same": None, **FAILED}] * 300, "not_safe", "it fails in 100.0 % of calls"),
    ],
)
def test_answers_that_are_numbers_are_judged_by_them(rows: list[dict[str, Any]], outcome: str, why: str):
    found = verdict([pair(number, **changes) for number, changes in enumerate(rows)], "chat", "new/m")
    assert (found.outcome, why in found.sentence) == (outcome, True), found.sentence


def test_a_time_that_is_short_is_not_rounded_to_nothing():
    rows = [pair(number, duration_us=700, shadow_duration_us=1_340) for number in range(120)]
    assert "0.7 (0.7 to 0.7) ms         1.3 (1.3 to 1.3) ms" in page(verdict(rows, "chat", "new/m"))


def test_the_page_of_vectors_says_nothing_of_text_and_of_small_costs_something():
    changes = {**VECTORS, "cost_picodollars": 204_000, "shadow_cost_picodollars": 13}
    rows = [pair(number, **changes) for number in range(120)] + [pair(200 + number, **ORDER) for number in range(5)]
    found = page(verdict(rows, "embed", "new/m"))
    assert "vectors that fit      100.0 % (96.9 to 100.0) of 120" in found
    assert "  cosine, median      0.9999 (0.9999 to 0.9999)" in found
    assert "same order            100.0 % (56.6 to 100.0) of 5" in found
    assert "  agreement, median   0.9500 (? to ?)" in found
    assert "same shape" not in found
    assert "same tool calls" not in found
    assert "$0.000000276" in found
    assert "nan" not in found


def test_dropped_calls_are_counted_as_many_as_they_are_and_no_pairs():
    rows = [pair(1), pair(2, dropped="queue_full", calls=7), pair(3, dropped="queue_full", calls=2)]
    rows += [pair(4, dropped="side_effects"), pair(5, shadow="another")]
    found = verdict(rows, "chat", "new/m")
    assert (found.pairs, found.dropped) == (1, {"queue_full": 9, "side_effects": 1})


def test_costs_that_are_not_known_are_not_taken_for_nothing():
    found = of(200, 50, shadow_cost_picodollars=None)
    assert (found.cost.pairs, found.cost.unpriced) == (150, 50)
    assert found.cost.shadow == pytest.approx(1e-6)


def test_the_page_tells_all_of_it():
    rows = [pair(number, first_token_us=20_000, shadow_first_token_us=30_000) for number in range(120)]
    rows += [pair(200 + number, **FAILED) for number in range(5)]
    rows += [pair(300 + number, same=0, shadow_stop="length", tools="other_calls") for number in range(4)]
    rows += [
        pair(400, dropped="budget", calls=3),
        pair(401, json=1, shadow_json=0, same=0, shadow_cost_picodollars=None),
    ]
    found = page(verdict(rows, "chat", "new/m", cut=True))
    for text in (
        "chat, and new/m as its shadow",
        "130 (the newest; there are more), 2027-01-15",
        "3 (3 budget)",
        "5 server_error",
        "first content, p50",
        "1.50 (1.50 to 1.50) times as long",
        "4 end > length",
        "4 other_calls",
        "JSON where asked for",
        "$0.000002",
        "1 pairs",
    ):
        assert text in found, f"{text!r} is not in\n{found}"
    assert "nan" not in found
    assert all(len(line) <= 120 for line in found.split("\n")[4:])


def test_the_page_of_nothing_is_a_page():
    assert "Too early to say" in page(verdict([], "chat", "new/m"))
