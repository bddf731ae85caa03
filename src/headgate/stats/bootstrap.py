"""How far a mean of few samples can be off: by drawing samples from the samples.

B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979); studentised as in B. Efron
and R. Tibshirani, "An Introduction to the Bootstrap" (1993), section 12.5: what is drawn is how many of its own
standard errors the mean of a resample is off, so that the skewness which costs and lengths have moves the interval to
the side where the truth is. Of many samples fewer are drawn, as P. Bickel, F. Götze and W. van Zwet, "Resampling fewer
than n observations", Statistica Sinica 7 (1997), show for such ratios.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from random import Random

ROUNDS = 1_000
"""Drawings: the ends of a 95 % interval then rest on 25 of them each."""

MOST_DRAWN = 500
"""Rows of one round."""

FEWEST = 10
"""Rows of which anything can be drawn. Of fewer the mean is taken to be off as Student's t has it."""

FARTHEST = 5.0
"""Standard errors of its own that the mean of a resample is taken to be off at the most: of rows that are nearly all
the same some resamples have hardly any spread, and no such ratio means anything."""

Vector = tuple[float, ...]


def likely_means(rows: Sequence[Vector], rng: Random, rounds: int = ROUNDS) -> Iterator[Vector]:
    """What the means of the columns may truly be, once for each round, where the rows are samples of something.

    Columns of one row stay together, so what depends on each other in the samples does so in the means. Of a single
    row nothing tells how others differ: its mean is what it is.
    """
    count, means = len(rows), column_means(rows)
    if count == 1:
        yield from [means] * rounds
        return
    apart = [tuple(each - mean for each, mean in zip(row, means, strict=True)) for row in rows]
    squared = [tuple(each * each for each in row) for row in apart]
    errors = [sqrt(mean / (count - 1)) for mean in column_means(squared)]
    drawn = _students(count - 1, len(means), rng) if count < FEWEST else _drawn(apart, squared, rng)
    for _ in range(rounds):
        yield tuple(mean - off * error for mean, off, error in zip(means, next(drawn), errors, strict=True))


def _drawn(apart: Sequence[Vector], squared: Sequence[Vector], rng: Random) -> Iterator[Vector]:
    """How many standard errors the means of resamples are off, without end. `apart` are the rows' distances from their
    means.
    """
    both, width = [a + b for a, b in zip(apart, squared, strict=True)], len(apart[0])
    drawing = min(len(both), MOST_DRAWN)
    while True:
        means = column_means(rng.choices(both, k=drawing))
        yield tuple(
            _off(mean, (square - mean * mean) / (drawing - 1))
            for mean, square in zip(means[:width], means[width:], strict=True)
        )


def _off(mean: float, variance: float) -> float:
    return max(-FARTHEST, min(FARTHEST, mean / sqrt(variance))) if variance > 0 else 0.0


def _students(degrees: int, width: int, rng: Random) -> Iterator[Vector]:
    """Student's t, the same for all columns, without end."""
    while True:
        yield (rng.gauss() / sqrt(rng.gammavariate(degrees / 2, 2) / degrees),) * width


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
