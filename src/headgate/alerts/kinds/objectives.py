"""Error budgets that burn too fast, and costs that go too far."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headgate.alerts.judged import Judged, percent, usd
from headgate.alerts.kinds.look import Look
from headgate.alerts.objectives import Objective, objectives_of, standing
from headgate.alerts.rules import Rule
from headgate.alerts.standings import whole_period
from headgate.alerts.traffic import HOUR_S, Minutes
from headgate.routing.config import ObjectivesConfig
from headgate.stats.detection import NO_DATA, Standing, Verdict, burning
from headgate.stats.detection.burning import BURNS
from headgate.telemetry.rollups.reading import Query, Sum, series, total

LONGEST_HOURS = 72

CLEAR = 0.95
"""A cost that went too far is well again below that share of its target."""


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    found: list[Judged] = []
    for model, config in look.objectives.items():
        if rule.config.severity == "page" and not (config.availability or config.latency):
            continue
        windows = await _windows(model, config, look)
        for objective in objectives_of(model, config):
            if objective.is_share:
                found.append(_burning(objective, windows, rule))
            elif rule.config.severity == "ticket":
                found.append(await _spending(objective, look))
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


async def _windows(model: str, config: ObjectivesConfig, look: Look) -> Callable[[int], Sum]:
    """Sums of windows that end now, from minutes up to an hour, and beyond it from whole hours and what there is of
    this one.
    """
    durations = any(each.measure != "duration" for each in config.latency)
    minutes = (await look.traffic.minutes(None, ("model", model), durations=durations)).get("")
    end_s = look.traffic.end_s
    query = Query(look.organisation, end_s - LONGEST_HOURS * HOUR_S, end_s, HOUR_S, None, "model", model)
    steps = (await series(look.database, query, all_sketches=durations)).get("", {})
    near = minutes or Minutes({}, end_s)

    def window(window_s: int) -> Sum:
        if window_s <= HOUR_S:
            return near.last(window_s)
        begin_s = (end_s - window_s) // HOUR_S * HOUR_S
        return total({at: each for at, each in steps.items() if at >= begin_s})

    return window


async def _spending(objective: Objective, look: Look) -> Judged:
    sum_ = await whole_period(
        look.database, look.organisation, objective.model, objective.period_days, look.traffic.end_s
    )
    stands = standing(objective, sum_)
    value, target = stands.actual, objective.target
    if value is None:
        return Judged(objective.series, NO_DATA, f"{objective.series}: there were no calls")
    verdict: Standing = "bad" if value > target else "fine" if value <= CLEAR * target else "unclear"
    what = "a call costs" if objective.kind == "cost_per_call" else "calls cost"
    summary = f"{objective.series}: {what} {usd(value)} over {objective.period_days} days, {usd(target)} was meant"
    return Judged(objective.series, Verdict(verdict, value, target), summary)
