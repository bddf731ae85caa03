"""From rules to the counters they are kept in."""

from __future__ import annotations

from typing import NamedTuple

from headgate.limits.calendar import WINDOWS_US, Calendar
from headgate.storage.counters import Claim
from headgate.storage.records import Limit, Period


class Metric(NamedTuple):
    """One thing that one limit limits."""

    limit: Limit
    subject: str
    name: str
    """`requests`, `tokens`, `input_tokens`, `output_tokens`, `concurrent`."""
    counter: str
    """Where it is counted; without the start of a period of the calendar."""
    ceiling: int
    window_us: int
    """0 where it is no window that slides."""


def metrics_of(limit: Limit, subject: str) -> list[Metric]:
    """What a limit has counted per call; its cost is counted per attempt."""
    window_us = WINDOWS_US.get(limit.per, 0)
    found: list[Metric] = []
    for name in ("requests", "tokens", "input_tokens", "output_tokens", "concurrent"):
        ceiling: int | None = getattr(limit, name)
        if ceiling is not None:
            counter = f"l:{limit.id}:{subject}:{name}"
            found.append(Metric(limit, subject, name, counter, ceiling, 0 if name == "concurrent" else window_us))
    return found


def claim_of(metric: Metric, amount: int, calendar: Calendar) -> Claim:
    """An amount of what a limit counts per call, calls under way excepted."""
    if metric.window_us:
        return Claim(metric.counter, amount, metric.ceiling, "sliding", metric.window_us)
    return _period(metric.counter, amount, metric.ceiling, metric.limit.per, metric.limit.timezone, calendar)


def _period(counter: str, amount: int, ceiling: int | None, period: Period, timezone: str, calendar: Calendar) -> Claim:
    start_us, ends_us = calendar.bounds(period, timezone)
    return Claim(f"{counter}:{start_us // 1_000_000}", amount, ceiling, "period", 0, ends_us)
