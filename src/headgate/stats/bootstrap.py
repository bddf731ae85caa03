"""How far a mean of few samples can be off: by drawing samples from the samples.

B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979); percentile intervals as in
B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. The spread of resampled means is too
narrow by sqrt((n-1)/n), which is made up for, as T. Hesterberg, "What Teachers Should Know About the Bootstrap", The
American Statistician 69 (2015), has it. Of many samples fewer are drawn and the spread is scaled, as P. Bickel, F.
Götze and W. van Zwet, "Resampling fewer than n observations", Statistica Sinica 7 (1997), show for means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from random import Random

ROUNDS = 1_000
"""Drawings: the ends of a 95 % interval then rest on 25 of them each."""

MOST_DRAWN = 500
"""Rows of one round."""

Vector = tuple[float, ...]


def resampled_means(rows: Sequence[Vector], rng: Random, rounds: int = ROUNDS) -> Iterator[Vector]:
    """Means of the columns as they could as well have been, once for each round: of rows drawn with replacement.

    Columns of one row stay together, so what depends on each other in the samples does so in the means. Of a single
    row there is nothing to draw: its mean is what it is.
    """
    count = len(rows)
    means = column_means(rows)
    if count == 1:
        yield from [means] * rounds
        return
    drawing = min(count, MOST_DRAWN)
    widening = sqrt(drawing / (count - 1))
    for _ in range(rounds):
        drawn = column_means(rng.choices(rows, k=drawing))
        yield tuple(mean + (each - mean) * widening for mean, each in zip(means, drawn, strict=True))


def column_means(rows: Sequence[Vector]) -> Vector:
    """The mean of each column."""
    return tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))


def percentile_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Between which the middle `confidence` of the values are."""
    ordered = sorted(values)
    tail = (1 - confidence) / 2
    return quantile(ordered, tail), quantile(ordered, 1 - tail)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of sorted values are, in between two of them by straight line (type 7 of R. Hyndman
    and Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996)).
    """
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)
