"""Figures as people read them."""

from __future__ import annotations

from datetime import date

import pytest

from headgate.dashboard import formats


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0, "0"),
        (9_999, "9,999"),
        (12_345, "12.3k"),
        (999_600, "1,000k"),
        (4_560_000, "4.56M"),
        (7.25, "7.2"),
    ],
)
def test_counts(number: float | None, text: str):
    assert formats.count(number) == text


@pytest.mark.parametrize(
    ("picodollars", "text"),
    [
        (None, "–"), (0, "$0"), (12_700_000, "$0.0000127"), (450_000_000, "$0.00045"), (850_000_000_000, "$0.85"),
        (1_234_560_000_000, "$1.23"), (12_345_678_000_000_000, "$12,346"), (-1_500_000_000_000, "-$1.50"), (1, "<$0.000001"),
    ],
)  # fmt: skip
def test_money(picodollars: int | None, text: str):
    assert formats.money(picodollars) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "–"), (0, "0 ms"), (0.15, "0.15 ms"), (310.4, "310 ms"), (1_240, "1.24 s"), (75_000, "1 min 15 s")],
)
def test_durations(ms: float | None, text: str):
    assert formats.duration(ms) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(None, "–"), (0, "0 %"), (0.00001, "<0.01 %"), (0.0042, "0.42 %"), (0.123, "12.3 %"), (0.9994, "99.9 %"),
     (0.9996, "99.96 %"), (0.99999, ">99.99 %"), (1, "100 %")],
)  # fmt: skip
def test_shares(part: float | None, text: str):
    assert formats.share(part) == text


def test_changes_say_nothing_of_nothing():
    assert formats.change(10, 0) is None
    assert formats.change(None, 10) is None
    assert formats.change(112, 100) == "+12 %"
    assert formats.change(88, 100) == "-12 %"
    assert formats.change(100, 100) == "±0 %"
    assert formats.change(3_100, 100) == "×31"


def test_what_cannot_be_seen_is_seen():
    assert formats.plain("a\u202eb\x1b[31m\u200b") == "a\\u202eb\\u001b[31m\\u200b"
    assert formats.plain("مفتاح ключ 鍵 🔑") == "مفتاح ключ 鍵 🔑"


def test_a_target_is_told_with_all_its_digits():
    assert [formats.part(each) for each in (0.9995, 0.99, 1.0, 0.99999)] == ["99.95 %", "99 %", "100 %", "99.999 %"]


@pytest.mark.parametrize(
    ("difference", "told"), [(0.0034, "+0.3"), (-0.0004, "+0.0"), (0.0004, "+0.0"), (-0.25, "-25.0"), (1.0, "+100.0")]
)
def test_differences_are_points(difference: float, told: str):
    assert formats.points(difference) == told


def test_what_the_admin_api_says_of_money_is_shown_as_money_is():
    assert [formats.paid(each) for each in (None, "0.012", "0", "12.5")] == ["–", "$0.012", "$0", "$12.50"]


def test_json_has_all_its_characters():
    assert formats.json({"stop": ["it's <b> & \u00e9"], "day": date(2026, 11, 26)}) == (
        '{"stop":["it\'s <b> & \u00e9"],"day":"2026-11-26"}'
    )
