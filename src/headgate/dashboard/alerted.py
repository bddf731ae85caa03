"""What an alert's figures mean: how they are shown, and what they were over time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from headgate.administration import Actor
from headgate.administration.alerts import AlertView
from headgate.administration.requests import TrafficAsked
from headgate.alerts.config import Dimension, RuleConfig
from headgate.alerts.kinds.error_rate import failed
from headgate.alerts.kinds.threshold import DURATIONS, measured
from headgate.alerts.problems import KINDS
from headgate.alerts.rules import OBJECTIVES
from headgate.alerts.traffic import cost_usd
from headgate.dashboard import formats
from headgate.dashboard.charts import Chart, Column, Kind, Value
from headgate.dashboard.looking import House, Look
from headgate.dashboard.tables import PEOPLE
from headgate.telemetry.rollups.reading import Sum, total

LONGEST = timedelta(hours=6)
"""What a chart shows at most: the minutes before the end of the time that is asked for."""

MINUTE_S, HOUR_S = 60, 3_600

PROMPT, GOLDEN = "/dashboard/prompts/one", "/dashboard/models/golden/one"
"""Where prompts and golden sets of models have pages."""

SPIKE_S, ABSENCE_S = 900, 300
"""Windows of charts of rules that look at several."""


def kind_of(rule: RuleConfig) -> str:
    """Which of the kinds a rule is."""
    return next((kind for kind in KINDS if getattr(rule, kind) is not None), OBJECTIVES)


def named(house: House, series: str) -> str:
    """What an alert is about, with people's names in place of ids."""
    return " ".join(_named(house, each) for each in series.split(" "))


def about(house: House, series: str, summary: str) -> str:
    """What is said of a series, in the same way."""
    own = series.partition(" ")[0]
    return summary.replace(own, _named(house, own)) if own.partition(":")[2] else summary


def place(rule: RuleConfig | None, series: str) -> tuple[str, Mapping[str, str]] | None:
    """The page of the prompt, or of the model's golden sets, that an alert is about, and its query; None where there is
    none.
    """
    if rule is None or kind_of(rule) != "prompt":
        return None
    if series.startswith("prompt:"):
        return PROMPT, {"name": series.removeprefix("prompt:").partition(" ")[0].partition("@")[0]}
    if series.startswith("model:") and " tests " in series:
        return GOLDEN, {"model": series.removeprefix("model:").partition(" tests ")[0]}
    return None


def _named(house: House, part: str) -> str:
    dimension, _, id_ = part.partition(":")
    return f"{dimension} “{house.named(dimension, id_)}”" if dimension in PEOPLE and id_ else part


# ── a figure ──


def shown(rule: RuleConfig | None, series: str, value: float | None) -> str:
    """An alert's value, or what it has to be within, as people read it."""
    if value is None or rule is None:
        return formats.NOTHING
    match kind_of(rule):
        case "threshold" if rule.threshold is not None:
            return _of_measure(rule.threshold.measure, value)
        case "error_rate":
            return formats.share(value)
        case "latency":
            return formats.duration(value / 1000)
        case "cost_spike":
            return f"{formats.usd(value)} an hour"
        case "absence":
            return f"{formats.count(value)} calls an hour"
        case "unusual":
            return f"{formats.count(value)} {'tokens a call' if series.endswith(' tokens') else 'calls an hour'}"
        case "budget":
            return f"{value:.1f} days" if series.endswith(" forecast") else formats.usd(value)
        case "prompt":
            return (
                f"{value:.0f} days"
                if series.endswith((" review", " expiry")) or " retires " in series
                else formats.share(value)
            )
        case _:
            return formats.usd(value) if series.endswith((" cost", " cost_per_call")) else f"{value:.3g} times"


def _of_measure(measure: str, value: float) -> str:
    match _kind(measure):
        case "ms":
            return formats.duration(value)
        case "usd":
            return formats.usd(value)
        case "share":
            return formats.share(value)
        case _:
            return formats.count(value)


def _kind(measure: str) -> Kind:
    if measure.partition(".")[0] in DURATIONS:
        return "ms"
    return "share" if measure == "failed_share" else "usd" if measure.endswith("_usd") else "count"


# ── what it was over time ──


class _Watch(NamedTuple):
    """What a chart shows of a rule."""

    title: str
    kind: Kind
    window_s: int
    of: Callable[[Sum], Sequence[Value]]
    names: Sequence[str]
    limits: Mapping[str, Value]
    durations: bool
    """Whether other sketches than that of `duration` are needed."""


async def chart(look: Look, actor: Actor, rule: RuleConfig, series: str, alert: AlertView | None) -> Chart | None:
    """The value of one alert, minute by minute, and its limit; None where it is of no sum over time."""
    watch = _watch(rule, series, alert)
    if watch is None:
        return None
    end = look.asked.to
    begin = max(look.asked.from_, end - LONGEST)
    by, of, name = _place(rule, series)
    asked = TrafficAsked(
        from_=begin - timedelta(seconds=watch.window_s),
        to=end,
        step="minute",
        by=by,
        of=of,
    )
    found = await look.administration.traffic.found(actor, asked, all_sketches=watch.durations)
    steps = found.series.get(name, {})
    from_s, until_s = int(begin.timestamp()) // MINUTE_S * MINUTE_S, found.until_s

    def drawn() -> list[tuple[int, Sequence[Value]]]:
        limits = list(watch.limits.values())
        return [(at, [*watch.of(sum_), *limits]) for at, sum_ in _rolling(steps, from_s, until_s, watch.window_s)]

    return Chart(
        id="value",
        title=watch.title,
        kind=watch.kind,
        columns=[*map(Column, watch.names), *(Column(name, "limit") for name in watch.limits)],
        rows=await asyncio.to_thread(drawn),
        step="minute",
        told=f"{named(look.house, series) or 'All calls'}, over {watch.window_s // MINUTE_S} minutes each",
    )


