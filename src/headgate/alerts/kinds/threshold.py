"""A figure and a bound somebody knows."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.alerts.judged import Judged, lasting, named, of_what, pair
from headgate.alerts.kinds.look import Look
from headgate.alerts.problems import DURATIONS, QUANTILES
from headgate.alerts.rules import Rule
from headgate.alerts.traffic import cost_usd
from headgate.stats.detection import NO_DATA, Verdict
from headgate.telemetry.rollups.reading import Sum

CLEAR = 0.9
"""An alert ends where a figure is below that share of its bound, or as far above the other kind of bound."""


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config = rule.config.threshold
    assert config is not None
    by, of = rule.config.by, rule.config.of
    durations = config.measure.partition(".")[0] in DURATIONS
    found: list[Judged] = []
    for name, minutes in (await look.traffic.minutes(by, pair(of), durations=durations)).items():
        window = minutes.last(config.window_s // 60 * 60)
        value = measured(window, config.measure) if window.counts.get("calls", 0) >= config.min_calls else None
        series = named(by, name, of)
        verdict = NO_DATA if value is None else held(value, config.above, config.below, config.window_s)
        bound = f"above {config.above:,g}" if config.above is not None else f"below {config.below or 0:,g}"
        told = "unknown" if value is None else f"{value:,.6g}"
        found.append(
            Judged(
                series,
                verdict,
                f"{of_what(series)}{config.measure} is {told} in {lasting(config.window_s)}, to be told {bound}",
            )
        )
    return found


def held(value: float, above: float | None, below: float | None, window_s: int) -> Verdict:
    """A figure against its bound."""
    if above is not None:
        standing = "bad" if value > above else "fine" if value <= above * CLEAR or above <= 0 else "unclear"
        return Verdict(standing, value, above, window_s=window_s)
    assert below is not None
    standing = "bad" if value < below else "fine" if value >= below / CLEAR else "unclear"
    return Verdict(standing, value, below, window_s=window_s)


def measured(sum_: Sum, measure: str) -> float | None:
    """A figure of some calls; None where it is of nothing."""
    counts = sum_.counts
    first, _, rest = measure.partition(".")
    if first in DURATIONS:
        value = sum_.sketch(first).quantile(QUANTILES[rest])
        return None if value is None else value / 1e3
    match measure:
        case "cost_usd":
            return cost_usd(counts)
        case "saving_usd":
            return counts.get("saving_picodollars", 0) / 1e12
        case "failed_share":
            return counts.get("failed", 0) / counts["calls"] if counts.get("calls") else None
        case _:
            return float(counts.get(measure, 0))
