"""What pays for a call: its budgets, and the limits that count its cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import inf

from headgate.limits.calendar import WINDOWS_US, Bounds, Calendar
from headgate.money import from_decimal
from headgate.storage.counters import Claim, Kind
from headgate.storage.records import Budget, Limit, Period


class Pot:
    """One of them, for one subject."""

    __slots__ = ("_name", "_period", "_timezone", "_window_us", "budget", "ceiling", "mark", "subject")

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

    def claim(self, calendar: Calendar) -> tuple[Claim, Bounds]:
        """What is claimed of its money now, an amount aside, and between which moments that stays so."""
        if self._window_us:
            return Claim(self._name, 0, self.ceiling, "sliding", self._window_us), ALWAYS
        start_us, ends_us = calendar.bounds(self._period, self._timezone)
        claim = Claim(f"{self._name}:{start_us // 1_000_000}", 0, self.ceiling, "period", 0, ends_us)
        return claim, (start_us, ends_us) if ends_us else ALWAYS


ALWAYS: Bounds = (0, 2**63)


class Pots:
    """All that pay for one call."""

    __slots__ = ("_from_us", "_parts", "_until_us", "all", "charged", "hard", "mark")

    def __init__(self, budgets: Sequence[tuple[Budget, str]], costs: Sequence[tuple[Limit, str]]) -> None:
        self.all = [Pot.of_budget(*each) for each in budgets] + [Pot.of_limit(*each) for each in costs]
        self.hard = any(pot.ceiling is not None for pot in self.all)
        """Whether any of them can refuse a call."""
        self.mark = min(pot.mark for pot in self.all)
        """Picodollars from which on there is something to tell of any of them."""
        self.charged: tuple[str, ...] = ()
        """The counters of periods among the claims made last."""
        self._from_us = self._until_us = 0
        self._parts: Sequence[tuple[str, int | None, Kind, int, int]] = ()

    def claims(self, amount: int, now_us: int, calendar: Calendar) -> list[Claim]:
        """The same amount of the money of each, at a moment."""
        if not self._from_us <= now_us < self._until_us:
            self._turn(calendar)
        return [
            Claim(counter, amount, ceiling, kind, window_us, ends_us)
            for counter, ceiling, kind, window_us, ends_us in self._parts
        ]

    def _turn(self, calendar: Calendar) -> None:
        """Work out what is the same as long as no period begins or ends."""
        claims, bounds = zip(*(pot.claim(calendar) for pot in self.all), strict=True)
        self._parts = [(each.counter, each.ceiling, each.kind, each.window_us, each.ends_us) for each in claims]
        self._from_us = max(start_us for start_us, _ in bounds)
        self._until_us = min(ends_us for _, ends_us in bounds)
        self.charged = tuple(each.counter for each in claims if each.kind == "period")


def internal_pots(kind: str, name: str, amount_usd: Decimal | None, period: Period) -> Pots | None:
    """What pays for calls nobody asked for, mirrored ones or judges': a budget of their own, which is reserved of and
    settled as any other, so that it holds over all processes and restarts; None where they cost nothing.
    """
    if amount_usd is None:
        return None
    subject = f"{kind}:{name}"
    budget = Budget(
        id=f"{kind}_{name}",
        organisation="",
        subject=subject,
        amount_picodollars=from_decimal(amount_usd),
        period=period,
        alert_percent=[],
    )
    return Pots([(budget, subject)], [])
