"""Money for calls whose cost is known only once they are answered."""

from __future__ import annotations

from decimal import Decimal

from headgate.errors import BudgetExceeded
from headgate.money import format_usd, from_decimal

SAFETY = 2
"""How many times as dear as all before it a call may be without being more than was set aside."""


class Unpriced(BudgetExceeded):
    """What a model's answers cost is not told, so no budget can be kept to."""


class Purse:
    """For each call is set aside twice what the dearest one of its model so far cost. The first of a model is made
    while no other is under way. So only answers more than twice as dear as all before them overrun, by the difference.
    """

    def __init__(self, amount_usd: Decimal) -> None:
        self._amount = self._left = from_decimal(amount_usd)
        self._dearest: dict[str, int] = {}
        self._unpriced: str | None = None

    def take(self, model: str) -> int:
        """Set money aside for a call; how much, in picodollars.

        Raises:
            BudgetExceeded: there is not enough left at this moment.
            Unpriced: what an earlier one cost was not told.
        """
        if self._unpriced is not None:
            raise Unpriced(f"the server does not tell what '{self._unpriced}' costs; give it a price there")
        dearest = self._dearest.get(model)
        amount = self._left if dearest is None else SAFETY * dearest
        if amount > self._left or self._left <= 0:
            raise BudgetExceeded(
                f"${format_usd(max(self._left, 0))} of ${format_usd(self._amount)} are left, "
                f"and a call of '{model}' has cost ${format_usd(dearest or 0)} and may cost more"
            )
        self._left -= amount
        return amount

    def give_back(self, amount: int) -> None:
        """A call came to nothing."""
        self._left += amount

    def settle(self, model: str, amount: int, cost: int | None) -> None:
        """A call was answered, at a cost that is told or not."""
        self._left += amount - (cost or 0)
        if cost is None:
            self._unpriced = model
        else:
            self._dearest[model] = max(cost, self._dearest.get(model, 0))
