"""Rules at work on synthetic traffic: minute by minute what Headgate's detectors and states make of it.

A detector is asked only in minutes in which its first, necessary condition holds (a share above its bound, a sum above its
factor times what is usual), which numpy finds for all minutes at once. In all others it says `fine`: that is no shortcut in what
comes out, only in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from detection.traffic import HISTORY_HOURS, HOURS, Array
from headgate.alerts.builtin import BUILTIN
from headgate.alerts.evaluator import SELDOM
from headgate.alerts.kinds.absence import WINDOWS_S as STILL_S
from headgate.alerts.states import State, step
from headgate.alerts.traffic import WINDOWS_S
from headgate.stats.detection import Season, Standing, excess, loss, per_call_surge, surge
from headgate.stats.detection.season import WEEK
from headgate.stats.detection.shares import ALPHA
from headgate.stats.detection.shares import Window as Of
from headgate.stats.detection.shifts import LEAST_CALLS, Usual, usual_of
from headgate.stats.detection.surges import WINDOWS

FIRST = HISTORY_HOURS * 60
"""The first minute that is looked at."""

LAST = HOURS * 60

LOSS_WINDOWS_S = (*STILL_S, 2 * 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600)

PIPELINE = 1
"""Minutes from a minute's end until what was in it is looked at, at the most."""


def fired(standings: Iterable[tuple[int, Standing]], rule: str) -> list[int]:
    """When an alert fires, from what is said in some minutes, all others being fine."""
    config = BUILTIN[rule]
    state, found, before = State(), list[int](), None
    for minute, standing in standings:
        if before is not None and minute > before + 1 and state.status != "ok":
            for at in (before + 1, minute - 1):
                state, _ = step(state, "fine", at * 60_000_000, config.for_s, config.clear_s)
        state, change = step(state, standing, minute * 60_000_000, config.for_s, config.clear_s)
        if change == "fired":
            found.append(minute)
        before = minute
    return found


def ending(counts: Array, minutes: int) -> Array:
    """Sums of so many minutes, by the minute that comes after them."""
    total = np.concatenate([[0], np.cumsum(counts)])
    found = np.zeros(len(counts) + 1)
    found[minutes:] = total[minutes:] - total[:-minutes]
    return found


def weekly(hours: Array) -> Array:
    """What is usual in each hour: the median of the same hour in eight weeks before."""
    found = np.full(len(hours), np.nan)
    if len(hours) > HISTORY_HOURS:
        stack = np.stack([hours[HISTORY_HOURS - WEEK * week : len(hours) - WEEK * week] for week in range(1, 9)])
        with np.errstate(all="ignore"):
            found[HISTORY_HOURS:] = np.nanmedian(stack, axis=0)
    return found


class Window:
    """Which minutes are looked at."""

    def __init__(self, begin: int = FIRST, end: int = LAST) -> None:
        self.begin = begin
        self.end = end

    def where(self, mask: Array) -> list[int]:
        return [int(at) + self.begin for at in np.flatnonzero(mask[self.begin : self.end + 1])]


class Seasons:
    """Seasons of one series, made where they are needed."""

    def __init__(self, hours: Array) -> None:
        self._hours = hours
        self._made: dict[int, Season] = {}

    def at(self, minute: int) -> Season:
        hour = minute // 60
        if hour not in self._made:
            self._made[hour] = Season(self._hours[max(0, hour - HISTORY_HOURS) : hour], hour)
        return self._made[hour]


