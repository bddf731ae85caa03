"""Whether too large a share of calls is of some kind: failed, failed in one way, slower than a bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from headgate.stats.detection.tails import binomial_at_least
from headgate.stats.detection.verdict import NO_DATA, Standing, Verdict, worst

ALPHA = 1e-4
"""How seldom so many would be seen if the share were just what is allowed."""

BESIDE = 0.02
"""The same of what is beside the worst minute."""


class Window(NamedTuple):
    """Calls of a time that ends now."""

    seconds: int
    kind: int
    """How many were of the kind."""
    total: int
    peak_kind: int = 0
    """The same of the one minute with the most of them."""
    peak_total: int = 0


def excess(windows: Sequence[Window], allowed: float, least: int, within_s: int, alpha: float = ALPHA) -> Verdict:
    """Whether more than `allowed` of calls are of a kind, by the exact binomial test.

    One minute may not decide that: without its peak a window must still be above. `windows` all end now, the shortest
    first. Those up to `within_s` are looked at, and where they have fewer than
    `least` calls the shortest longer one that has them: where little happens, it takes longer to be sure.
    """
    looked = [each for each in windows if each.seconds <= within_s and each.total >= least]
    if not looked:
        looked = [each for each in windows if each.total >= least][:1]
    return worst([_judged(each, allowed, alpha) for each in looked]) if looked else NO_DATA


def _judged(window: Window, allowed: float, alpha: float) -> Verdict:
    share = window.kind / window.total
    if share <= allowed:
        standing: Standing = "fine"
    elif _goes_on(window, allowed) and binomial_at_least(window.kind, window.total, allowed) < alpha:
        standing = "bad"
    else:
        standing = "unclear"
    return Verdict(standing, share, allowed, window_s=window.seconds)


def _goes_on(window: Window, allowed: float) -> bool:
    """Whether what is beside the peak is above what is allowed too, and hardly by chance."""
    kind, total = window.kind - window.peak_kind, window.total - window.peak_total
    return kind > allowed * total and binomial_at_least(kind, total, allowed) < BESIDE
