"""Error budgets that burn too fast, and costs that go too far."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headgate.alerts.judged import Judged, percent, usd
from headgate.alerts.kinds.look import Look
from headgate.alerts.objectives import Objective, objectives_of, standing
from headgate.alerts.rules import Rule
from headgate.alerts.standings import Sums
from headgate.alerts.traffic import HOUR_S, MINUTE_S, Minutes
from headgate.routing.config import ObjectivesConfig
from headgate.stats.detection import NO_DATA, Standing, Verdict, burning
from headgate.stats.detection.burning import BURNS
from headgate.telemetry.rollups.reading import Sum, total

LONGEST_HOURS = 72

CLEAR = 0.95
"""A cost that went too far is well again below that share of its target."""


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    found: list[Judged] = []
    for model, config in look.objectives.by_model.items():
        if rule.config.severity == "page" and not (config.availability or config.latency):
            continue
        sums = Sums(look.database, look.organisation, look.objectives, model)
        windows = await _windows(sums, config, look.traffic.end_s)
        for objective in objectives_of(model, config):
            if objective.is_share:
                found.append(_burning(objective, windows, rule))
            elif rule.config.severity == "ticket":
                found.append(await _spending(objective, sums, look.traffic.end_s))
    return found


def _burning(objective: Objective, windows: Callable[[int], Sum], rule: Rule) -> Judged:
    verdict = burning(lambda window_s: objective.bad(windows(window_s)), objective.budget, rule.config.severity)
    told = "nothing is known of it"
    if verdict.value is not None:
        burn = next(each for each in BURNS if each.long_s == verdict.window_s and each.urgency == rule.config.severity)
        told = (
            f"the error budget burns {verdict.value:.3g} times as fast as it lasts, over {burn.long_s // HOUR_S} h; "
            f"told from {burn.rate:g} times on"
        )
    return Judged(objective.series, verdict, f"{objective.series} ({percent(objective.target)}): {told}")


async def _windows(sums: Sums, config: ObjectivesConfig, end_s: int) -> Callable[[int], Sum]:
    """Sums of windows that end now, from minutes up to an hour, and beyond it from whole hours and what there is of
    this one.
    """
    other = any(each.measure != "duration" for each in config.latency)
    near = Minutes(await sums.steps(end_s - HOUR_S, end_s, MINUTE_S, all_sketches=other), end_s)
    hours = await sums.steps(end_s - LONGEST_HOURS * HOUR_S, end_s, HOUR_S, all_sketches=other)

    def window(window_s: int) -> Sum:
        if window_s <= HOUR_S:
            return near.last(window_s)
        begin_s = (end_s - window_s) // HOUR_S * HOUR_S
        return total({at: each for at, each in hours.items() if at >= begin_s})

    return window


async def _spending(objective: Objective, sums: Sums, end_s: int) -> Judged:
    sum_ = await sums.whole_period(objective.period_days, end_s)
    stands = standing(objective, sum_)
    value, target = stands.actual, objective.target
    if value is None:
        return Judged(objective.series, NO_DATA, f"{objective.series}: there were no calls")
    verdict: Standing = "bad" if value > target else "fine" if value <= CLEAR * target else "unclear"
    what = "a call costs" if objective.kind == "cost_per_call" else "calls cost"
    summary = f"{objective.series}: {what} {usd(value)} over {objective.period_days} days, {usd(target)} was meant"
    return Judged(objective.series, Verdict(verdict, value, target), summary)
