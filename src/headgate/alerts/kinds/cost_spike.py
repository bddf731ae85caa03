"""More is spent than is usual at such an hour of the week."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.alerts.judged import Judged, lasting, named, of_what, pair, usd
from headgate.alerts.kinds.look import Look
from headgate.alerts.rules import Rule
from headgate.alerts.traffic import cost_usd
from headgate.stats.detection import Verdict, surge
from headgate.stats.detection.surges import BUCKET_S


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config = rule.config.cost_spike
    assert config is not None
    by, of = rule.config.by, rule.config.of
    found: list[Judged] = []
    for name, minutes in (await look.traffic.minutes(by, pair(of))).items():
        amounts = [cost_usd(counts) for counts in minutes.buckets(BUCKET_S)]
        past = await look.traffic.hours(by, pair(of), name)
        verdict = surge(amounts, past.cost, look.traffic.end_s, config.factor, config.min_usd)
        series = named(by, name, of)
        found.append(Judged(series, verdict, f"{of_what(series)}{_told(verdict)}"))
    return found


def _told(verdict: Verdict) -> str:
    if verdict.value is None or verdict.usual is None or verdict.limit is None:
        return "too little is known of such hours to say whether the cost is unusual"
    return (
        f"{usd(verdict.value)} an hour in {lasting(verdict.window_s)}, usual at such hours is {usd(verdict.usual)}, "
        f"up to {usd(verdict.limit)} is nothing to tell"
    )
