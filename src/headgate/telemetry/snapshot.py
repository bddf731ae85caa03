"""What all metrics of a process are at one moment, and what those of several come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

import headgate
from headgate.telemetry.metrics import (
    LATENCY_BUCKETS_S,
    STEP_BUCKETS_S,
    Gauge,
    Histogram,
    Labels,
    Level,
    Metrics,
    OfMany,
)
from headgate.telemetry.process import process_levels

Kind = Literal["counter", "gauge", "histogram"]

Buckets = tuple[Labels, list[int], float]
"""Labels, counts per bucket and the last one above them all, sum."""


class Family(msgspec.Struct, array_like=True, kw_only=True):
    """One metric."""

    name: str
    """Of a counter with its `_total`."""
    kind: Kind
    what: str
    labels: tuple[str, ...] = ()
    of_many: OfMany = "sum"
    scale: float = 1
    """What values are multiplied with to have the unit of the name: so that money stays whole numbers until then."""
    values: list[tuple[Labels, float | int]] = []
    bounds: tuple[float, ...] = ()
    buckets: list[Buckets] = []


Snapshot = list[Family]

encode = msgspec.json.Encoder().encode  # JSON has whole numbers of any size
_decode = msgspec.json.Decoder(Snapshot).decode


def decode(data: bytes) -> Snapshot:
    """What `encode` made.

    Raises:
        msgspec.MsgspecError: it did not make that.
    """
    return _decode(data)


def taken(metrics: Metrics, gauges: Sequence[Gauge] = (), levels: Iterable[Level] = ()) -> Snapshot:
    """All metrics of this process now. `gauges` are what others know of targets, `levels` of themselves."""
    return [
        *_of_calls(metrics),
        *_of_attempts(metrics),
        *_of_time(metrics),
        *(
            Family(
                name=each.name, kind="gauge", what=each.what, labels=each.labels, of_many=each.of_many,
                values=list(each.values.items()),
            )
            for each in gauges
        ),
        *(level(each) for each in (*_of_process(metrics), *levels)),
    ]  # fmt: skip


def lasting(snapshot: Snapshot) -> Snapshot:
    """What remains of a process that is gone: what it has counted."""
    return [family for family in snapshot if family.kind != "gauge"]


def summed(snapshots: Iterable[Snapshot]) -> Snapshot:
    """What several come to: counters and histograms added, gauges as each says."""
    families: dict[str, Family] = {}
    values: dict[str, dict[Labels, float | int]] = {}
    buckets: dict[str, dict[Labels, Buckets]] = {}
    for family in (family for snapshot in snapshots for family in snapshot):
        families.setdefault(family.name, family)
        _join(values.setdefault(family.name, {}), family)
        _add(buckets.setdefault(family.name, {}), family)
    return [
        msgspec.structs.replace(family, values=list(values[name].items()), buckets=list(buckets[name].values()))
        for name, family in families.items()
    ]


def _join(into: dict[Labels, float | int], family: Family) -> None:
    for labels, value in family.values:
        before = into.get(labels)
        if before is None:
            into[labels] = value
        elif family.of_many == "sum":
            into[labels] = before + value
        else:
            into[labels] = max(before, value) if family.of_many == "max" else min(before, value)


def _add(into: dict[Labels, Buckets], family: Family) -> None:
    for labels, counts, total in family.buckets:
        _, before, sum_before = into.get(labels, (labels, [0] * len(counts), 0.0))
        into[labels] = (labels, [one + other for one, other in zip(before, counts, strict=True)], sum_before + total)


# ── what there is ──


def _counter(
    name: str, what: str, labels: tuple[str, ...], values: Mapping[Labels, float | int], scale: float = 1
) -> Family:
    return Family(name=name, kind="counter", what=what, labels=labels, values=list(values.items()), scale=scale)


def _histogram(
    name: str,
    what: str,
    label: str,
    values: Iterable[tuple[Labels, Histogram]],
    bounds: tuple[float, ...] = LATENCY_BUCKETS_S,
) -> Family:
    buckets = [(labels, each.counts, each.sum) for labels, each in values]
    return Family(name=name, kind="histogram", what=what, labels=(label,), bounds=bounds, buckets=buckets)


def level(level: Level) -> Family:
    """One figure as a metric."""
    kind: Kind = "counter" if level.name.endswith("_total") else "gauge"
    return Family(name=level.name, kind=kind, what=level.what, of_many=level.of_many, values=[((), float(level.value))])


def _of_calls(metrics: Metrics) -> Snapshot:
    return [
        Family(
            name="headgate_calls_in_flight", kind="gauge", what="Calls under way", values=[((), metrics.in_flight)]
        ),
        _counter("headgate_calls_total", "Calls that have ended", ("model", "operation", "stream", "outcome"),
                 metrics.calls),
        _counter("headgate_model_cost_usd_total", "Cost of all attempts, by the model that was asked for", ("model",),
                 metrics.model_cost_picodollars, 1e-12),
        _counter("headgate_shed_calls_total", "Calls refused before anything was done for them", ("reason",),
                 {(reason,): count for reason, count in metrics.shed.items()}),
        _counter("headgate_refused_requests_total", "Requests that never became a call, by their error", ("code",),
                 metrics.turned_away),
        _counter("headgate_events_total", "What happened to calls", ("event", "target"), metrics.events),
        _counter("headgate_config_reloads_total", "Reloads of the configuration", ("outcome",),
                 {(outcome,): count for outcome, count in metrics.reloads.items()}),
        Family(name="headgate_build_info", kind="gauge", what="The release that runs", labels=("version",),
               of_many="max", values=[((headgate.__version__,), 1)]),
        _counter("headgate_evaluations_total", "What evaluators found in answers", ("model", "evaluator", "outcome"),
                 metrics.evaluations),
        _counter("headgate_prompt_renders_total", "Renderings of prompts for calls", ("prompt", "label", "outcome"),
                 metrics.renders),
        _counter("headgate_budget_alerts_total", "Shares of budgets that were reached, by whose the budget is",
                 ("of", "percent"), metrics.budget_alerts),
    ]  # fmt: skip


def _of_attempts(metrics: Metrics) -> Snapshot:
    return [
        _counter("headgate_attempts_total", "Upstream calls that have ended", ("target", "outcome"), metrics.attempts),
        _counter("headgate_tokens_total", "Tokens used; each is in one category", ("target", "category"),
                 metrics.tokens),
        _counter("headgate_reasoning_tokens_total", "Output tokens that were reasoning", ("target",),
                 metrics.reasoning_tokens),
        _counter("headgate_cost_usd_total", "Cost of all attempts", ("target",), metrics.cost_picodollars, 1e-12),
        _counter("headgate_unpriced_attempts_total", "Attempts whose cost is not known", ("target",), metrics.unpriced),
    ]  # fmt: skip


def _of_time(metrics: Metrics) -> Snapshot:
    paces = metrics.paces.items()
    return [
        _histogram("headgate_call_seconds", "From request to last byte", "model",
                   ((labels, pace.whole) for labels, pace in paces)),
        _histogram("headgate_time_to_first_token_seconds", "From request to the first token of a stream", "model",
                   ((labels, pace.first_token) for labels, pace in paces)),
        _histogram("headgate_time_per_output_token_seconds", "From the first token of a stream to its last, per token",
                   "model", ((labels, pace.per_token) for labels, pace in paces), STEP_BUCKETS_S),
        _histogram("headgate_overhead_seconds",
                   "Until the answer began, without what vendors took: Headgate's own work, and waiting in queues",
                   "model", ((labels, pace.overhead) for labels, pace in paces), STEP_BUCKETS_S),
        _histogram("headgate_attempt_seconds", "From an upstream call's start to its end", "target",
                   metrics.attempt_seconds.items()),
        _histogram("headgate_prompt_render_seconds", "What rendering a prompt took", "prompt",
                   metrics.render_seconds.items(), STEP_BUCKETS_S),
        _histogram("headgate_queue_seconds", "What calls waited for a place at a target, of those that had to",
                   "target", metrics.queue_seconds.items()),
    ]  # fmt: skip


def _of_process(metrics: Metrics) -> Iterable[Level]:
    yield Level(
        "headgate_config_last_reload_successful",
        "Whether the configuration file could be loaded as it is",
        float(not metrics.reload_failed),
        "min",
    )
    yield Level(
        "headgate_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was loaded",
        metrics.reloaded_at,
        "min",
    )
    yield from process_levels()
