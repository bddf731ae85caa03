"""Answers take longer than they do at such hours."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.alerts.judged import Judged, lasting, ms, named, of_what, pair
from headgate.alerts.kinds.look import Look
from headgate.alerts.rules import Rule
from headgate.stats.detection import Verdict, shift, usual
from headgate.stats.detection.verdict import worst


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config = rule.config.latency
    assert config is not None
    by, of = rule.config.by, rule.config.of
    past = await look.traffic.past_sketches(by, pair(of), config.measure)
    found: list[Judged] = []
    for name, minutes in (await look.traffic.minutes(by, pair(of), durations=True)).items():
        windows = minutes.sketches(config.measure)
        verdicts = {
            share: shift(windows, usual(past.get(name, ()), share), config.factor, config.min_calls, config.window_s)
            for share in config.quantiles
        }
        verdict = worst(list(verdicts.values()))
        share = next(share for share, each in verdicts.items() if each is verdict)
        series = named(by, name, of)
        found.append(Judged(series, verdict, f"{of_what(series)}{_told(config.measure, share, verdict)}"))
    return found


def _told(measure: str, share: float, verdict: Verdict) -> str:
    what = f"p{share * 100:g} of {measure.replace('_', ' ')}"
    if verdict.value is None or verdict.usual is None or verdict.limit is None:
        return f"{what} cannot be compared: too few calls, or too little known of such hours"
    return (
        f"{what} is {ms(verdict.value)} in {lasting(verdict.window_s)}, usual at such hours is {ms(verdict.usual)}, "
        f"up to {ms(verdict.limit)} is nothing to tell"
    )
