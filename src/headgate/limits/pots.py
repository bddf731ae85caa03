"""What pays for a call: its budgets, and the limits that count its cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from headgate.limits.calendar import WINDOWS_US, Calendar
from headgate.storage.counters import Claim
from headgate.storage.records import Budget, Limit, Period


class Pot:
    """One of them, for one subject."""

    __slots__ = (
        "_counter", "_ends_us", "_name", "_period", "_start_us", "_timezone", "_window_us", "budget", "ceiling", "mark",
        "subject",
    )  # fmt: skip

    def __init__(self, name: str, subject: str, ceiling: int | None, period: Period, timezone: str) -> None:
        self.subject = subject
        self.ceiling = ceiling
        """Picodollars beyond which calls are refused; None for never."""
        self.budget: Budget | None = None
        self.mark = inf
        """Picodollars from which on there is something to tell of it."""
        self._name = f"{name}:{subject}"
        self._period: Period = period
        self._timezone = timezone
        self._window_us = WINDOWS_US.get(period, 0)
        self._counter = ""
        self._start_us = self._ends_us = 0

    @classmethod
    def of_budget(cls, budget: Budget, subject: str) -> Pot:
        ceiling = budget.amount_picodollars if budget.hard else None
        pot = cls(f"b:{budget.id}", subject, ceiling, budget.period, budget.timezone)
        pot.budget = budget
        if budget.alert_percent:
            pot.mark = budget.amount_picodollars * min(budget.alert_percent) / 100
        return pot

    @classmethod
    def of_limit(cls, limit: Limit, subject: str) -> Pot:
        return cls(f"c:{limit.id}", subject, limit.cost_picodollars, limit.per, limit.timezone)

    def claim(self, amount: int, now_us: int, calendar: Calendar) -> Claim:
        """An amount of its money, at a moment."""
        if self._window_us:
            return Claim(self._name, amount, self.ceiling, "sliding", self._window_us)
        if not self._counter or (self._ends_us and not self._start_us <= now_us < self._ends_us):
            self._start_us, self._ends_us = calendar.bounds(self._period, self._timezone)
            self._counter = f"{self._name}:{self._start_us // 1_000_000}"
        return Claim(self._counter, amount, self.ceiling, "period", 0, self._ends_us)


class Pots:
    """All that pay for one call."""

    __slots__ = ("all", "hard", "marks")

    def __init__(self, budgets: Sequence[tuple[Budget, str]], costs: Sequence[tuple[Limit, str]]) -> None:
        self.all = [Pot.of_budget(*each) for each in budgets] + [Pot.of_limit(*each) for each in costs]
        self.hard = any(pot.ceiling is not None for pot in self.all)
        """Whether any of them can refuse a call."""
        self.marks = [pot.mark for pot in self.all]

    def claims(self, amount: int, now_us: int, calendar: Calendar) -> list[Claim]:
        return [pot.claim(amount, now_us, calendar) for pot in self.all]
