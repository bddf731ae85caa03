"""Whether something became worse from one time to another on the same cases, where each case was tried a few times and
comes out now so, now otherwise.

A permutation test within cases (R. A. Fisher, "The Design of Experiments" (1935), section 21; E. S. Edgington and P.
Onghena, "Randomization Tests", 4th ed. 2007): if nothing changed, each case's outcomes before and after could as well
have been dealt out the other way round. Dealing them anew many times tells how often the mean drops as far by chance.
Of one try each with an outcome of yes or no this is the exact test of Q. McNemar, "Note on the sampling error of the
difference between correlated proportions", Psychometrika 12 (1947); of several tries it is that of W. G. Cochran, N.
Mantel and W. Haenszel with the cases as strata. Outcomes of different cases are never exchanged, so that a hard case
does not pass for noise. Randomness is seeded: the same outcomes, the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, islice
from math import comb, exp, log, sqrt
from random import Random
from statistics import NormalDist, fmean
from typing import Any, NamedTuple

from headgate.stats.blocks import student
from headgate.stats.intervals import Interval

ROUNDS = 20_000
"""Dealings: a chance of 2.5 % is known to 0.1 points."""

MANY = 1_000
"""Cases whose outcomes differ, from which on the mean's distribution is a normal one to all that matters."""

MOST_DEALT = 1_000
"""Ways of dealing one case's outcomes that are written out; of more, so many are drawn."""

SEED = 20_263

_CLOSE = 1e-9

Tries = Sequence[float]
"""The outcomes of one case, each from 0 to 1."""


class Drop(NamedTuple):
    """How the mean over cases went from one time to another."""

    pairs: int
    before: float
    """Mean over cases of the mean over their tries; NaN of no cases, as is `after`."""
    after: float
    difference: Interval
    """After less before, and where it would be, with 95 % confidence, for other cases of the kind."""
    chance: float
    """How likely the mean of these very cases would drop so far or farther if nothing had changed."""
    rise: float
    """The same for a rise."""
    worse: int
    """Cases whose mean is lower afterwards."""
    better: int
    decides: float
    """The least `chance` there could be with these numbers of tries: above what is asked for, nothing can be told."""


def drop(before: Sequence[Tries], after: Sequence[Tries], seed: int = SEED) -> Drop:
    """Compare the outcomes of the same cases at two times. Case by case, each with one try or more at either time."""
    if len(before) != len(after) or not all(before) or not all(after):
        raise ValueError("each case has outcomes at both times")
    means = [(fmean(one), fmean(other)) for one, other in zip(before, after, strict=True)]
    apart = [other - one for one, other in means]
    count = len(apart)
    if not count:
        return Drop(0, float("nan"), float("nan"), Interval(float("nan"), -1.0, 1.0), 1.0, 1.0, 0, 0, 1.0)
    chance, rise = _chances(before, after, sum(apart), seed)
    return Drop(
        pairs=count,
        before=fmean(one for one, _ in means),
        after=fmean(other for _, other in means),
        difference=mean_difference(apart),
        chance=chance,
        rise=rise,
        worse=sum(each < -_CLOSE for each in apart),
        better=sum(each > _CLOSE for each in apart),
        decides=_least(before, after),
    )


def mean_difference(apart: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean of differences between -1 and 1, one a case, by Student's t. Where all are the same nothing tells how
    others may differ: then by the rule of three (J. Hanley and A. Lippman-Hand, "If nothing goes wrong, is everything
    all right?", JAMA 249 (1983)), as many as may be otherwise without one being among these.
    """
    count, mean = len(apart), fmean(apart)
    if count == 1:
        return Interval(mean, -1.0, 1.0)
    variance = sum((each - mean) ** 2 for each in apart) / (count - 1)
    if variance < _CLOSE:
        reach = -log((1 - confidence) / 2) / count
    else:
        reach = student(0.5 + confidence / 2, count - 1) * sqrt(variance / count)
    return Interval(mean, max(-1.0, mean - reach), min(1.0, mean + reach))


def holm(chances: Sequence[float]) -> list[float]:
    """Chances made up for there being several, so that one that is small by luck does not count (S. Holm, "A Simple
    Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (1979)).
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    adjusted, so_far = [1.0] * len(chances), 0.0
    for rank, place in enumerate(order):
        so_far = max(so_far, min(1.0, chances[place] * (len(chances) - rank)))
        adjusted[place] = so_far
    return adjusted


def _chances(before: Sequence[Tries], after: Sequence[Tries], total: float, seed: int) -> tuple[float, float]:
    """How likely the sum over cases would be so low, and so high."""
    kinds = Counter((tuple(sorted((*one, *other))), len(one)) for one, other in zip(before, after, strict=True))
    kinds = {kind: count for kind, count in kinds.items() if kind[0][-1] - kind[0][0] > _CLOSE}
    if not kinds:
        return 1.0, 1.0
    if sum(kinds.values()) >= MANY:
        off = total / sqrt(sum(count * _variance(*kind) for kind, count in kinds.items()))
        return NormalDist().cdf(off), NormalDist().cdf(-off)
    import numpy as np  # a tenth of a second that who only imports this should not wait for

    rng = np.random.default_rng(seed)
    sums: Any = np.zeros(ROUNDS)
    for kind in sorted(kinds):
        dealt = np.array(_dealt(*kind))
        for _ in range(kinds[kind]):
            sums += dealt[rng.integers(0, len(dealt), ROUNDS)]
    low = int((sums <= total + _CLOSE).sum())
    high = int((sums >= total - _CLOSE).sum())
    return (low + 1) / (ROUNDS + 1), (high + 1) / (ROUNDS + 1)


@lru_cache(maxsize=4_096)
def _dealt(pooled: tuple[float, ...], first: int) -> tuple[float, ...]:
    """The differences of means there can be, each as likely as the others, if the outcomes are dealt out anew, `first`
    of them to the time before.
    """
    whole, rest = sum(pooled), len(pooled) - first
    hands: Iterator[float]
    if comb(len(pooled), first) <= MOST_DEALT:
        hands = (sum(hand) for hand in combinations(pooled, first))
    else:
        rng = Random(SEED)  # noqa: S311
        hands = islice(iter(lambda: sum(rng.sample(pooled, first)), None), MOST_DEALT)
    return tuple((whole - hand) / rest - hand / first for hand in hands)


def _variance(pooled: tuple[float, ...], first: int) -> float:
    """Of the difference of means, dealt out anew: sampling without replacement."""
    mean, count = fmean(pooled), len(pooled)
    spread = sum((each - mean) ** 2 for each in pooled) / (count - 1)
    return spread * (1 / first + 1 / (count - first))


def _least(before: Sequence[Tries], after: Sequence[Tries]) -> float:
    """How likely the worst drop there could be would be by chance: all well before, nothing afterwards."""
    logs = sum(log(comb(len(one) + len(other), len(one))) for one, other in zip(before, after, strict=True))
    return exp(-min(logs, 700.0))
