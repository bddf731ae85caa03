"""Intervals in which a quantity lies with a stated confidence, closed formulas throughout: the same data, the same
interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import ceil, comb, exp, inf, isnan, sqrt
from statistics import NormalDist

import msgspec

EXACT = 200
"""Up to so many observations the order statistics of a quantile are counted out, beyond it approximated."""


ENOUGH = 30
"""Pairs from which on a ratio of sums has an interval."""


class Interval(msgspec.Struct, frozen=True):
    """An estimate, and between which values the truth is."""

    estimate: float
    low: float
    high: float


@cache
def _z(confidence: float) -> float:
    """How many standard deviations hold that share of a normal distribution."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence is between 0 and 1, not {confidence:g}")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """A share, by the score interval (E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
    Inference", JASA 22 (1927), 209-212). Of no trials nothing is known: 0 to 1, and no estimate (NaN).
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share")
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    return score_interval(successes / trials, trials, confidence)


def score_interval(share: float, trials: float, confidence: float = 0.95) -> Interval:
    """Wilson's interval of a share among as many independent trials, which need not be a whole number."""
    z = _z(confidence)
    middle = share + z * z / (2 * trials)
    spread = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low, high = max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
    return Interval(share, 0.0 if share == 0 else low, 1.0 if share == 1 else high)


def paired_difference(both: int, first: int, second: int, neither: int, confidence: float = 0.95) -> Interval:
    """How much larger the first of two shares is, of observations that come in pairs: `both` counts pairs in which
    both happened, `first` and `second` those in which one alone did.

    Method 10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data", Statistics in Medicine 17 (1998), 2635-2650: Wilson's intervals of each, and the correlation of
    the two.
    """
    trials = both + first + second + neither
    if trials == 0:
        return Interval(float("nan"), -1.0, 1.0)
    one, other = wilson(both + first, trials, confidence), wilson(both + second, trials, confidence)
    correlation = _correlation(both, first, second, neither)

    def reach(of_one: float, of_other: float) -> float:
        square = of_one * of_one - 2 * correlation * of_one * of_other + of_other * of_other
        return sqrt(max(0.0, square))

    difference = one.estimate - other.estimate
    low = difference - reach(one.estimate - one.low, other.high - other.estimate)
    high = difference + reach(one.high - one.estimate, other.estimate - other.low)
    return Interval(difference, max(-1.0, low), min(1.0, high))


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    """Newcombe's: of the determinant half the number of pairs is taken off where it is positive."""
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    if margins == 0:
        return 0.0
    determinant = both * neither - first * second
    if determinant > 0:
        determinant = max(0.0, determinant - (both + first + second + neither) / 2)
    return determinant / sqrt(margins)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest observation that at least that share does not exceed; NaN of none. `ordered` rises."""
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, max(0, ceil(share * len(ordered)) - 1))]


def quantile_interval(ordered: Sequence[float], share: float, confidence: float = 0.95) -> Interval:
    """A quantile, between two of the observations themselves, whatever their distribution (H. A. David and H. N.
    Nagaraja, "Order Statistics", 3rd ed. 2003, section 7.1). `ordered` rises. Where there are too few observations on
    a side, that end is infinite.
    """
    count = len(ordered)
    if count == 0:
        return Interval(float("nan"), -inf, inf)
    below, above = _exact(count, share, confidence) if count <= EXACT else _approximate(count, share, confidence)
    low = ordered[below - 1] if below >= 1 else -inf
    high = ordered[above - 1] if above <= count else inf
    return Interval(quantile(ordered, share), low, high)


@cache
def _exact(count: int, share: float, confidence: float) -> tuple[int, int]:
    """The ranks of the two observations: at most half of what confidence leaves lies beyond each."""
    tail = (1 - confidence) / 2
    total, below, above = 0.0, 0, count + 1
    for rank in range(count + 1):
        if total <= tail:
            below = rank  # fewer than `rank` observations are below the quantile with a chance of at most `tail`
        total += comb(count, rank) * share**rank * (1 - share) ** (count - rank)
        if total >= 1 - tail:
            above = rank + 1
            break
    return below, above


def _approximate(count: int, share: float, confidence: float) -> tuple[int, int]:
    spread = _z(confidence) * sqrt(count * share * (1 - share))
    return int(count * share - spread), ceil(count * share + spread) + 1


def ratio_of_sums(upper: Sequence[float], lower: Sequence[float], confidence: float = 0.95) -> Interval:
    """What the sum of one quantity is to that of another, of observations that come in pairs and are not below 0, by
    the variance of the ratio estimator (W. G. Cochran, "Sampling Techniques", 3rd ed. 1977, section 6.4) on the
    logarithm's scale, where the ratio of skewed quantities misses as often on either side. Of fewer than `ENOUGH` pairs
    both ends are open: the variance itself is too uncertain. NaN where there is nothing to divide by.
    """
    count, total = len(lower), sum(lower)
    if len(upper) != count:
        raise ValueError(f"{len(upper)} and {count} observations are no pairs")
    if count == 0 or total == 0:
        return Interval(float("nan"), -inf, inf)
    ratio = sum(upper) / total
    if count < ENOUGH:
        return Interval(ratio, -inf, inf)
    if ratio == 0:
        return Interval(0.0, 0.0, 0.0)
    squares = sum((one - ratio * other) ** 2 for one, other in zip(upper, lower, strict=True))
    error = sqrt(squares / (count * (count - 1))) / (total / count)
    reach = exp(_z(confidence) * error / ratio)
    return Interval(ratio, ratio / reach, ratio * reach)


def known(interval: Interval) -> bool:
    """Whether there is an estimate at all."""
    return not isnan(interval.estimate)
