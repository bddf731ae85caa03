"""LiteLLM's budget durations, and the calendar's periods that take their place.

Since 2025 LiteLLM begins `1d` at midnight, `7d` on Monday, `30d` and `1mo` on the first of the month, in its time zone,
as the calendar here does (`litellm_core_utils/duration_parser.py`). Other durations begin when the budget does. For
those the next longer period is taken, so that nobody can spend more than there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from headgate.administration.requests import BudgetPeriod

_DURATION = re.compile(r"(\d+)(s|m|h|d|w|mo|y)")

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400, "y": 365 * 86_400}

_EXACT = frozenset({"1d", "24h", "7d", "1w", "30d", "1mo"})
"""Those that LiteLLM begins with the calendar."""

_PERIODS: tuple[tuple[int, BudgetPeriod], ...] = ((86_400, "day"), (7 * 86_400, "week"), (30 * 86_400, "month"))


class Fit(NamedTuple):
    """The period that takes a duration's place."""

    period: BudgetPeriod
    exact: bool
    """Whether it begins and ends as that did."""


def fit(duration: str | None) -> Fit:
    """The period for a duration; none at all is for good, and so is what cannot be understood."""
    named = (duration or "").strip().lower()
    if named in ("", "none", "null"):  # LiteLLM's pages have written these
        return Fit("total", exact=True)
    match = _DURATION.fullmatch(named)
    if match is None or int(match[1]) == 0:
        return Fit("total", exact=False)
    seconds = int(match[1]) * _SECONDS[match[2]]
    for length, period in _PERIODS:
        if seconds <= length:
            return Fit(period, exact=named in _EXACT)
    return Fit("total", exact=False)
