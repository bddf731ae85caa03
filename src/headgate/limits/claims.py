"""From rules to the counters they are kept in."""

from __future__ import annotations

from typing import NamedTuple

from headgate.limits.calendar import WINDOWS_US, Calendar
from headgate.storage.counters import Claim
from headgate.storage.records import Limit

NAMES = ("requests", "tokens", "input_tokens", "output_tokens", "concurrent")
"""What limits count per call; their cost is counted per attempt."""

Amounts = tuple[int, int, int, int, int]
"""How much of each of `NAMES`."""


class Metric(NamedTuple):
    """One thing that one limit limits."""

    limit: Limit
    subject: str
    name: str
    """One of `NAMES`."""
    place: int
    """Which of them."""
    counter: str
    """Where it is counted; without the start of a period of the calendar."""
    ceiling: int
    window_us: int
    """0 where it is no window that slides."""


def metrics_of(limit: Limit, subject: str) -> list[Metric]:
    """What a limit has counted per call."""
    window_us = WINDOWS_US.get(limit.per, 0)
    found: list[Metric] = []
    for place, name in enumerate(NAMES):
        ceiling: int | None = getattr(limit, name)
        if ceiling is not None:
            counter = f"l:{limit.id}:{subject}:{name}"
            found.append(
                Metric(limit, subject, name, place, counter, ceiling, 0 if name == "concurrent" else window_us)
            )
    return found


def claim_of(metric: Metric, amount: int, calendar: Calendar) -> Claim:
    """An amount of what a limit counts per call."""
    if metric.name == "concurrent":
        return Claim(metric.counter, 1, metric.ceiling, "lease")
    if metric.window_us:
        return Claim(metric.counter, amount, metric.ceiling, "sliding", metric.window_us)
    start_us, ends_us = calendar.bounds(metric.limit.per, metric.limit.timezone)
    return Claim(f"{metric.counter}:{start_us // 1_000_000}", amount, metric.ceiling, "period", 0, ends_us)
