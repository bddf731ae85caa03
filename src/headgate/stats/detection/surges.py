"""Whether there is more of something than is usual at such an hour of the week."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from headgate.stats.detection.season import Season
from headgate.stats.detection.verdict import NO_DATA, Standing, Verdict, worst

Amounts = Sequence[float]
"""Sums of five minutes each, the last of which end now."""

BUCKET_S = 300

WINDOWS = (3, 6, 12)
"""How many of those are looked at together: a quarter of an hour, half an hour, an hour."""

DEVIATIONS = 4.0
"""How many robust standard deviations a sum has to be above what is usual."""

HIGHER = 1.25
"""How much more than in the busiest hour of all weeks there has to be, where that is asked for."""


def surge(
    amounts: Amounts, season: Season, end_s: int, factor: float, least: float, *, above_all: bool = False
) -> Verdict:
    """Whether there is more than `factor` times what is usual, and more than chance explains.

    One bucket may not decide that: without the largest of its buckets a window must still be above its limit. `least`
    is the sum an hour needs to be told of. With `above_all` it has to be more than in any such hour of the past weeks
    too (in any hour at all, where a series comes and goes), as is asked of single keys.
    """
    return worst([_judged(amounts[-number:], season, end_s, factor, least, above_all) for number in WINDOWS])


def _judged(amounts: Amounts, season: Season, end_s: int, factor: float, least: float, above_all: bool) -> Verdict:
    number = len(amounts)
    window_s = number * BUCKET_S
    usual = _usual(season, end_s, window_s)
    if usual is None or number < WINDOWS[0]:
        return NO_DATA
    hours = window_s / 3600
    spread = season.spread((end_s - 1) // 3600, hours)
    limit = usual * max(factor, exp(DEVIATIONS * spread))
    if above_all:
        limit = max(limit, HIGHER * season.most((end_s - 1) // 3600) * hours)
    limit = max(limit, least * hours)
    value = sum(amounts)
    if value <= limit:
        standing = "fine"
    elif (value - max(amounts)) > limit * (number - 1) / number:
        standing = "bad"
    else:
        standing = "unclear"
    per_hour = 1 / hours
    return Verdict(standing, value * per_hour, limit * per_hour, usual * per_hour, window_s)


def _usual(season: Season, end_s: int, window_s: int) -> float | None:
    """What the time before `end_s` usually has, of parts of hours."""
    total, at_s = 0.0, end_s - window_s
    while at_s < end_s:
        hour = at_s // 3600
        until_s = min(end_s, (hour + 1) * 3600)
        expected = season.expected(hour)
        if expected is None:
            return None
        total += expected.high * (until_s - at_s) / 3600
        at_s = until_s
    return total


def per_call_surge(
    buckets: Sequence[tuple[float, int]], season: Season, end_s: int, factor: float, least: int
) -> Verdict:
    """Whether there is more of something per call, as tokens, than `factor` times what is usual. `buckets` are amounts
    and calls of the last hour in pieces, of which the one with the largest amount may not decide it. The season is of
    such ratios, with NaN for hours without calls.
    """
    hour = (end_s - 1) // 3600
    amount, calls = sum(each for each, _ in buckets), sum(each for _, each in buckets)
    expected = season.expected(hour)
    if calls < least or expected is None or expected.high <= 0:
        return NO_DATA
    value = amount / calls
    limit = max(expected.high * max(factor, exp(DEVIATIONS * season.spread(hour))), HIGHER * season.most(hour))
    if value <= limit:
        standing: Standing = "fine"
    else:
        peak, of = max(buckets)
        standing = "bad" if amount - peak > limit * (calls - of) else "unclear"
    return Verdict(standing, value, limit, expected.high, 3600)
