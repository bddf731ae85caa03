"""Which days a review is of, and which it is held against."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

Name = Literal["day", "week", "month"]

HOUR_S, DAY_S = 3_600, 86_400


class Period(NamedTuple):
    """Days in UTC, and as many right before them: of both what is over of the later ones."""

    name: Name
    before_s: int
    from_s: int
    until_s: int
    step_s: int
    """Of the sums that are read."""
    block_s: int
    """What counts as one piece of evidence: an hour of a day, six hours of a week, a day of a month."""

    @property
    def before_until_s(self) -> int:
        """The first second that is not compared of those before."""
        return self.before_s + self.until_s - self.from_s

    @property
    def blocks(self) -> int:
        """How many there are on either side."""
        return -(-(self.until_s - self.from_s) // self.block_s)


def period(name: Name, now_s: int, ending: date | None = None) -> Period:
    """The latest day, week (from Monday on) or month that is over, or the one that ends before `ending`'s midnight: of
    one that is not over the blocks that are, held against as many of the one before.
    """
    today = datetime.fromtimestamp(now_s, UTC).date()
    end = ending or _latest(name, today)
    begin = _before(name, end)
    until_s, from_s = _seconds(end), _seconds(begin)
    length_s = until_s - from_s
    step_s, block_s = {"day": (HOUR_S, HOUR_S), "week": (HOUR_S, 6 * HOUR_S), "month": (DAY_S, DAY_S)}[name]
    over_s = max(0, now_s - from_s) // block_s * block_s
    return Period(name, from_s - length_s, from_s, from_s + min(length_s, over_s), step_s, block_s)


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
