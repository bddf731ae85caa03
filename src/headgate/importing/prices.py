"""Prices from elsewhere, and calls of which nobody can say what they cost."""

from __future__ import annotations

from decimal import Decimal

from headgate.catalog import Catalog
from headgate.importing.places import Place
from headgate.importing.report import Report
from headgate.providers.row import find_row

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


def per_million(dollars: float) -> str:
    """Dollars per million tokens, of dollars per token."""
    return format((Decimal(str(dollars)) * 1_000_000).normalize(), "f")


class Bounds:
    """Targets for whose calls nobody can say what they cost at most: they are let through, as elsewhere."""

    def __init__(self, report: Report, source: str) -> None:
        self._report = report
        self._source = source
        self._catalog = Catalog()
        self.open = False
        """Whether there is such a target."""

    def tell(self, place: Place, name: str, base_model: str | None = None, *, priced: bool = False) -> None:
        """Tell of a target of the model `name`, if it is one; `priced` where the configuration has its price."""
        model = base_model or place.model
        catalog = find_row(place.kind).catalog
        known = (priced or self._catalog.price(catalog, model) is not None) and self._catalog.limits(catalog, model)
        if "*" in model or place.kind == "simulator" or known:
            return
        self.open = True
        self._report.changes(
            "prices",
            name,
            f"what a call of {place.target} can cost is not known, and it is let through",
            why="under a hard budget a call is refused where its price, or the longest answer of its model, is not "
            f"known; {self._source} lets it pass, and so does limits.unknown_price as it is written",
            do="write prices (0 for a model of your own), have clients send max_tokens, then take that setting out",
        )
