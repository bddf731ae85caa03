"""How fast an error budget is used up: several burn rates over two windows each.

The Site Reliability Workbook (B. Beyer et al., O'Reilly 2018), chapter 5, "Alerting on SLOs", section 6: the long
window says that it matters, the short one that it still goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from headgate.stats.detection.tails import binomial_at_least
from headgate.stats.detection.verdict import NO_DATA, Verdict

Urgency = Literal["page", "ticket"]


class Burn(msgspec.Struct, frozen=True):
    """One pair of windows."""

    urgency: Urgency
    rate: float
    """How many times as fast as would use the budget up by the end of its period."""
    long_s: int
    short_s: int


BURNS = (
    Burn("page", 14.4, 3_600, 300),
    Burn("page", 6.0, 6 * 3_600, 1_800),
    Burn("ticket", 3.0, 86_400, 2 * 3_600),
    Burn("ticket", 1.0, 3 * 86_400, 6 * 3_600),
)
"""Of a budget of 30 days, 2 % are gone within an hour, 5 % in six hours, 10 % in one day and in three."""

Counted = Callable[[int], tuple[int, int]]
"""Of a window of so many seconds that ends now: how many calls were bad, and how many there were."""


def burning(counted: Counted, budget: float, urgency: Urgency) -> Verdict:
    """Whether the budget, a share of calls that may be bad, burns too fast at one of the rates of an urgency.

    Where there are few calls, single failures are a high rate of their few: so many in the long window have to be too
    many for chance as well.
    """
    found = [_judged(counted, each, budget) for each in BURNS if each.urgency == urgency]
    for standing in ("bad", "unclear", "fine"):
        for each in found:
            if each.standing == standing:
                return each
    return NO_DATA


def _judged(counted: Counted, burn: Burn, budget: float) -> Verdict:
    allowed = min(0.999, burn.rate * budget)
    bad, total = counted(burn.long_s)
    if not total:
        return NO_DATA
    recently_bad, recently = counted(burn.short_s)
    rate = bad / total / budget
    if bad <= allowed * total or recently_bad <= allowed * recently:
        standing = "fine"
    elif binomial_at_least(bad, total, allowed) < 1e-2:
        standing = "bad"
    else:
        standing = "unclear"
    return Verdict(standing, rate, burn.rate, window_s=burn.long_s)
