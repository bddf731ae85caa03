"""When a budget will be used up, if it is spent as usual."""

from __future__ import annotations

from math import exp, sqrt

import msgspec

from headgate.stats.detection.season import Season

Z = 1.2816
"""Eight times in ten the truth is between the bounds."""


class Forecast(msgspec.Struct, frozen=True):
    """Seconds since 1970, UTC, to the hour."""

    gone_s: int | None
    """When nothing is left; None for not before the period ends."""
    earliest_s: int | None
    """One time in ten it is before that."""
    latest_s: int | None
    """One time in ten it is after that, or not in this period."""
    by_end: float
    """What will have been spent by the end of the period."""


def forecast(spent: float, amount: float, season: Season, recent: float | None, now_s: int, end_s: int) -> Forecast:
    """What comes of a budget of `amount`, of which `spent` is gone, until `end_s`.

    Each hour to come is taken as usual at that hour of the week, times what the last day was to what is usual
    (`recent`, None where there is no day). Errors of single hours even out, that of the level does not: it is taken to
    be half a spread.
    """
    level = max(0.0, 1.0 if recent is None else recent)
    doubt = 0.5 * season.spread(now_s // 3600)
    hours = [*_hours(season, now_s, end_s)]
    middle = _gone(spent, amount, hours, level, 0.0)
    early = _gone(spent, amount, hours, level * exp(Z * doubt), Z * season.spread(now_s // 3600))
    late = _gone(spent, amount, hours, level * exp(-Z * doubt), -Z * season.spread(now_s // 3600))
    return Forecast(middle, early, late, spent + level * sum(usual for _, usual in hours))


def _hours(season: Season, now_s: int, end_s: int) -> list[tuple[int, float]]:
    """When each hour ends, and what is usual in what is left of it."""
    found: list[tuple[int, float]] = []
    at_s = now_s
    while at_s < end_s:
        hour = at_s // 3600
        until_s = min(end_s, (hour + 1) * 3600)
        expected = season.expected(hour)
        usual = 0.0 if expected is None else expected.middle / (season.level if season.seasonal else 1.0)
        found.append((until_s, usual * (until_s - at_s) / 3600))
        at_s = until_s
    return found


def _gone(spent: float, amount: float, hours: list[tuple[int, float]], level: float, deviations: float) -> int | None:
    total, squares = spent, 0.0
    for until_s, usual in hours:
        total += level * usual
        squares += (level * usual) ** 2
        if total + deviations * sqrt(squares) >= amount:
            return until_s
    return None
