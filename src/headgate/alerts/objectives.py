"""What a model's users can count on, and how much of what may go wrong has. Pure, on sums of calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from headgate.alerts.traffic import cost_usd
from headgate.routing.config import LatencyObjective, ModelConfig, ObjectivesConfig
from headgate.stats.intervals import wilson
from headgate.telemetry.rollups.reading import Sum

CLIENTS = frozenset(
    {
        "invalid_request", "unsupported", "context_length_exceeded", "content_filter", "invalid_api_key",
        "permission_denied", "not_found", "model_not_found", "method_not_allowed", "request_timeout", "conflict",
        "request_too_large", "unsupported_media_type", "upgrade_required", "cancelled",
    }
)  # fmt: skip
"""Codes of errors that are the client's own doing."""

REFUSED = ("rate_limit_exceeded", "insufficient_quota")
"""Codes that a client's own limits have as well as a vendor's. A call that its limits refuse made no attempt."""


def failures(counts: Mapping[str, int]) -> int:
    """Calls that failed and were not their client's own doing: for those that were refused at most as many as attempts
    were refused by vendors.
    """
    clients = sum(number for name, number in counts.items() if name.startswith("error.") and name[6:] in CLIENTS)
    own = sum(max(0, counts.get(f"error.{code}", 0) - counts.get(f"attempt_error.{code}", 0)) for code in REFUSED)
    return max(0, counts.get("failed", 0) - clients - own)


class Objectives(msgspec.Struct, frozen=True):
    """What models promise."""

    by_model: Mapping[str, ObjectivesConfig]
    """By a model's name or pattern."""
    models: frozenset[str]
    """Names and patterns of all models, those without objectives too."""

    def covers(self, model: str, name: str) -> bool:
        """Whether calls that asked for that name are calls of a model: its own name, or one that its pattern and none
        longer matches.
        """
        if not model.endswith("*") or name in self.models:
            return name == model
        patterns = [each for each in self.models if each.endswith("*") and name.startswith(each[:-1])]
        return max(patterns, key=len, default=None) == model


def objectives_in(models: Mapping[str, ModelConfig]) -> Objectives:
    """Those of a configuration."""
    found = {name: model.objectives for name, model in models.items() if model.objectives is not None}
    return Objectives(found, frozenset(models))


NO_OBJECTIVES = Objectives({}, frozenset())


class Objective(msgspec.Struct, frozen=True):
    """One of a model's."""

    model: str
    kind: Literal["availability", "latency", "cost_per_call", "cost"]
    target: float
    """A share of calls; US dollars of cost."""
    period_days: int
    latency: LatencyObjective | None = None

    @property
    def name(self) -> str:
        if self.latency is None:
            return self.kind
        return f"{self.latency.measure} within {self.latency.within_s:g} s"

    @property
    def series(self) -> str:
        """As alerts call it."""
        return f"model:{self.model} {self.name}"

    @property
    def budget(self) -> float:
        """The share of calls that may be bad."""
        return 1 - self.target

    def bad(self, sum_: Sum) -> tuple[int, int]:
        """How many calls were bad, and of how many that is said. Of a share alone."""
        counts = sum_.counts
        if self.latency is None:
            calls = counts.get("calls", 0)
            return failures(counts), calls
        sketch = sum_.sketch(self.latency.measure)
        failed = counts.get("failed", 0) if self.latency.measure == "duration" else 0
        slow = round((sketch.share_above(self.latency.within_s * 1e6) or 0.0) * sketch.total)
        total = max(0, sketch.total - failed)
        return min(slow, total), total

    @property
    def is_share(self) -> bool:
        return self.kind in ("availability", "latency")


class ObjectiveStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a model stands to one of its objectives."""

    model: str
    objective: str
    period_days: int
    target: float
    """The share of calls that have to be good; US dollars where it is of cost."""
    actual: float | None
    """The share that was; what was spent. None without calls."""
    low: float | None
    """Between which shares the truth is, with 95 % confidence (Wilson); None of cost."""
    high: float | None
    calls: int
    bad: int
    """Calls that were not good."""
    budget_left: float | None
    """The share of what may go wrong, or be spent, that is left; below 0 where more has. None without calls."""
    met: bool | None
    """None without calls."""
    burn_rates: dict[str, float | None] = {}
    """How many times as fast as it lasts for its period the error budget burnt in the last `1h`, `6h`, `1d` and `3d`
    (whole hours, and this one); None without calls, nothing of cost.
    """


def objectives_of(model: str, config: ObjectivesConfig) -> Iterator[Objective]:
    """All that a model's block says."""
    if config.availability is not None:
        yield Objective(model, "availability", config.availability, config.period_days)
    for each in config.latency:
        yield Objective(model, "latency", each.target, config.period_days, each)
    if config.cost is not None and config.cost.per_call_usd is not None:
        yield Objective(model, "cost_per_call", config.cost.per_call_usd, config.period_days)
    if config.cost is not None and config.cost.period_usd is not None:
        yield Objective(model, "cost", config.cost.period_usd, config.period_days)


def standing(objective: Objective, sum_: Sum) -> ObjectiveStanding:
    """How calls of the whole period stand to an objective."""
    if objective.is_share:
        return _of_share(objective, sum_)
    calls, spent = sum_.counts.get("calls", 0), cost_usd(sum_.counts)
    actual = spent / calls if objective.kind == "cost_per_call" and calls else spent
    left = 1 - actual / objective.target
    return ObjectiveStanding(
        model=objective.model,
        objective=objective.name,
        period_days=objective.period_days,
        target=objective.target,
        actual=actual if calls else None,
        low=None,
        high=None,
        calls=calls,
        bad=0,
        budget_left=left if calls else None,
        met=left >= 0 if calls else None,
    )


def _of_share(objective: Objective, sum_: Sum) -> ObjectiveStanding:
    bad, total = objective.bad(sum_)
    interval = wilson(total - bad, total)
    return ObjectiveStanding(
        model=objective.model,
        objective=objective.name,
        period_days=objective.period_days,
        target=objective.target,
        actual=interval.estimate if total else None,
        low=interval.low if total else None,
        high=interval.high if total else None,
        calls=total,
        bad=bad,
        budget_left=1 - bad / total / objective.budget if total else None,
        met=bad <= objective.budget * total if total else None,
    )