def share_alerts(
    kind: Array,
    total: Array,
    allowed: float,
    least: int,
    within_s: int,
    rule: str,
    window: Window,
    alpha: float,
    *,
    peaks: bool = False,
) -> list[int]:
    """When a rule on shares fires, of counts by minute."""
    kinds = {seconds: ending(kind, seconds // 60) for seconds in WINDOWS_S}
    totals = {seconds: ending(total, seconds // 60) for seconds in WINDOWS_S}
    mask = np.zeros(len(kind) + 1, dtype=bool)
    for seconds in WINDOWS_S:
        few = seconds <= within_s or (totals[within_s] < least)
        mask |= few & (totals[seconds] >= least) & (kinds[seconds] > allowed * totals[seconds])
    found: list[tuple[int, Standing]] = []
    for minute in window.where(mask):
        counted: list[Of] = []
        for seconds in WINDOWS_S:
            peak = (0, 0)
            if peaks:
                begin = minute - seconds // 60
                at = begin + int(np.argmax(kind[begin:minute]))
                peak = (int(kind[at]), int(total[at]))
            counted.append(Of(seconds, int(kinds[seconds][minute]), int(totals[seconds][minute]), *peak))
        found.append((minute, excess(counted, allowed, least, within_s, alpha).standing))
    return fired(found, rule)


def error_alerts(failed: Array, calls: Array, window: Window) -> list[int]:
    config = BUILTIN["errors"].error_rate
    assert config is not None
    return share_alerts(
        failed, calls, config.above, config.min_calls, config.window_s, "errors", window, ALPHA, peaks=True
    )


def latency_bases(logs: Array, calls: Array, share: float) -> Callable[[int], Usual | None]:
    """The usual quantile at an hour, as the rule compares it: the same hour and those beside it, of days and weeks."""
    backs = [24 * day for day in range(1, 7)] + [WEEK * week for week in range(1, 9)]
    offsets = [-back + beside for back in backs for beside in (-1, 0, 1)]

    def at(hour: int) -> Usual | None:
        places = [hour + offset for offset in offsets if 0 <= hour + offset < hour]
        return usual_of([float(logs[place]) for place in places if calls[place] >= LEAST_CALLS], share)

    return at


def surge_alerts(
    amounts: Array,
    hours: Array,
    factor: float,
    least: float,
    rule: str,
    window: Window,
    every: int,
    *,
    above_all: bool = False,
) -> list[int]:
    """When a rule on sums fires: of amounts by minute, and the same by hour."""
    usual, seasons = weekly(hours), Seasons(hours)
    base = np.repeat(np.nan_to_num(usual), 60)
    mask = np.zeros(len(amounts) + 1, dtype=bool)
    for number in WINDOWS:
        minutes = number * 5
        value = ending(amounts, minutes)
        mask |= (value > factor * ending(base / 60, minutes)) & (value > least * minutes / 60)
    buckets = ending(amounts, 5)
    found: list[tuple[int, Standing]] = []
    for minute in window.where(mask):
        if minute % every:
            continue
        last = [float(buckets[minute - 5 * back]) for back in range(WINDOWS[-1] - 1, -1, -1)]
        verdict = surge(last, seasons.at(minute), minute * 60, factor, least, above_all=above_all)
        found.append((minute, verdict.standing))
    return fired(found, rule)


def cost_alerts(costs: Array, hours: Array, window: Window) -> list[int]:
    config = BUILTIN["cost"].cost_spike
    assert config is not None
    return surge_alerts(costs, hours, config.factor, config.min_usd, "cost", window, 1)


def key_alerts(calls: Array, hours: Array, window: Window) -> list[int]:
    config = BUILTIN["keys"].unusual
    assert config is not None
    return surge_alerts(
        calls, hours, config.factor, config.min_calls, "keys", window, SELDOM["unusual"], above_all=True
    )


def token_alerts(amounts: Array, calls: Array, window: Window) -> list[int]:
    """When tokens per call are told of: of sums by five minutes, looked at once an hour."""
    config = BUILTIN["keys"].unusual
    assert config is not None
    made = calls.reshape(-1, 12).sum(axis=1)
    with np.errstate(all="ignore"):
        ratios = np.where(made > 0, amounts.reshape(-1, 12).sum(axis=1) / made, np.nan)
    usual, seasons = weekly(ratios), Seasons(ratios)
    found: list[tuple[int, Standing]] = []
    for hour in range(window.begin // 60, window.end // 60):
        if made[hour] >= config.min_calls and ratios[hour] > config.factor * usual[hour]:
            pieces = slice(hour * 12, hour * 12 + 12)
            buckets = [(float(amount), int(of)) for amount, of in zip(amounts[pieces], calls[pieces], strict=True)]
            season = seasons.at(hour * 60)
            verdict = per_call_surge(buckets, season, hour * 3600 + 3600, config.factor, config.min_calls)
            found.append((hour * 60, verdict.standing))
    return fired(found, "keys")


def loss_alerts(calls: Array, hours: Array, window: Window) -> list[int]:
    config = BUILTIN["traffic"].absence
    assert config is not None
    usual, seasons = weekly(hours), Seasons(hours)
    base = np.repeat(np.nan_to_num(usual), 60)
    sums = {seconds: ending(calls, seconds // 60) for seconds in LOSS_WINDOWS_S}
    total = np.concatenate([[0], np.cumsum(calls)])
    mask = np.zeros(len(calls) + 1, dtype=bool)
    for seconds in LOSS_WINDOWS_S:
        mask |= sums[seconds] <= config.below * ending(base / 60, seconds // 60)
    found: list[tuple[int, Standing]] = []
    for minute in window.where(mask):
        lasts = [seconds + (minute % 60 * 60 if seconds > 3_600 else 0) for seconds in LOSS_WINDOWS_S]
        windows = [(seconds, int(total[minute] - total[minute - seconds // 60])) for seconds in lasts]
        found.append((minute, loss(windows, seasons.at(minute), minute * 60, config.below).standing))
    return fired(found, "traffic")
