"""Whether too large a share of calls is of some kind: failed, failed in one way, slower than a bound."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.stats.detection.tails import binomial_at_least
from headgate.stats.detection.verdict import NO_DATA, Verdict, worst

ALPHA = 1e-4
"""How seldom so many would be seen if the share were just what is allowed."""

Window = tuple[int, int, int]
"""Seconds, how many calls were of the kind, how many there were."""


def excess(windows: Sequence[Window], allowed: float, least: int, within_s: int, alpha: float = ALPHA) -> Verdict:
    """Whether more than `allowed` of calls are of a kind, by the exact binomial test.

    `windows` all end now, the shortest first. Those up to `within_s` are looked at, and where they have fewer than
    `least` calls the shortest longer one that has them: where little happens, it takes longer to be sure.
    """
    looked = [each for each in windows if each[0] <= within_s and each[2] >= least]
    if not looked:
        looked = [each for each in windows if each[2] >= least][:1]
    return worst([_judged(*each, allowed, alpha) for each in looked]) if looked else NO_DATA


def _judged(window_s: int, kind: int, total: int, allowed: float, alpha: float) -> Verdict:
    share = kind / total
    if share <= allowed:
        standing = "fine"
    elif binomial_at_least(kind, total, allowed) < alpha:
        standing = "bad"
    else:
        standing = "unclear"
    return Verdict(standing, share, allowed, window_s=window_s)
