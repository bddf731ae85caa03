"""Shares compared: by figures from the literature, by counting out, and by how often they miss."""

from __future__ import annotations

import random
from math import comb, inf, isnan

import pytest

from headgate.stats.association import confidence_of, discoveries, more_often, relative_risk, shown


def counted_out(cases: int, among: int, other_cases: int, others: int) -> float:
    total = cases + other_cases
    ways = sum(
        comb(among, k) * comb(others, total - k) for k in range(cases, min(total, among) + 1) if total - k <= others
    )
    return ways / comb(among + others, total)


def test_the_exact_test_is_what_counting_out_gives():
    rng = random.Random(4)
    for _ in range(400):
        among, others = rng.randint(1, 30), rng.randint(1, 30)
        cases, other_cases = rng.randint(0, among), rng.randint(0, others)
        found = more_often(cases, among, other_cases, others)
        assert found == pytest.approx(counted_out(cases, among, other_cases, others), rel=1e-9, abs=1e-12)


def test_fishers_tea_tasting():
    assert more_often(3, 4, 1, 4) == pytest.approx(17 / 70)


def test_the_exact_test_of_millions_is_quick_and_sane():
    assert more_often(60_000, 1_000_000, 200_000, 4_000_000) < 1e-200
    assert more_often(50_000, 1_000_000, 200_000, 4_000_000) == pytest.approx(0.5, abs=0.01)
    assert more_often(40_000, 1_000_000, 200_000, 4_000_000) > 0.999


def test_a_relative_risk_as_a_textbook_has_it():
    """Physicians' Health Study, aspirin and heart attacks: 189 of 11,034 on placebo, 104 of 11,037 on aspirin (A. Agresti,
    "Categorical Data Analysis", 2nd ed., section 3.1): 1.82, from 1.43 to 2.31.
    """
    risk = relative_risk(189, 11_034, 104, 11_037)
    assert (risk.estimate, risk.low, risk.high) == pytest.approx((1.818, 1.433, 2.306), abs=0.01)


def test_where_there_are_none_one_end_is_open():
    never, always = relative_risk(0, 50, 10, 50), relative_risk(10, 50, 0, 50)
    assert (never.estimate, never.low) == (0, 0)
    assert never.high < 1
    assert (always.estimate, always.high) == (inf, inf)
    assert always.low > 1
    assert relative_risk(9, 12, 0, 12).low > 1.5, "nine of twelve against none of twelve is no chance"
    assert isnan(relative_risk(1, 1, 0, 0).estimate)
    assert isnan(relative_risk(0, 9, 0, 9).estimate)


@pytest.mark.parametrize("counts", [(2, 1, 0, 1), (-1, 1, 0, 1), (0, 1, 2, 1)])
def test_what_is_no_share_is_refused(counts: tuple[int, int, int, int]):
    with pytest.raises(ValueError, match="are no shares"):
        relative_risk(*counts)


def test_its_interval_holds_the_truth_as_often_as_it_says():
    rng = random.Random(11)
    held = 0
    for _ in range(600):
        cases = sum(rng.random() < 0.06 for _ in range(400))
        others = sum(rng.random() < 0.02 for _ in range(1200))
        risk = relative_risk(cases, 400, others, 1200)
        held += risk.low <= 3 <= risk.high
    assert 0.925 <= held / 600 <= 0.98


def test_its_interval_holds_for_few_cases_too():
    rng = random.Random(12)
    held = 0
    for _ in range(1000):
        risk = relative_risk(
            sum(rng.random() < 0.5 for _ in range(12)), 12, sum(rng.random() < 0.1 for _ in range(20)), 20
        )
        held += risk.low <= 5 <= risk.high
    assert 0.925 <= held / 1000 <= 0.985


def test_of_many_looks_at_nothing_hardly_any_finds_something():
    rng = random.Random(2)
    found = sum(bool(discoveries([rng.random() for _ in range(200)])) for _ in range(400))
    assert found / 400 < 0.09


def test_discoveries_are_benjamini_and_hochbergs():
    chances = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
               0.7590, 1.0]  # their own example, section 4  # fmt: skip
    assert discoveries(chances) == [0, 1, 2, 3]
    assert discoveries([]) == []
    assert confidence_of(4, 15) == pytest.approx(1 - 0.05 * 4 / 15)


def test_intervals_are_of_as_many_as_are_shown():
    """Of ten that are more than chance three are large enough: their intervals are of three."""
    chances = [1e-6] * 10 + [0.9] * 90
    chosen, confidence = shown(chances, lambda place, _: place < 3)
    assert (chosen, confidence) == ([0, 1, 2], pytest.approx(1 - 0.05 * 3 / 100))
    asked: list[float] = []

    def narrow(place: int, at: float) -> bool:
        asked.append(at)
        return at < 1 - 0.05 * 2 / 100 or place > 8

    assert shown(chances, lambda place, at: place < 5 and narrow(place, at))[0] == [0, 1, 2, 3, 4]
    assert asked[-1] > asked[0], "what is kept is held against the confidence that is told"
    assert shown([], lambda *_: True) == ([], 0.95)
