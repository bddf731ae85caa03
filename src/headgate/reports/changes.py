"""What changed, figure by figure, and what of it is more than chance and large enough to matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

import msgspec

from headgate.reports.reading import Both, Group
from headgate.stats.association import shown
from headgate.stats.blocks import Change, change_of_quantile, change_of_ratio, change_of_share, change_of_total
from headgate.stats.intervals import Interval
from headgate.telemetry.rollups.names import OTHER

FALSE_SHARE = 0.05
"""Of the changes shown at most this share is expected to be chance."""

FEWEST = 100
"""Calls on either side from which on a name's figures are compared."""


class Measure(NamedTuple):
    """A figure."""

    name: str
    label: str
    unit: str
    """`share`, `ms`, `usd`, `tokens`, `calls`."""
    matters: float
    """The least relative change that is worth telling."""
    worse: bool
    """Whether more of it is worse; else it is neither."""


FAILURES = Measure("failure_rate", "calls that fail", "share", 0.1, worse=True)
P50 = Measure("duration_p50", "duration, p50", "ms", 0.05, worse=True)
P95 = Measure("duration_p95", "duration, p95", "ms", 0.05, worse=True)
FIRST_TOKEN = Measure("first_token_p95", "time to first token, p95", "ms", 0.05, worse=True)
CALL_COST = Measure("cost_per_call", "cost of a call", "usd", 0.05, worse=True)
CALL_TOKENS = Measure("tokens_per_call", "tokens of a call", "tokens", 0.05, worse=False)
CALLS = Measure("calls", "calls", "calls", 0.05, worse=False)
COST = Measure("cost", "cost", "usd", 0.05, worse=False)
ATTEMPT_FAILURES = Measure("attempt_failure_rate", "attempts that fail", "share", 0.1, worse=True)
ATTEMPT_P95 = Measure("attempt_duration_p95", "duration of an attempt, p95", "ms", 0.05, worse=True)
ATTEMPT_FIRST_TOKEN = Measure(
    "attempt_first_token_p95", "an attempt's time to first token, p95", "ms", 0.05, worse=True
)
ATTEMPT_COST = Measure("cost_per_attempt", "cost of an attempt", "usd", 0.05, worse=True)

WHOLE = (CALLS, FAILURES, P50, P95, FIRST_TOKEN, COST, CALL_COST, CALL_TOKENS)
OF_MODELS = (FAILURES, P95, FIRST_TOKEN, CALL_COST, CALL_TOKENS)
OF_TARGETS = (ATTEMPT_FAILURES, ATTEMPT_P95, ATTEMPT_FIRST_TOKEN, ATTEMPT_COST)
OF_KEYS = (CALLS, FAILURES, COST, CALL_TOKENS)

_SHARES = {"failure_rate": ("failed", "calls"), "attempt_failure_rate": ("attempts_failed", "attempts")}
_RATIOS = {
    "cost_per_call": ("cost_picodollars", "calls"),
    "cost_per_attempt": ("cost_picodollars", "attempts"),
    "tokens_per_call": ("tokens", "calls"),
}
_TOTALS = {"calls": "calls", "cost": "cost_picodollars"}
_QUANTILES = {
    "duration_p50": ("duration", 0.5),
    "duration_p95": ("duration", 0.95),
    "first_token_p95": ("first_token", 0.95),
    "attempt_duration_p95": ("attempt_duration", 0.95),
    "attempt_first_token_p95": ("attempt_first_token", 0.95),
}

TOKENS = ("input_tokens", "cached_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens")


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one name, in the period and in the one before it."""

    dimension: str | None
    """Null of all calls."""
    name: str
    measure: str
    label: str
    unit: str
    before: float | None
    """In the unit; null where there is none."""
    after: float | None
    ratio: Interval
    """Of after to before, with an interval: open where too little was called to say more."""
    sure: bool
    """Whether it is more than chance would explain, and large enough to matter."""
    worse: bool | None
    """Of what is sure: whether it became worse; null where it is neither."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """All that were compared."""

    compared: list[Compared]
    looked_at: int
    confidence: float
    """Of the intervals of those that are sure: the more were looked at, the higher. Of others it is 95 %."""


def change(both: Both, measure: Measure) -> Change:
    """How a figure changed."""
    name = measure.name
    if name in _QUANTILES:
        sketch, share = _QUANTILES[name]
        before, after = both.sketches(sketch)
        return change_of_quantile(before, after, share)
    if name in _TOTALS:
        count = _TOTALS[name]
        return change_of_total(*both.counts(lambda sum_: sum_.counts.get(count, 0)))
    upper, lower = (_SHARES | _RATIOS)[name]
    ups = both.counts(lambda sum_: _tokens(sum_.counts) if upper == "tokens" else sum_.counts.get(upper, 0))
    lows = both.counts(lambda sum_: sum_.counts.get(lower, 0))
    of = change_of_share if name in _SHARES else change_of_ratio
    return of((ups[0], lows[0]), (ups[1], lows[1]))


def changes(groups: Mapping[str | None, tuple[Group, Sequence[Measure]]]) -> Changes:
    """The figures of all names of some dimensions, and which of them changed."""
    found = [each for dimension, (group, measures) in groups.items() for each in _changes(dimension, group, measures)]
    chances = [each.chance for *_, each in found]
    chosen, confidence = shown(chances, lambda place, at: _is_sure(*found[place][2:], at), FALSE_SHARE)
    sure = set(chosen)
    return Changes(
        compared=[
            _compared(dimension, name, measure, each, confidence if number in sure else None)
            for number, (dimension, name, measure, each) in enumerate(found)
        ],
        looked_at=len(found),
        confidence=confidence,
    )


def _changes(
    dimension: str | None, group: Group, measures: Sequence[Measure]
) -> Iterator[tuple[str | None, str, Measure, Change]]:
    for name, both in sorted(group.items()):
        count = "attempts" if dimension == "target" else "calls"
        if dimension is None or (name != OTHER and min(both.totals(count)) >= FEWEST):
            for measure in measures:
                yield dimension, name, measure, change(both, measure)


_SCALE = {"ms": 1e-3, "usd": 1e-12}
"""From what sums have to what is told."""


def _compared(dimension: str | None, name: str, measure: Measure, change: Change, confidence: float | None) -> Compared:
    scale = _SCALE.get(measure.unit, 1.0)
    sure = confidence is not None
    return Compared(
        dimension=dimension,
        name=name,
        measure=measure.name,
        label=measure.label,
        unit=measure.unit,
        before=_told(change.before * scale),
        after=_told(change.after * scale),
        ratio=change.interval(confidence or 0.95),
        sure=sure,
        worse=change.ratio > 1 if sure and measure.worse else None,
    )


def _is_sure(measure: Measure, change: Change, confidence: float) -> bool:
    """Whether it is more than chance at a confidence, and large enough to matter."""
    interval = change.interval(confidence)
    beyond = max(interval.low, 1 / interval.high if interval.high else inf)
    return beyond > 1 and max(change.ratio, 1 / change.ratio) >= 1 + measure.matters


def _told(value: float) -> float | None:
    return None if value != value else float(f"{value:.6g}")


def _tokens(counts: Mapping[str, int]) -> int:
    return sum(counts.get(f"tokens.{name}", 0) for name in TOKENS)
