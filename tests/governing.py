"""Rules, counters and prices for tests of limits and budgets."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from headgate.catalog import Limits as ModelLimits
from headgate.catalog import Price
from headgate.clock import ManualClock
from headgate.dialects.base import Quirks
from headgate.limits import Alerts, Calendar, Limits, LimitsConfig, NoSeeds, Reserve, Seeder, Target
from headgate.storage.memory_counters import MemoryCounters
from headgate.storage.records import Applying, Budget, Limit
from headgate.types import Call, Identity

CENT = 10**10
"""Picodollars."""


def limit(subject: str = "key:k", per: Any = "minute", id: str = "lim_1", **values: Any) -> Limit:
    return Limit(id=id, organisation="default", subject=subject, per=per, **values)


def budget(amount: int, subject: str = "key:k", period: Any = "month", id: str = "bud_1", **values: Any) -> Budget:
    return Budget(id=id, organisation="default", subject=subject, amount_picodollars=amount, period=period, **values)


class Fixed:
    """The same rules for everybody."""

    def __init__(self, limits: Sequence[Limit] = (), budgets: Sequence[Budget] = ()) -> None:
        self.applied = [(each, each.subject) for each in limits], [(each, each.subject) for each in budgets]

    def applying(self, identity: Identity, model: str, tags: Any, end_user: str | None) -> Applying:
        return self.applied


def price(input: int = 1, output: int = 2) -> Price:
    """A model's price in picodollars per token."""
    return Price("sim/gpt", {"input_tokens": Fraction(input), "output_tokens": Fraction(output)})


PRICE = price()


class Governing:
    """The stages of limits and budgets over counters in memory."""

    def __init__(
        self,
        limits: Sequence[Limit] = (),
        budgets: Sequence[Budget] = (),
        *,
        price: Price | None = PRICE,
        window: int | None = 1000,
        output: int | None = 100,
        counted: int | None = None,
        always: dict[str, Any] | None = None,
        **config: Any,
    ) -> None:
        self.clock = ManualClock()
        self.counters = MemoryCounters(self.clock)
        self.rules = Fixed(limits, budgets)
        calendar, settings = Calendar(self.clock), LimitsConfig(**config)
        seeder = Seeder(self.counters, NoSeeds())
        self.stage = Limits(self.rules, self.counters, calendar, seeder, settings)

        def count(model: str, call: Call) -> int | None:
            return counted

        sizes = ModelLimits(window, output)
        target = Target(lambda model: price, lambda model: sizes, count, Quirks(), always or {})
        self.reserve = Reserve(target, self.counters, calendar, seeder, settings, Alerts())

    async def spent(self, budget: Budget) -> int:
        """What a budget's counter stands at."""
        counters = [name for name in self.counters._sums if name.startswith(f"b:{budget.id}:")]
        values = await self.counters.read(counters)
        return sum(value or 0 for value in values)
