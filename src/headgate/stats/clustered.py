"""Shares of what comes in clusters: a case that is tried several times tells more of itself than of others."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, sqrt
from statistics import fmean

from headgate.stats.intervals import Interval, score_interval

EARLIEST = 30
"""Cases before which a running interval is open: its variance is not known well enough."""


def share_of_clusters(clusters: Sequence[Sequence[float]], confidence: float = 0.95) -> Interval:
    """The mean over clusters of their means, of outcomes from 0 to 1.

    Wilson's interval with the number of independent outcomes that would be as uncertain (the effective sample size of
    surveys: E. Korn and B. Graubard, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24 (1998)). That is as many as there are clusters where
    each is always right or always wrong, and goes up to that of all outcomes where clusters are alike. That they are is
    never taken to be surer than if one more had come out wholly otherwise: of a few clusters, however often each was
    tried, none need be of a kind that one in ten is. Of outcomes that are all the same it is the clusters alone that
    count. Of none nothing is known.
    """
    means = [fmean(each) for each in clusters if each]
    count, outcomes = len(means), sum(len(each) for each in clusters)
    if not count:
        return Interval(float("nan"), 0.0, 1.0)
    share = min(1.0, max(0.0, fmean(means)))
    return score_interval(share, _effective(means, share, outcomes), confidence)


def _effective(means: Sequence[float], share: float, outcomes: int) -> float:
    count = len(means)
    if count < 2:
        return float(count)
    other = max(share, 1 - share) ** 2
    variance = (sum((each - share) ** 2 for each in means) + other) / (count - 1) / count
    return max(float(count), min(float(outcomes), share * (1 - share) / variance))


def running_reach(values: Sequence[float], confidence: float = 0.95, sharpest: int = 200) -> float:
    """How far a mean may be off, on either side, at any time one looks: unlike an interval's, this confidence holds
    however often one looks and whenever one stops (I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and A. Ramdas,
    "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024), theorem
    2.2). It is narrowest near `sharpest` observations. Infinite before there are enough.
    """
    count = len(values)
    if count < EARLIEST:
        return inf
    mean = fmean(values)
    # Never surer than if one more had been otherwise: of outcomes that are all the same the spread is not zero.
    variance = max(sum((each - mean) ** 2 for each in values), 1.0) / count
    miss = 1 - confidence
    tuned = (-2 * log(miss) + log(-2 * log(miss) + 1)) / sharpest  # the square of rho, on the scale of the variance
    weight = count * tuned + 1
    return sqrt(2 * weight / (count * count * tuned) * log(sqrt(weight) / miss) * variance)
