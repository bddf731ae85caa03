"""Calls stay away."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.alerts.config import AbsenceRule
from headgate.alerts.judged import Judged, lasting, named, of_what, pair
from headgate.alerts.kinds.look import Look
from headgate.alerts.rules import Rule
from headgate.alerts.traffic import HOUR_S, Minutes
from headgate.stats.detection import Season, Verdict, loss

WINDOWS_S = (300, 420, 540, 720, 900, 1_800, 3_600)

LONGER_HOURS = (2, 3, 6, 12)
"""Looked at beside them: whole hours, and what there is of this one."""


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config = rule.config.absence
    assert config is not None
    by, of = rule.config.by, rule.config.of
    there = await look.traffic.minutes(by, pair(of))
    names = [""] if by is None else await look.traffic.names(by)
    found: list[Judged] = []
    for name in names:
        minutes = there.get(name) or Minutes({}, look.traffic.end_s)
        verdict = await _verdict(config, minutes, name, rule, look)
        series = named(by, name, of)
        found.append(Judged(series, verdict, f"{of_what(series)}{_told(verdict)}"))
    return found


async def _verdict(config: AbsenceRule, minutes: Minutes, name: str, rule: Rule, look: Look) -> Verdict:
    past = (await look.traffic.hours(rule.config.by, pair(rule.config.of), name)).calls
    end_s = look.traffic.end_s
    if config.silent_s is not None:
        window_s, calls = _longer(minutes, past, end_s, config.silent_s // 60 * 60)
        return Verdict("fine" if calls else "bad", calls * HOUR_S / window_s, window_s=window_s)
    windows = [(window_s, minutes.counts(window_s).get("calls", 0)) for window_s in WINDOWS_S]
    windows += [_longer(minutes, past, end_s, hours * HOUR_S + end_s % HOUR_S) for hours in LONGER_HOURS]
    return loss(windows, past, end_s, config.below)


def _longer(minutes: Minutes, past: Season, end_s: int, seconds: int) -> tuple[int, int]:
    """A time that ends now, and how many calls began in it: to the minute up to an hour, beyond it of whole hours and
    what there is of this one, which is up to an hour more than is asked for.
    """
    if seconds <= HOUR_S:
        return seconds, minutes.counts(seconds).get("calls", 0)
    since_hour_s = end_s % HOUR_S
    hours = -(-(seconds - since_hour_s) // HOUR_S)
    now = minutes.counts(since_hour_s).get("calls", 0) if since_hour_s else 0
    return hours * HOUR_S + since_hour_s, now + round(sum(past.last(hours)))


def _told(verdict: Verdict) -> str:
    if verdict.value is None:
        return "too little is known of such hours to say whether calls stay away"
    usual = f", usual at such hours are {verdict.usual:,.0f}" if verdict.usual is not None else ""
    return f"{verdict.value:,.0f} calls an hour in {lasting(verdict.window_s)}{usual}"
