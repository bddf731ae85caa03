"""Days, weeks and months begin at midnight where they are counted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.clock import ManualClock
from headgate.limits.calendar import Calendar, bounds

HOUR_US = 3_600_000_000


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("period", "timezone", "now", "start", "end"),
    [
        ("day", "UTC", "2026-11-25T13:00", "2026-11-25T00:00", "2026-11-26T00:00"),
        ("day", "Asia/Tokyo", "2026-11-25T16:00", "2026-11-25T15:00", "2026-11-26T15:00"),
        ("week", "UTC", "2026-11-25T13:00", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "America/New_York", "2026-12-01T04:59", "2026-11-01T04:00", "2026-12-01T05:00"),
    ],
)
def test_a_period_is_that_of_the_time_zone(period, timezone: str, now: str, start: str, end: str):
    assert bounds(period, timezone, us(now)) == (us(start), us(end))


def test_the_day_on_which_clocks_go_forward_has_23_hours():
    start, end = bounds("day", "Europe/Berlin", us("2026-03-29T12:00"))
    assert end - start == 23 * HOUR_US


def test_the_day_on_which_they_go_back_has_25():
    start, end = bounds("day", "Europe/Berlin", us("2026-10-25T12:00"))
    assert end - start == 25 * HOUR_US


@given(
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
    st.integers(1_600_000_000, 2_000_000_000),
)
def test_periods_follow_each_other_without_a_gap(period, timezone: str, now_s: int):
    start, end = bounds(period, timezone, now_s * 1_000_000)
    assert start <= now_s * 1_000_000 < end
    assert bounds(period, timezone, end)[0] == end
    assert bounds(period, timezone, start - 1)[1] == start


def test_the_next_period_is_noticed_and_a_step_back_too():
    clock = ManualClock(us("2026-11-25T23:59"))
    calendar = Calendar(clock)
    first = calendar.bounds("day", "UTC")
    clock.advance(120)
    assert calendar.bounds("day", "UTC")[0] == first[1]
    clock.step(-120)
    assert calendar.bounds("day", "UTC") == first


def test_what_is_endless_has_no_end():
    assert Calendar(ManualClock()).bounds("total", "UTC") == (0, 0)
