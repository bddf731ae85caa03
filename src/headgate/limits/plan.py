"""What a caller's rules come to: which counters, by how much, and what of them is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.limits.calendar import Calendar
from headgate.limits.claims import Metric, claim_of, metrics_of
from headgate.limits.pots import Pots
from headgate.storage.counters import SUB_WINDOWS, Claim
from headgate.storage.records import Budget, Limit
from headgate.types import Remaining

FIXED = frozenset({"requests", "concurrent"})
"""What a call is always one of."""


class Plan:
    """The limits and budgets of one caller, worked out once."""

    __slots__ = ("_claims", "_shown", "budgets", "limits", "metrics", "pots", "sizes")

    def __init__(self, limits: Sequence[tuple[Limit, str]], budgets: Sequence[tuple[Budget, str]]) -> None:
        self.limits = limits
        self.budgets = budgets
        costs = [each for each in limits if each[0].cost_picodollars is not None]
        self.pots = Pots(budgets, costs) if budgets or costs else None
        """What pays for the attempts."""
        self.metrics: Sequence[Metric] = [metric for limit, subject in limits for metric in metrics_of(limit, subject)]
        self.sizes = any(metric.name not in FIXED for metric in self.metrics)
        """Whether the call's size matters."""
        self._claims = [(metric, _constant(metric)) for metric in self.metrics]
        self._shown = [
            (position, metric.name, metric.ceiling, metric.window_us * (SUB_WINDOWS + 1) / SUB_WINDOWS / 1e6)
            for position, metric in enumerate(self.metrics)
            if metric.name != "concurrent"
        ]

    def claims(self, amounts: Mapping[str, int], calendar: Calendar) -> Sequence[Claim]:
        """What is reserved for a call, by the amount of each metric."""
        return [
            claim if claim is not None else claim_of(metric, amounts[metric.name], calendar)
            for metric, claim in self._claims
        ]

    def remaining(self, claims: Sequence[Claim], totals: Sequence[int]) -> Mapping[str, Remaining]:
        """What is left of requests and tokens, each by the limit that is nearest."""
        nearest: dict[str, Remaining] = {}
        for position, name, ceiling, window_s in self._shown:
            left = max(0, ceiling - totals[position])
            known = nearest.get(name)
            if known is None or left * known.limit < known.left * ceiling:
                nearest[name] = Remaining(ceiling, left, window_s, claims[position].ends_us)
        return nearest


def _constant(metric: Metric) -> Claim | None:
    """A claim that is the same for every call; None where there is none."""
    if metric.name == "concurrent":
        return Claim(metric.counter, 1, metric.ceiling, "lease")
    if metric.name == "requests" and metric.window_us:
        return Claim(metric.counter, 1, metric.ceiling, "sliding", metric.window_us)
    return None
