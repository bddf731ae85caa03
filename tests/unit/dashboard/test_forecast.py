"""What a month and a budget come to at the pace of late."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from headgate.dashboard.forecast import DAY_S, budget, month

START = datetime(2026, 11, 1, tzinfo=UTC)
NOON_25 = datetime(2026, 11, 25, 12, tzinfo=UTC)


def days(until: datetime, cost: int = 100, weekend: int = 40, back: int = 40) -> dict[int, int]:
    """What whole days before a time came to, and what the day under way did so far."""
    found: dict[int, int] = {}
    at = until.replace(hour=0)
    for ago in range(back, -1, -1):
        each = at - timedelta(days=ago)
        whole = weekend if each.weekday() >= 5 else cost
        found[int(each.timestamp())] = whole // 2 if ago == 0 else whole
    return found


def test_weekdays_are_told_apart():
    """25 November 2026 is a Wednesday: half of it, a Thursday, a Friday, two days of weekend and a Monday are left."""
    found = month(days(NOON_25), int(NOON_25.timestamp()))
    spent = 17 * 100 + 7 * 40 + 50
    assert found.spent == spent
    assert found.expected == spent + 50 + 100 + 100 + 40 + 40 + 100
    assert (found.low, found.high) == (found.expected, found.expected)


def test_with_less_than_two_weeks_the_mean_is_taken_and_with_less_than_one_nothing_is_told():
    assert month(days(NOON_25, weekend=100, back=10), int(NOON_25.timestamp())).expected == 10 * 100 + 50 + 550
    assert month(days(NOON_25, back=10), int(NOON_25.timestamp())).low is None
    assert month(days(NOON_25, back=5), int(NOON_25.timestamp())).expected is None
    assert month({}, int(NOON_25.timestamp())).spent == 0


def test_nine_of_ten_months_end_within_the_interval():
    rng = random.Random(6)
    within = 0
    for _ in range(400):
        known = {at: int(cost * rng.gauss(1, 0.2)) for at, cost in days(NOON_25, 10_000, 4_000).items()}
        found = month(known, int(NOON_25.timestamp()))
        rest = 5_000 * rng.gauss(1, 0.2) + sum(
            each * rng.gauss(1, 0.2) for each in (10_000, 10_000, 4_000, 4_000, 10_000)
        )
        assert found.low is not None
        assert found.high is not None
        within += found.low <= found.spent + rest <= found.high
    assert within / 400 == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize(
    ("spent", "pace", "ends", "expected", "out"),
    [
        (40, 1.0, 100, 140, 60), (40, 0.1, 100, 50, None), (100, 1.0, 100, 200, 0), (120, 0.0, 100, 120, 0), (40, 0.0, 100, 40, None),
        (40, 1.0, None, None, 60), (40, -1.0, 100, -60, None),
    ],
)  # fmt: skip
def test_budgets_run_out_or_do_not(spent: int, pace: float, ends: int | None, expected: int | None, out: int | None):
    found = budget(100, spent, pace, START, None if ends is None else START + timedelta(seconds=ends))
    assert found.expected == expected
    assert found.out_at == (None if out is None else START + timedelta(seconds=out))


def test_a_month_begins_with_its_first_day():
    first = int(START.timestamp())
    found = month({first - DAY_S: 70, first: 5}, first + 3600)
    assert found.spent == 5
