"""Prices from elsewhere, and calls of which nobody can say what they cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headgate.catalog import Catalog
from headgate.importing.places import Place
from headgate.importing.report import Report
from headgate.providers.row import find_row

Tree = dict[str, Any]

PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write_5m",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
"""Dollars per token as LiteLLM's price list has them, and others after it; per million tokens here."""


_CATEGORIES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cached": "cached_tokens",
    "cache_write_5m": "cache_write_5m_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "reasoning": "reasoning_tokens",
    "audio_input": "audio_input_tokens",
    "audio_output": "audio_output_tokens",
}
"""By their name in `prices`, the categories of the price list."""


def per_million(dollars: float) -> str:
    """Dollars per million tokens, of dollars per token."""
    return format((Decimal(str(dollars)) * 1_000_000).normalize(), "f")


class PriceList:
    """What is known of models' prices. Calls that nobody can say the cost of are let through, as elsewhere."""

    def __init__(self, report: Report, source: str) -> None:
        self._report = report
        self._source = source
        self._catalog = Catalog()
        self.unbounded = False
        """Whether there is a target for whose calls nobody can say what they cost at most."""

    def completed(self, kind: str, model: str, price: Tree) -> Tree:
        """A price of a model of a kind of provider that is given in part: the rest is what the price list says, and
        nothing where that does not know it.
        """
        listed = self._catalog.price(find_row(kind).catalog, model)
        rates = {} if listed is None else listed.per_million()
        known = {ours: rates[category] for ours, category in _CATEGORIES.items() if category in rates}
        return {"input": "0", "output": "0"} | known | price

    def bound(self, place: Place, name: str, base_model: str | None = None, *, priced: bool = False) -> None:
        """Tell of a target of the model `name` for whose calls nobody can say what they cost at most; `priced` where
        the configuration has its price.
        """
        model = base_model or place.model
        if "*" in model:
            self._report.changes(
                "prices",
                name,
                "a model it stands for without a known price is refused under a hard budget, unless "
                "limits.unknown_price is allow",
                why=f"what it can cost is not known; {self._source} lets it pass",
                do="write prices of the models you use that 'headgate prices list' lacks",
            )
            return
        catalog = find_row(place.kind).catalog
        known = (priced or self._catalog.price(catalog, model) is not None) and self._catalog.limits(catalog, model)
        if place.kind == "simulator" or known:
            return
        self.unbounded = True
        self._report.changes(
            "prices",
            place.target,
            "what its calls can cost is not known, and they are let through: limits.unknown_price is allow",
            why="under a hard budget a call is refused where its price, or the longest answer of its model, is not "
            f"known; {self._source} lets it pass, and so does that setting",
            do="write prices (0 for a model of your own), have clients send max_tokens, then take limits.unknown_price "
            "out: until then 'headgate check --production' tells of it, since such calls pass every hard budget",
        )
