"""How budgets stand: what is spent of them and what is set aside."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.ids import counted_subject
from headgate.limits.calendar import Calendar
from headgate.limits.pots import Pot
from headgate.storage.counters import Counters
from headgate.storage.records import Budget
from headgate.storage.tables import Reader


class Standing(msgspec.Struct, frozen=True):
    """One budget in the period under way."""

    starts_us: int
    ends_us: int
    """0 for never, both."""
    spent: int | None = None
    """Picodollars settled; None where each subject has its own count."""
    reserved: int | None = None
    """Picodollars set aside for calls under way; None where it is not known."""


class Standings:
    """Looks budgets up: in the ledger's sums, and in the counters where there are any."""

    def __init__(self, clock: Clock, counters: Counters | None) -> None:
        self._calendar = Calendar(clock)
        self._counters = counters

    async def of(self, reader: Reader, budgets: Sequence[Budget]) -> list[Standing]:
        """How each of some budgets stands."""
        counters = {
            budget.id: _counter(budget, self._calendar)
            for budget in budgets
            if not budget.subject.endswith("*") or (budget.subject.startswith("model:") and budget.subject != "model:*")
        }
        spent = await _spent(reader, list(counters.values()))
        held = await self._held(list(counters.values()))
        found: list[Standing] = []
        for budget in budgets:
            bounds = self._calendar.bounds(budget.period, budget.timezone)
            counter = counters.get(budget.id)
            if counter is None:
                found.append(Standing(*bounds))
                continue
            gone = spent.get(counter, 0)
            found.append(Standing(*bounds, gone, None if held is None else max(0, held.get(counter, gone) - gone)))
        return found

    async def _held(self, counters: Sequence[str]) -> dict[str, int] | None:
        """What counters stand at, settled and set aside; None while nobody can tell."""
        if self._counters is None or not counters:
            return None
        try:
            values = await self._counters.read(counters)
        except StoreUnavailable:
            return None
        return {name: value for name, value in zip(counters, values, strict=True) if value is not None}


def _counter(budget: Budget, calendar: Calendar) -> str:
    pot = Pot.of_budget(budget, counted_subject(budget.organisation, budget.subject))
    claim, _ = pot.claim(calendar)
    return claim.counter


async def _spent(reader: Reader, counters: Sequence[str]) -> dict[str, int]:
    if not counters:
        return {}
    places = ", ".join(f"${number}" for number in range(1, len(counters) + 1))
    rows = await reader.fetch(f"SELECT counter, picodollars FROM spend WHERE counter IN ({places})", *counters)  # noqa: S608
    return dict(rows)
