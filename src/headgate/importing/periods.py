"""The calendar's periods that take the place of durations elsewhere: for other lengths the next longer one, so that
nobody can spend more than there.
"""

from __future__ import annotations

from typing import NamedTuple

from headgate.administration.requests import BudgetPeriod

_PERIODS: tuple[tuple[int, BudgetPeriod], ...] = ((86_400, "day"), (7 * 86_400, "week"), (30 * 86_400, "month"))


class Fit(NamedTuple):
    """The period that takes a duration's place."""

    period: BudgetPeriod
    exact: bool
    """Whether it begins and ends as that did."""


NEVER = Fit("total", exact=False)
"""For what is longer than a month, and what cannot be understood."""


def fit(seconds: int, *, aligned: bool) -> Fit:
    """The period for a duration; `aligned` is one that begins with the calendar."""
    for length, period in _PERIODS:
        if seconds <= length:
            return Fit(period, exact=aligned and seconds == length)
    return NEVER
