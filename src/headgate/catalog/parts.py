"""What each category of a usage contributes to its cost."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from headgate.catalog.cost import CATEGORIES, Price
from headgate.money import PICODOLLARS_PER_DOLLAR, round_half_even
from headgate.types import Usage


class Part(msgspec.Struct, frozen=True):
    """One category of a usage."""

    category: str
    """As in `Rates`: `input_tokens`, `web_searches`, `requests`."""
    quantity: int
    rate_usd: Fraction
    """Dollars per token, search or request, exactly."""
    cost_picodollars: int
    """Its share. Where rates are fractions of a picodollar it can differ by less than one from quantity times rate,
    so that the shares add up to the cost."""


def parts(usage: Usage, price: Price) -> list[Part] | None:
    """The categories that were used, whose costs add up to exactly `cost(usage, price)`; None where that is unknown.

    Reasoning is a category of its own where it has a price of its own, and among the output where it has none.
    """
    table = price.table(usage.total_input_tokens)
    counts = {name: getattr(usage, name) for name in CATEGORIES}
    reasoning = counts.pop("reasoning_tokens")
    rates = table.exact
    if "reasoning_tokens" in rates and reasoning:
        counts = _after(counts, "output_tokens", "reasoning_tokens", reasoning)
    used = any(counts.values())
    if usage.search_units and table.tokens_only and not used:
        return None
    if (usage.search_units or used) and rates.get("requests"):
        counts["requests"] = usage.search_units or 1
    found: list[Part] = []
    exact, told = Fraction(0), 0
    for name, quantity in counts.items():
        if not quantity:
            continue
        rate = rates.get(name)
        if rate is None:
            return None
        exact += quantity * rate
        upto = round_half_even(exact)
        found.append(Part(name, quantity, rate / PICODOLLARS_PER_DOLLAR, upto - told))
        told = upto
    return found


def _after(counts: dict[str, int], whole: str, part: str, quantity: int) -> dict[str, int]:
    """Counts with a part of one taken out of it and put behind it."""
    split: dict[str, int] = {}
    for name, count in counts.items():
        split[name] = count - quantity if name == whole else count
        if name == whole:
            split[part] = quantity
    return split
