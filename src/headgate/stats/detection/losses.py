"""Whether there is less traffic than there should be, as far as that: none, or next to none."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.stats.detection.season import Season
from headgate.stats.detection.tails import poisson_at_most
from headgate.stats.detection.verdict import NO_DATA, Verdict, worst

ALPHA = 1e-5
"""How seldom so few would come in a quiet hour."""


def loss(windows: Sequence[tuple[int, int]], season: Season, end_s: int, below: float) -> Verdict:
    """Whether fewer than a share `below` of the usual calls come, and fewer than a quiet hour explains.

    `windows` all end now, the shortest first: seconds, and how many calls began in them. Where calls are few the longer
    ones decide: without any, a series of ten calls an hour has to be still for hours before that means something.
    """
    found = [_judged(*each, season, end_s, below) for each in windows]
    known = [each for each in found if each.standing != "no_data"]
    if not known:
        return NO_DATA
    return next((each for each in known if each.standing == "bad"), worst(known[:1]))


def _judged(window_s: int, calls: int, season: Season, end_s: int, below: float) -> Verdict:
    usual, quiet = 0.0, 1.0
    at_s = end_s - window_s
    while at_s < end_s:
        hour = at_s // 3600
        until_s = min(end_s, (hour + 1) * 3600)
        expected = season.expected(hour)
        if expected is None:
            return NO_DATA
        usual += expected.low * (until_s - at_s) / 3600
        quiet = min(quiet, season.quiet(hour))
        at_s = until_s
    if usual <= 0:
        return NO_DATA
    if calls > below * usual:
        standing = "fine"
    elif poisson_at_most(calls, quiet * usual) < ALPHA:
        standing = "bad"
    else:
        standing = "unclear"
    per_hour = 3600 / window_s
    return Verdict(standing, calls * per_hour, below * usual * per_hour, usual * per_hour, window_s)
