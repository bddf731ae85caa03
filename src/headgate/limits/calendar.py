"""Days, weeks and months in the time zone of whom they are counted for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

from headgate.clock import Clock
from headgate.storage.records import Period

WINDOWS_US = {"second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}
"""Periods whose window slides, and how long it is."""

Bounds = tuple[int, int]
"""Microseconds since the epoch: when a period began, and when it ends; 0 for never."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Calendar:
    """The periods that are under way now. Each is worked out once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[tuple[Period, str], Bounds] = {}

    def until_s(self, ends_us: int) -> float:
        """Seconds until a period ends; inf for one that does not."""
        return max(0.0, (ends_us - self._clock.now_us()) / 1e6) if ends_us else inf

    def bounds(self, period: Period, timezone: str) -> Bounds:
        """The period under way: a day from midnight, a week from Monday, a month from its first; `total` is endless."""
        if period == "total":
            return 0, 0
        key = period, timezone
        now_us = self._clock.now_us()
        held = self._held.get(key)
        if held is None or not held[0] <= now_us < held[1]:
            held = self._held[key] = bounds(period, timezone, now_us)
        return held


def bounds(period: Period, timezone: str, now_us: int) -> Bounds:
    """The period of that kind in which a moment is, by the clocks of a time zone."""
    zone = ZoneInfo(timezone)
    now = (_EPOCH + timedelta(microseconds=now_us)).astimezone(zone)
    midnight = datetime(now.year, now.month, now.day, tzinfo=zone)
    if period == "day":
        start, after = midnight, midnight + timedelta(days=1)
    elif period == "week":
        start = midnight - timedelta(days=now.weekday())
        after = start + timedelta(days=7)
    else:
        start = midnight.replace(day=1)
        after = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return _us(start), _us(after)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
