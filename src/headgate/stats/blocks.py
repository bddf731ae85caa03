"""How much something changed from one time to another, where what happens in one hour is not many independent pieces of
evidence but one.

Both times are cut into blocks of the same length, and blocks are drawn again, with replacement, the same ones of either
time: a bootstrap over blocks (H. R. Künsch, "The jackknife and the bootstrap for general stationary observations",
Annals of Statistics 17 (1989), 1217-1241), paired by their place, so that what mornings and evenings always have in
common is not taken for chance. The spread of the logarithm of the ratio is its standard error; intervals and
chances are Student's with one degree of freedom less than there are blocks. Randomness is seeded: the same data,
the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import exp, inf, log, sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

from headgate.stats.intervals import Interval
from headgate.stats.sketch import ERROR, SMALLEST, Sketch, value_of

ROUNDS = 1_000

FEWEST = 6
"""Blocks with something in them on either side from which on anything is said: of a sum or a ratio with something of
what is above the line too, since what all comes from one block is one piece of evidence, however often that is drawn.
"""

SEED = 20_261

Sides = tuple[Sequence[float], Sequence[float]]
"""What is above and what is below the line of a ratio, block by block."""


class Change(NamedTuple):
    """From one time to another."""

    before: float
    after: float
    ratio: float
    """Of after to before; NaN where there is none."""
    error: float | None
    """The standard error of its logarithm; None where nothing can be said."""
    degrees: int
    """Of freedom."""

    def interval(self, confidence: float = 0.95) -> Interval:
        """Between which the ratio is. Open where nothing can be said."""
        if self.error is None:
            return Interval(self.ratio, 0.0, inf)
        reach = exp(student(0.5 + confidence / 2, self.degrees) * self.error)
        return Interval(self.ratio, self.ratio / reach, self.ratio * reach)

    @property
    def chance(self) -> float:
        """How likely it would be to look so large or larger, up or down, if there were none; 1 where nothing can be
        said. By M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.7.8.
        """
        if self.error is None or self.ratio == 1:
            return 1.0
        if self.error == 0:
            return 0.0
        off, free = abs(log(self.ratio)) / self.error, self.degrees
        return 2 * NormalDist().cdf(-off * (1 - 1 / (4 * free)) / sqrt(1 + off * off / (2 * free)))


def change_of_total(before: Sequence[float], after: Sequence[float]) -> Change:
    """Of a sum over all blocks. Its `before` and `after` are those sums."""
    found = change_of_ratio((before, [1.0] * len(before)), (after, [1.0] * len(after)))
    return found._replace(before=sum(before), after=sum(after))


def change_of_ratio(before: Sides, after: Sides) -> Change:
    """Of one sum over another."""
    return _changed(before, after, 0.0)


def change_of_share(before: Sides, after: Sides) -> Change:
    """Of how many out of how many: never surer than if each had happened on its own. The ratio is with half a case
    added on both sides, for there may be none on one.
    """
    found = _changed(before, after, 0.5)
    cases = sum(before[0]), sum(after[0])
    if found.error is None or cases == (0, 0):
        return found._replace(error=None)
    return found._replace(error=max(found.error, sqrt(sum(1 / (each + 0.5) for each in cases))))


def change_of_quantile(before: Sequence[Sketch | None], after: Sequence[Sketch | None], share: float) -> Change:
    """Of a quantile of all that is in the blocks' sketches. What the sketches leave open counts as uncertain too."""
    values = _quantile(before, share), _quantile(after, share)
    blocks = sum(_some(one) and _some(other) for one, other in zip(before, after, strict=True))
    ratio = values[1] / values[0] if values[0] else float("nan")
    if blocks < FEWEST or not all(values):
        return Change(*values, ratio, None, 0)
    logs = _logs_of_quantile(after, share) - _logs_of_quantile(before, share)
    rounding = 2 * ERROR  # how far apart two values of one bucket may be, relatively
    return Change(*values, ratio, sqrt(_error(logs, blocks) ** 2 + rounding**2 / 6), blocks - 1)


def _changed(before: Sides, after: Sides, half: float) -> Change:
    (up_b, low_b), (up_a, low_a) = before, after
    totals = [(sum(up), sum(low)) for up, low in (before, after)]
    first, second = (up / low if low else float("nan") for up, low in totals)
    blocks = sum(bool(one) and bool(other) for one, other in zip(low_b, low_a, strict=True))
    if not half:
        blocks = min(blocks, *(sum(map(bool, up)) for up in (up_b, up_a)))
    (all_b, of_b), (all_a, of_a) = totals
    if blocks < FEWEST or not of_b or not of_a or not (all_b + half and all_a + half):
        return Change(first, second, second / first if of_a and of_b and first else float("nan"), None, 0)
    ratio = ((all_a + half) / (of_a + 2 * half)) / ((all_b + half) / (of_b + 2 * half))
    import numpy as np

    drawn = _weights(len(low_b))
    one, two, three, four = (drawn @ np.asarray(values, dtype=float) for values in (up_b, low_b, up_a, low_a))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(((three + half) / (four + 2 * half)) / ((one + half) / (two + 2 * half)))
    return Change(first, second, ratio, _error(logs, blocks), blocks - 1)


@cache
def _weights(blocks: int) -> Any:
    """How often each block is drawn, round by round."""
    import numpy as np

    drawn = np.random.default_rng(SEED).multinomial(blocks, [1 / blocks] * blocks, size=ROUNDS)
    return drawn.astype(float)


def _error(logs: Any, blocks: int) -> float:
    """The spread of what was drawn, made up for that resamples vary less than samples."""
    import numpy as np

    finite = logs[np.isfinite(logs)]
    return float(finite.std()) * sqrt(blocks / (blocks - 1))


def _some(sketch: Sketch | None) -> bool:
    return sketch is not None and sketch.total > 0


def _quantile(sketches: Sequence[Sketch | None], share: float) -> float:
    whole = Sketch()
    for sketch in sketches:
        if sketch is not None:
            whole.merge(sketch)
    value = whole.quantile(share)
    return float("nan") if value is None else value


def _logs_of_quantile(sketches: Sequence[Sketch | None], share: float) -> Any:
    """Of every round the logarithm of the quantile of the blocks drawn."""
    import numpy as np

    buckets = sorted({bucket for sketch in sketches if sketch is not None for bucket in sketch.counts})
    place = {bucket: number for number, bucket in enumerate(buckets, 1)}
    counts = np.zeros((len(sketches), len(buckets) + 1))
    for row, sketch in enumerate(sketches):
        if sketch is not None:
            counts[row, 0] = sketch.zeros
            for bucket, count in sketch.counts.items():
                counts[row, place[bucket]] = count
    drawn = np.cumsum(_weights(len(sketches)) @ counts, axis=1)
    ranks = np.floor(share * (drawn[:, -1] - 1))
    at = (drawn <= ranks[:, None]).sum(axis=1).clip(max=len(buckets))
    return np.log(np.array([SMALLEST / 2, *(value_of(bucket) for bucket in buckets)]))[at]


def student(share: float, free: int) -> float:
    """A quantile of Student's distribution (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(share)
    return z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
