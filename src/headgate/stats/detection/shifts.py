"""Whether a quantile of durations has moved, whatever their distribution.

That the quantile of a share is above a value means that more than one minus that share of the calls are above it: a
count, which the binomial distribution tells of (H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed. 2003,
section 7.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

import msgspec

from headgate.stats.detection.shares import Window, excess
from headgate.stats.detection.verdict import NO_DATA, Verdict
from headgate.stats.sketch import Sketch

DEVIATIONS = 4.0
"""How many robust standard deviations a quantile has to be above what is usual."""

ALPHA = 1e-3
"""How seldom so many would be above the limit if the quantile were just there; which it is not, a limit is far off."""

LEAST_HOURS = 9
"""Hours in the past that a comparison needs."""

LEAST_CALLS = 20
"""Calls that an hour needs, so that its quantile counts."""


class Usual(msgspec.Struct, frozen=True):
    """A quantile in hours of the same kind."""

    share: float
    middle: float
    """The median of the hours', in the unit of the durations."""
    spread: float
    """The robust standard deviation of its logarithm."""

    def limit(self, factor: float) -> float:
        """What it must not be above: `factor` times what is usual, or more where it differs that much from hour to
        hour.
        """
        return self.middle * max(factor, exp(DEVIATIONS * self.spread))


def usual(hours: Sequence[Sketch], share: float) -> Usual | None:
    """A quantile's usual value; None where there are too few hours with calls enough."""
    found = [each.quantile(share) for each in hours if each.total >= LEAST_CALLS]
    return usual_of([log(value) for value in found if value], share)


def usual_of(logs: Sequence[float], share: float) -> Usual | None:
    """The same from the logarithms of the quantile in each hour that has calls enough."""
    logs = sorted(logs)
    if len(logs) < LEAST_HOURS:
        return None
    middle = _median(logs)
    return Usual(share, exp(middle), 1.4826 * _median(sorted(abs(each - middle) for each in logs)))


def shift(
    windows: Sequence[tuple[int, Sketch]], base: Usual | None, factor: float, least: int, within_s: int
) -> Verdict:
    """Whether a quantile is above its limit. `windows` all end now, the shortest first, with their seconds."""
    if base is None:
        return NO_DATA
    limit = base.limit(factor)
    counted = [Window(seconds, _above(sketch, limit), sketch.total) for seconds, sketch in windows]
    found = excess(counted, 1 - base.share, least, within_s, ALPHA)
    if found.standing == "no_data":
        return found
    sketch = next(sketch for seconds, sketch in windows if seconds == found.window_s)
    return Verdict(found.standing, sketch.quantile(base.share), limit, base.middle, found.window_s)


def _above(sketch: Sketch, limit: float) -> int:
    return round((sketch.share_above(limit) or 0.0) * sketch.total)


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
