"""Which days a review is of, and which it is held against."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

Name = Literal["day", "week", "month"]

HOUR_S, DAY_S = 3_600, 86_400


class Period(NamedTuple):
    """Days in UTC, and as many right before them."""

    name: Name
    before_s: int
    from_s: int
    until_s: int
    step_s: int
    """Of the sums that are read."""
    block_s: int
    """What counts as one piece of evidence: an hour of a day, six hours of a week, a day of a month."""

    @property
    def blocks(self) -> int:
        """How many there are on either side."""
        return -(-(self.until_s - self.from_s) // self.block_s)


def period(name: Name, now_s: int, ending: date | None = None) -> Period:
    """The latest day, week (from Monday on) or month that is over, or the one that ends before `ending`'s midnight."""
    today = datetime.fromtimestamp(now_s, UTC).date()
    end = ending or _latest(name, today)
    begin = _before(name, end)
    until_s, from_s = _seconds(end), _seconds(begin)
    length_s = until_s - from_s
    step_s, block_s = {"day": (HOUR_S, HOUR_S), "week": (HOUR_S, 6 * HOUR_S), "month": (DAY_S, DAY_S)}[name]
    return Period(name, from_s - length_s, from_s, until_s, step_s, block_s)


def _latest(name: Name, today: date) -> date:
    """The day after the latest whole period."""
    if name == "week":
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if name == "month" else today


def _before(name: Name, end: date) -> date:
    if name == "month":
        last = end - timedelta(days=1)
        return last.replace(day=1) if end.day == 1 else end - timedelta(days=30)
    return end - timedelta(days=7 if name == "week" else 1)


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