def _rolling(steps: Mapping[int, Sum], from_s: int, until_s: int, window_s: int) -> Iterator[tuple[int, Sum]]:
    """What there was in the window that ends with each minute; of a long one with each fifth."""
    every_s = MINUTE_S if window_s <= 5 * MINUTE_S else 5 * MINUTE_S
    for at in range(from_s, until_s, every_s):
        own = {each: steps[each] for each in range(at + MINUTE_S - window_s, at + MINUTE_S, MINUTE_S) if each in steps}
        yield at, total(own)


def _place(rule: RuleConfig, series: str) -> tuple[Dimension | None, str | None, str]:
    """Whose sums an alert is about: `by` and `of` as traffic takes them, and the name among what is found."""
    by, of = rule.by, rule.of
    if by is None:
        return None, of, ""
    name = series.removeprefix(f"{by}:").removesuffix("" if of is None else f" {of}")
    if rule.unusual is not None:
        name = name.rpartition(" ")[0]
    return (None, f"{by}:{name}", "") if of is None else (by, of, name)


def _watch(rule: RuleConfig, series: str, alert: AlertView | None) -> _Watch | None:
    limit = alert.limit if alert is not None else None
    if rule.threshold is not None:
        return _threshold(rule)
    if rule.error_rate is not None:
        return _error_rate(rule)
    if rule.latency is not None:
        return _latency(rule, limit)
    if rule.cost_spike is not None:
        return _hourly("Cost an hour", "usd", SPIKE_S, lambda sum_: cost_usd(sum_.counts), limit)
    if rule.absence is not None:
        return _hourly("Calls an hour", "count", ABSENCE_S, _calls, limit)
    if rule.unusual is not None and series.endswith(" volume"):
        return _hourly("Calls an hour", "count", SPIKE_S, _calls, limit)
    return None


def _calls(sum_: Sum) -> float:
    return sum_.counts.get("calls", 0)


def _drawn(kind: Kind, value: float | None) -> Value:
    """A value as charts of a kind take it: money in picodollars, counts whole where they are."""
    if value is None or kind not in ("usd", "count"):
        return value
    return round(value * 1e12) if kind == "usd" else int(value) if value == int(value) else value


def _threshold(rule: RuleConfig) -> _Watch:
    config = rule.threshold
    assert config is not None
    kind = _kind(config.measure)
    bounds = {"not above": config.above, "not below": config.below}
    return _Watch(
        title=config.measure.replace("_", " ").capitalize(),
        kind=kind,
        window_s=config.window_s // MINUTE_S * MINUTE_S,
        of=lambda sum_: [_drawn(kind, measured(sum_, config.measure))],
        names=["value"],
        limits={name: _drawn(kind, bound) for name, bound in bounds.items() if bound is not None},
        durations=kind == "ms" and not config.measure.startswith("duration."),
    )


def _error_rate(rule: RuleConfig) -> _Watch:
    config = rule.error_rate
    assert config is not None

    def share(sum_: Sum) -> Sequence[Value]:
        calls = sum_.counts.get("calls", 0)
        return [failed(sum_.counts, config.errors) / calls if calls else None]

    return _Watch(
        title="Calls that failed",
        kind="share",
        window_s=config.window_s // MINUTE_S * MINUTE_S,
        of=share,
        names=["failed"],
        limits={"not above": config.above},
        durations=False,
    )


def _latency(rule: RuleConfig, limit_us: float | None) -> _Watch:
    config = rule.latency
    assert config is not None

    def quantiles(sum_: Sum) -> Sequence[Value]:
        found = sum_.sketch(config.measure).quantiles(config.quantiles)
        return [None if each is None else each / 1000 for each in found]

    limits = {"not above, of the worst": limit_us / 1000} if limit_us is not None else {}
    return _Watch(
        title=config.measure.replace("_", " ").capitalize(),
        kind="ms",
        window_s=config.window_s // MINUTE_S * MINUTE_S,
        of=quantiles,
        names=[f"p{share * 100:g}" for share in config.quantiles],
        limits=limits,
        durations=config.measure != "duration",
    )


def _hourly(title: str, kind: Kind, window_s: int, of: Callable[[Sum], float], limit: float | None) -> _Watch:
    """What a window comes to, were it an hour."""
    return _Watch(
        title=title,
        kind=kind,
        window_s=window_s,
        of=lambda sum_: [_drawn(kind, of(sum_) * HOUR_S / window_s)],
        names=["value"],
        limits={"limit now": _drawn(kind, limit)} if limit is not None else {},
        durations=False,
    )
