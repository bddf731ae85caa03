"""What a usage costs at a price, exactly.

A price is a rational count of picodollars per token of each category. The cost of a usage is the exact sum over its
categories, rounded half-even once. Nothing is a float on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import compress
from math import lcm
from operator import attrgetter, mul

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

OUTPUT = ("output_tokens", "reasoning_tokens", "audio_output_tokens", "image_output_tokens")
"""What the model made."""
INPUT = tuple(name for name in CATEGORIES if name not in (*OUTPUT, "web_searches"))
"""What the prompt consists of."""

Rates = Mapping[str, Fraction]
"""Picodollars per unit of a category; a category that is not there has no price. `reasoning_tokens` is there only
where reasoning costs something else than the rest of the output. `requests` is a fee per answered request, or for each
search unit where a vendor bills by them."""

_counts = attrgetter(*CATEGORIES)


ORDINARY = frozenset({"", "auto", "default", "standard", "on_demand"})
"""What vendors call the way of processing whose price is the model's own."""


class Price:
    """What one model charges.

    `tiers` are rates for long prompts: `(start, rates)` holds for the whole request once its prompt, cached or not,
    has more than `start` tokens, as all vendors who price by length have it. `variants` are prices of the same model
    for requests that are processed in another way, under the vendor's name of it: `batch`, `flex`, `priority`, `fast`.
    """

    __slots__ = ("flat", "free", "name", "rates", "tables", "tiers", "variants", "version")

    def __init__(
        self,
        name: str,
        rates: Rates,
        tiers: Sequence[tuple[int, Rates]] = (),
        *,
        version: str = "",
        variants: Mapping[str, Price] | None = None,
    ) -> None:
        self.name = name
        """Where the price is from: `openai/gpt-4o`."""
        self.version = version or name
        """The same and which edition of it, for ledger rows: `2026-11-24+1f3a9c02:openai/gpt-4o`."""
        self.rates = rates
        self.tiers = tuple(sorted(tiers, key=lambda tier: tier[0]))
        self.variants: Mapping[str, Price] = variants or {}
        self.flat = Table(rates)
        """The rates of a short prompt, ready to be multiplied."""
        self.tables = [(start, Table(each)) for start, each in reversed(self.tiers)]
        """The same for each tier, the highest first."""
        self.free = {"input_tokens", "output_tokens"} <= rates.keys() and not any(
            rate for table in (rates, *(each for _, each in self.tiers)) for rate in table.values()
        )
        """Whether whatever is used of it costs nothing: both ways are priced, and nothing has a price above zero."""

    def processed(self, how: str | None) -> Price | None:
        """The price of a request the vendor processes in its own way; None where that is not known."""
        return self if how is None or how in ORDINARY else self.variants.get(how)

    def table(self, prompt_tokens: int) -> Table:
        """The rates of a prompt of so many tokens."""
        for start, each in self.tables:
            if prompt_tokens > start:
                return each
        return self.flat

    def per_million(self, rates: Rates | None = None) -> dict[str, str]:
        """Rates as decimal dollars for people: per million tokens, and per thousand searches or requests."""
        return {name: _dollars(name, rate) for name, rate in (self.rates if rates is None else rates).items()}

    def __repr__(self) -> str:
        return f"Price({self.name!r}, {len(self.rates)} rates, {len(self.tiers)} tiers)"


class Table:
    """Rates as integers over one denominator, so that pricing a call is integer arithmetic only."""

    __slots__ = (
        "dearest_input", "dearest_output", "denominator", "exact", "per_request", "rates", "tokens_only", "unpriced",
        "web_search",
    )  # fmt: skip

    def __init__(self, rates: Rates) -> None:
        self.exact = rates
        self.denominator = lcm(*(rate.denominator for rate in rates.values()))
        scaled = {name: rate.numerator * (self.denominator // rate.denominator) for name, rate in rates.items()}
        self.per_request = scaled.get("requests", 0)
        self.tokens_only = "requests" not in scaled and any(scaled.values())
        """Whether it says nothing of what is billed by the request alone."""
        # Reasoning is counted among the output: its column holds what it costs beyond that.
        reasoning = scaled.get("reasoning_tokens")
        output = scaled.get("output_tokens", 0)
        self.rates = [scaled.get(name, 0) for name in CATEGORIES[:-1]]
        self.rates.append(0 if reasoning is None else reasoning - output)
        self.unpriced = [name not in scaled for name in CATEGORIES[:-1]]
        """Which of the categories have no price, reasoning aside."""
        self.dearest_input = _dearest(scaled, INPUT, "input_tokens")
        """What a token of the prompt can cost at most; None where a plain one has no price."""
        self.dearest_output = _dearest(scaled, OUTPUT, "output_tokens")
        self.web_search = scaled.get("web_searches")


def cost(usage: Usage, price: Price) -> int | None:
    """Picodollars of a usage; None where a category that was used has no price.

    A usage of nothing costs 0: a vendor's fee per request is charged where the request used anything, and as often as
    the vendor says.
    """
    table = price.table(usage.total_input_tokens) if price.tables else price.flat
    counts = _counts(usage)
    if any(compress(counts, table.unpriced)):
        return None
    total = sum(map(mul, counts, table.rates))
    units = usage.search_units
    if table.per_request and (units or any(counts)):
        total += table.per_request * (units or 1)
    elif units and table.tokens_only and not any(counts):
        return None
    return total if table.denominator == 1 else round_half_even(Fraction(total, table.denominator))


def _dearest(scaled: Mapping[str, int], names: Sequence[str], needed: str) -> int | None:
    return max(scaled.get(name, 0) for name in names) if needed in scaled else None


def _dollars(category: str, picodollars: Fraction) -> str:
    units = 1000 if category in {"web_searches", "requests"} else 10**6
    return format_usd(round_half_even(picodollars * units))
