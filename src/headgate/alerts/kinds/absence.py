"""Calls stay away."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.alerts.config import AbsenceRule
from headgate.alerts.judged import Judged, lasting, named, of_what, pair
from headgate.alerts.kinds.look import Look
from headgate.alerts.rules import Rule
from headgate.alerts.traffic import HOUR_S, Minutes
from headgate.stats.detection import Verdict, loss

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
    past = await look.traffic.hours(rule.config.by, pair(rule.config.of), name)
    end_s = look.traffic.end_s
    since_hour_s = end_s % HOUR_S
    windows = [(window_s, minutes.counts(window_s).get("calls", 0)) for window_s in WINDOWS_S]
    now = minutes.counts(since_hour_s).get("calls", 0) if since_hour_s else 0
    recent = past.calls.last(LONGER_HOURS[-1])
    windows += [(hours * HOUR_S + since_hour_s, now + round(sum(recent[-hours:]))) for hours in LONGER_HOURS]
    if config.silent_s is not None:
        if config.silent_s <= HOUR_S:
            silent_s = config.silent_s // 60 * 60
            windows.append((silent_s, minutes.counts(silent_s).get("calls", 0)))
        return _silent(config.silent_s // 60 * 60, sorted(windows))
    return loss(windows, past.calls, end_s, config.below)


def _silent(silent_s: int, windows: Sequence[tuple[int, int]]) -> Verdict:
    """Whether there was no call for a time, whatever is usual."""
    still_s = max((window_s for window_s, calls in windows if calls == 0), default=0)
    calls = next((calls for window_s, calls in windows if window_s >= silent_s), 0)
    return Verdict("bad" if still_s >= silent_s else "fine", float(calls), 1.0, window_s=max(still_s, WINDOWS_S[0]))


def _told(verdict: Verdict) -> str:
    if verdict.value is None:
        return "too little is known of such hours to say whether calls stay away"
    usual = f", usual at such hours are {verdict.usual:,.0f}" if verdict.usual is not None else ""
    return f"{verdict.value:,.0f} calls an hour in {lasting(verdict.window_s)}{usual}"
