"""What a month and a budget will come to, at the pace of late. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import sqrt

import msgspec

DAY_S = 86_400

WEEKS = 4
"""Weeks before now that days to come are told by."""

LEAST_DAYS = 7
"""Fewer whole days tell nothing of a month."""

ENOUGH_DAYS = 14
"""Whole days from which on weekdays are told apart, and there is an interval."""

_Z = 1.645
"""Standard deviations on either side that hold 90 of 100."""


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar month in UTC; money is picodollars."""

    spent: int
    """So far."""
    expected: int | None
    """At its end; None where too little is known."""
    low: int | None
    high: int | None
    """Between which nine of ten such months end, if the days to come vary as those of late do."""


def month(days: Mapping[int, int], now_s: int) -> Month:
    """What this month comes to. `days` has what was spent, by the second a day begins at."""
    now = datetime.fromtimestamp(now_s, UTC)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    today_s = now_s // DAY_S * DAY_S
    spent = sum(cost for at, cost in days.items() if at >= first.timestamp())
    begun_s = min(days, default=today_s)
    known = {at: days.get(at, 0) for at in range(max(begun_s, today_s - WEEKS * 7 * DAY_S), today_s, DAY_S)}
    if len(known) < LEAST_DAYS:
        return Month(spent=spent, expected=None, low=None, high=None)
    whole = sum(known.values()) / len(known)

    def mean(at: int) -> float:
        same = [cost for each, cost in known.items() if each // DAY_S % 7 == at // DAY_S % 7]
        return sum(same) / len(same) if len(known) >= ENOUGH_DAYS else whole

    left = (today_s + DAY_S - now_s) / DAY_S
    to_come = [(today_s, left), *((at, 1.0) for at in range(today_s + DAY_S, int(following.timestamp()), DAY_S))]
    expected = spent + sum(mean(at) * part for at, part in to_come)
    if len(known) < ENOUGH_DAYS:
        return Month(spent=spent, expected=round(expected), low=None, high=None)
    spread = sqrt(sum((cost - mean(at)) ** 2 for at, cost in known.items()) / (len(known) - 7))
    give = _Z * spread * sqrt(sum(part for _, part in to_come))
    return Month(
        spent=spent, expected=round(expected), low=max(spent, round(expected - give)), high=round(expected + give)
    )


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A budget in the period under way."""

    expected: int | None
    """Spent at its end; None where the period has none."""
    out_at: datetime | None
    """When nothing is left; None where something still is at the period's end."""


def budget(amount: int, spent: int, pace_per_s: float, now: datetime, ends: datetime | None) -> Budget:
    """What becomes of a budget at a pace, in picodollars a second."""
    left = amount - spent
    expected = None if ends is None else round(spent + pace_per_s * max(0.0, (ends - now).total_seconds()))
    if left <= 0:
        return Budget(expected=expected, out_at=now)
    if pace_per_s <= 0 or left / pace_per_s > 10 * 365 * DAY_S:
        return Budget(expected=expected, out_at=None)
    out_at = now + timedelta(seconds=left / pace_per_s)
    return Budget(expected=expected, out_at=out_at if ends is None or out_at < ends else None)
