"""What a usage costs at a price, exactly.

A price is a rational count of picodollars per token of each category. The cost of a usage is the exact sum over its
categories, rounded half-even once. Nothing is a float on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from operator import attrgetter

from headgate.money import format_usd, round_half_even
from headgate.types import Usage

CATEGORIES = (
    "input_tokens",
    "cached_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "audio_input_tokens",
    "audio_cached_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "web_searches",
    "reasoning_tokens",
)
"""What is billed, as `Usage` calls it. `reasoning_tokens` are among `output_tokens`; see `Rates`."""

Rates = Mapping[str, Fraction]
"""Picodollars per unit of a category; a category that is not there has no price. `reasoning_tokens` is there only
where reasoning costs something else than the rest of the output. `requests` is a fee per answered request."""

_counts = attrgetter(*CATEGORIES)


class Price:
    """What one model charges.

    `tiers` are rates for long prompts: `(start, rates)` holds for the whole request once its prompt, cached or not,
    has more than `start` tokens, as all vendors who price by length have it.
    """

    __slots__ = ("flat", "name", "rates", "tables", "tiers")

    def __init__(self, name: str, rates: Rates, tiers: Sequence[tuple[int, Rates]] = ()) -> None:
        self.name = name
        """Where the price is from: `openai/gpt-4o`."""
        self.rates = rates
        self.tiers = tuple(sorted(tiers, key=lambda tier: tier[0]))
        self.flat = Table(rates)
        """The rates of a short prompt, ready to be multiplied."""
        self.tables = [(start, Table(each)) for start, each in reversed(self.tiers)]
        """The same for each tier, the highest first."""

    def per_million(self, rates: Rates | None = None) -> dict[str, str]:
        """Rates as decimal dollars for people: per million tokens, and per thousand searches or requests."""
        return {name: _dollars(name, rate) for name, rate in (self.rates if rates is None else rates).items()}

    def __repr__(self) -> str:
        return f"Price({self.name!r}, {len(self.rates)} rates, {len(self.tiers)} tiers)"


class Table:
    """Rates as integers over one denominator, so that pricing a call is integer arithmetic only."""

    __slots__ = ("denominator", "per_request", "rates")

    def __init__(self, rates: Rates) -> None:
        self.denominator = lcm(*(rate.denominator for rate in rates.values()))
        scaled = {name: rate.numerator * (self.denominator // rate.denominator) for name, rate in rates.items()}
        self.per_request = scaled.get("requests", 0)
        # Reasoning is counted among the output: its column holds what it costs beyond that.
        reasoning = scaled.get("reasoning_tokens")
        output = scaled.get("output_tokens", 0)
        self.rates: list[int | None] = [scaled.get(name) for name in CATEGORIES[:-1]]
        self.rates.append(0 if reasoning is None else reasoning - output)


def cost(usage: Usage, price: Price) -> int | None:
    """Picodollars of a usage; None where a category that was used has no price.

    A usage of nothing costs 0: a vendor's fee per request is charged where the request used anything.
    """
    table = price.flat
    if price.tables:
        prompt_tokens = usage.total_input_tokens
        for start, each in price.tables:
            if prompt_tokens > start:
                table = each
                break
    total = 0
    used = False
    for count, rate in zip(_counts(usage), table.rates):  # noqa: B905  # as long as each other, and checking takes time
        if count:
            if rate is None:
                return None
            used = True
            total += count * rate
    if used:
        total += table.per_request
    return total if table.denominator == 1 else round_half_even(Fraction(total, table.denominator))


def _dollars(category: str, picodollars: Fraction) -> str:
    units = 1000 if category in {"web_searches", "requests"} else 10**6
    return format_usd(round_half_even(picodollars * units))
