"""What a caller's rules come to: which counters, by how much, and what of them is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.limits.calendar import Calendar
from headgate.limits.claims import Amounts, Metric, claim_of, metrics_of
from headgate.limits.pots import Pots
from headgate.storage.counters import SUB_WINDOWS, Claim
from headgate.storage.records import Applying
from headgate.types import Remaining

FIXED = frozenset({"requests", "concurrent"})
"""What a call is always one of."""


class Plan:
    """The limits and budgets of one caller, worked out once."""

    __slots__ = ("_shown", "metrics", "places", "pots", "rules", "sizes")

    def __init__(self, rules: Applying) -> None:
        limits, budgets = self.rules = rules
        costs = [each for each in limits if each[0].cost_picodollars is not None]
        self.pots = Pots(budgets, costs) if budgets or costs else None
        """What pays for the attempts."""
        self.metrics: Sequence[Metric] = [metric for limit, subject in limits for metric in metrics_of(limit, subject)]
        self.places = [metric.place for metric in self.metrics]
        """Of the amounts of a call, those that are counted."""
        self.sizes = any(metric.name not in FIXED for metric in self.metrics)
        """Whether the call's size matters."""
        self._shown = [
            (position, metric.name, metric.ceiling, metric.window_us * (SUB_WINDOWS + 1) / SUB_WINDOWS / 1e6)
            for position, metric in enumerate(self.metrics)
            if metric.name != "concurrent"
        ]

    def claims(self, amounts: Amounts, calendar: Calendar) -> Sequence[Claim]:
        """What is reserved for a call."""
        return [claim_of(metric, amounts[metric.place], calendar) for metric in self.metrics]

    def remaining(self, claims: Sequence[Claim], totals: Sequence[int]) -> Mapping[str, Remaining]:
        """What is left of requests and tokens, each by the limit that is nearest."""
        nearest: dict[str, Remaining] = {}
        for position, name, ceiling, window_s in self._shown:
            left = ceiling - totals[position]
            known = nearest.get(name)
            if known is None or left * known.limit < known.left * ceiling:
                nearest[name] = Remaining(ceiling, left, window_s, claims[position].ends_us)
        return nearest
