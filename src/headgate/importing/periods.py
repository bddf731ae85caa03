"""Durations of budgets elsewhere, and the calendar's periods that take their place: of other lengths the next longer
one, so that nobody can spend more than there.

LiteLLM since 2025 begins `1d` at midnight, `7d` on Monday, `30d` and `1mo` on the first of the month, in its time zone,
as the calendar here does (`litellm_core_utils/duration_parser.py`). Other durations begin when the budget does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from headgate.administration.requests import BudgetPeriod

_DURATION = re.compile(r"(\d+)(s|m|h|d|w|mo|y)")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400, "y": 365 * 86_400}

_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "1mo", "yearly": "1y"}

_PERIODS: tuple[tuple[int, BudgetPeriod], ...] = ((86_400, "day"), (7 * 86_400, "week"), (30 * 86_400, "month"))


class Fit(NamedTuple):
    """The period that takes a duration's place."""

    period: BudgetPeriod
    exact: bool
    """Whether it begins and ends as that did."""


def fit(duration: str | None) -> Fit:
    """The period for a duration; none at all is for good, and so is what cannot be understood."""
    if not duration:
        return Fit("total", exact=True)
    match = _DURATION.fullmatch(_WORDS.get(duration.strip().lower(), duration.strip().lower()))
    if match is None or int(match[1]) == 0:
        return Fit("total", exact=False)
    seconds = int(match[1]) * _SECONDS[match[2]]
    for length, period in _PERIODS:
        if seconds <= length:
            return Fit(period, exact=seconds == length)
    return Fit("total", exact=False)
