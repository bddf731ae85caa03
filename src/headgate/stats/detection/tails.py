"""Chances in the tails of counts, summed up exactly."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

_SMALL = 1e-18
"""Terms below that share of the sum change nothing."""


def binomial_at_least(successes: int, trials: int, share: float) -> float:
    """The chance of so many successes or more in independent trials, each with the same chance `share`."""
    if successes <= 0:
        return 1.0
    if successes > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    if successes <= trials * share:  # beside the mean the other tail has fewer terms of weight
        return 1.0 - _binomial_sum(trials - successes + 1, trials, 1 - share)
    return _binomial_sum(successes, trials, share)


def _binomial_sum(successes: int, trials: int, share: float) -> float:
    """The terms from `successes` on, each of the one before."""
    odds = share / (1 - share)
    term = exp(
        lgamma(trials + 1) - lgamma(successes + 1) - lgamma(trials - successes + 1)
        + successes * log(share) + (trials - successes) * log1p(-share)
    )  # fmt: skip
    total = 0.0
    while successes <= trials:
        total += term
        term *= odds * (trials - successes) / (successes + 1)
        successes += 1
        if term <= total * _SMALL:
            break
    return min(1.0, total)


def poisson_at_most(count: int, mean: float) -> float:
    """The chance of so many events or fewer, where `mean` are expected."""
    if mean <= 0:
        return 1.0
    if count < 0:
        return 0.0
    term = exp(count * log(mean) - mean - lgamma(count + 1))
    total = 0.0
    while count >= 0:
        total += term
        term *= count / mean
        count -= 1
        if term <= total * _SMALL:
            break
    return min(1.0, total)
