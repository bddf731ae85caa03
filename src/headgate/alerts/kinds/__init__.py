"""Each kind of rule: from what there is in the sums to what is said of every series."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from headgate.alerts.judged import Judged
from headgate.alerts.kinds import (
    absence,
    budgets,
    cost_spike,
    error_rate,
    latency,
    objectives,
    prompts,
    threshold,
    unusual,
)
from headgate.alerts.kinds.look import Look
from headgate.alerts.rules import OBJECTIVES, Rule

KINDS: Mapping[str, Callable[[Rule, Look], Awaitable[Sequence[Judged]]]] = {
    "threshold": threshold.judge,
    "error_rate": error_rate.judge,
    "latency": latency.judge,
    "cost_spike": cost_spike.judge,
    "unusual": unusual.judge,
    "budget": budgets.judge,
    "absence": absence.judge,
    "prompt": prompts.judge,
    OBJECTIVES: objectives.judge,
}
"""Each raises StoreUnavailable where the database cannot be reached."""

__all__ = ["KINDS", "Look"]
