"""Whether something happens more often among some than among others, and by how much, where many are looked at.

Pure counting of two shares: no model, no prior, the same data, the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, inf, lgamma, sqrt

from headgate.stats.intervals import Interval, wilson

NEGLIGIBLE = 1e-12
"""Of the largest term of a tail: what is smaller adds nothing."""


def relative_risk(cases: int, among: int, other_cases: int, others: int, confidence: float = 0.95) -> Interval:
    """How many times as often it happens among some as among others, between limits recovered from Wilson's intervals
    of the two shares (A. Donner, G. Y. Zou, "Closed-form confidence intervals for functions of the normal mean and
    standard deviation", Statistical Methods in Medical Research 21 (2012), 347-359, their method for ratios): it needs
    no correction where one side has no case. Infinite where others have none, NaN where there is nobody on one side.

    Raises:
        ValueError: there are more cases than there are calls.
    """
    if not (0 <= cases <= among and 0 <= other_cases <= others):
        raise ValueError(f"{cases} of {among} and {other_cases} of {others} are no shares")
    if among == 0 or others == 0:
        return Interval(float("nan"), 0.0, inf)
    one, other = wilson(cases, among, confidence), wilson(other_cases, others, confidence)
    p, q = one.estimate, other.estimate
    estimate = p / q if q else inf if p else float("nan")
    upper = one.low * (2 * p - one.low)
    root = sqrt(max(0.0, (p * q) ** 2 - upper * other.high * (2 * q - other.high)))
    low = upper / (p * q + root) if upper else 0.0
    lower = other.low * (2 * q - other.low)
    if lower <= 0:
        return Interval(estimate, low, inf)
    root = sqrt(max(0.0, (p * q) ** 2 - one.high * (2 * p - one.high) * lower))
    return Interval(estimate, low, (p * q + root) / lower)


def more_often(cases: int, among: int, other_cases: int, others: int) -> float:
    """How likely as many cases or more among some would be if it made no difference: Fisher's exact test, one-sided
    (R. A. Fisher, "The logic of inductive inference", JRSS 98 (1935), 39-82).
    """
    total, population = cases + other_cases, among + others
    most, least = min(total, among), max(0, total - others)
    if cases <= least:
        return 1.0
    if cases - 1 < total * among / population:  # below the middle the other tail is the shorter one
        return max(0.0, 1.0 - _tail(cases - 1, least - 1, -1, total, among, population))
    return min(1.0, _tail(cases, most + 1, 1, total, among, population))


def _tail(start: int, end: int, step: int, total: int, among: int, population: int) -> float:
    """The hypergeometric terms from `start` to before `end`: each from the one before it."""
    term = exp(
        _log_choose(among, start)
        + _log_choose(population - among, total - start)
        - _log_choose(population, total)
    )  # fmt: skip
    sum_, number = 0.0, start
    while number != end:
        sum_ += term
        if step > 0:
            upper, lower = (among - number) * (total - number), (number + 1) * (population - among - total + number + 1)
        else:
            upper, lower = number * (population - among - total + number), (among - number + 1) * (total - number + 1)
        if lower <= 0 or upper <= 0:
            break
        term *= upper / lower
        if term < NEGLIGIBLE * sum_:
            break
        number += step
    return sum_


def _log_choose(of: int, some: int) -> float:
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)


def discoveries(chances: Sequence[float], false_share: float = 0.05) -> list[int]:
    """Which of many tests are taken for more than chance, so that at most that share of them is expected to be none (Y.
    Benjamini and Y. Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995), 289-300). `chances` are their
    p-values; the answer is their places, the least likely by chance first.
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    last = 0
    for rank, place in enumerate(order, 1):
        if chances[place] <= false_share * rank / len(order):
            last = rank
    return order[:last]


def confidence_of(found: int, looked_at: int, false_share: float = 0.05) -> float:
    """The confidence at which intervals of what `discoveries` has chosen are given: at this one, at most that share of
    those shown is expected to miss (Y. Benjamini and D. Yekutieli, "False discovery rate-adjusted multiple confidence
    intervals for selected parameters", JASA 100 (2005), 71-81).
    """
    return 1 - false_share * found / looked_at if looked_at else 1 - false_share


def shown(
    chances: Sequence[float], keeps: Callable[[int, float], bool], false_share: float = 0.05
) -> tuple[list[int], float]:
    """Which `discoveries` are shown where more is asked of what is, and the confidence of their intervals. `keeps` says
    of a place whether it is, going by its interval at a confidence; the fewer are shown, the higher that has to be.
    """
    chosen = discoveries(chances, false_share)
    while True:
        confidence = confidence_of(len(chosen), len(chances), false_share)
        kept = [place for place in chosen if keeps(place, confidence)]
        if len(kept) == len(chosen):
            return kept, confidence
        chosen = kept
