"""Prices of deployments, and which calls nobody can say the cost of."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headgate.catalog import Catalog
from headgate.importing.litellm.providers import Place
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.providers.row import find_row

Tree = dict[str, Any]

_PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write_5m",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
"""Dollars per token there, per million tokens here."""

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


class Prices:
    """The prices of a configuration, as its deployments are read."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._catalog = Catalog()
        self.tree: dict[str, Tree] = {}
        self.unbounded = False
        """Whether there is a target for whose calls nobody can say what they cost at most."""

    def bound(self, target: Tree, place: Place, name: str, priced: bool) -> None:
        """Tell of a target for whose calls nobody can say what they cost at most, and let them through as there."""
        model = target.get("base_model", place.model)
        catalog = find_row(place.kind).catalog
        if "*" in model:
            self._report.changes(
                "prices",
                name,
                "a model it stands for without a known price is refused under a hard budget, unless "
                "limits.unknown_price is allow",
                why="what it can cost is not known; LiteLLM lets it pass, and counts nothing",
                do="write prices of the models you use that 'headgate prices list' lacks",
            )
            return
        known = (priced or self._catalog.price(catalog, model) is not None) and self._catalog.limits(catalog, model)
        if place.kind == "simulator" or known:
            return
        self.unbounded = True
        self._report.changes(
            "prices",
            target["target"],
            "what its calls can cost is not known, and they are let through: limits.unknown_price is allow",
            why="under a hard budget a call is refused where its price, or the longest answer of its model, is not "
            "known; LiteLLM lets it pass, and so does that setting",
            do="write prices (0 for a model of your own), have clients send max_tokens, then take limits.unknown_price "
            "out: until then 'headgate check --production' tells of it, since such calls pass every hard budget",
        )

    def take(self, place: Place, params: Section, info: Section, base_model: str | None) -> bool:
        """Take over the price that is given for a deployment, if one is."""
        price: Tree = {}
        for name, ours in _PRICES.items():
            own, other = params.number(name), info.number(name)
            value = other if own is None else own
            if value is not None and value >= 0:
                price[ours] = per_million(value)
        if not price:
            return False
        catalog = find_row(place.kind).catalog
        if "*" in place.model:
            self._report.cannot(
                "prices",
                params.place,
                "has no price of its own",
                why="a price is of one model, and this deployment stands for many",
                do="write prices of the models you use",
            )
            return False
        price = self._listed(catalog, base_model or place.model) | price
        name = f"{catalog}/{place.model}" if catalog else place.model
        known = self.tree.setdefault(name, price)
        if known != price:
            self._report.changes(
                "prices", params.place, f"has the price of the other deployment of {name}", why="a model has one price"
            )
        else:
            self._report.carries("prices", params.place, f"is the price of {name}")
        return True

    def _listed(self, catalog: str | None, model: str) -> Tree:
        """What the price list says of a model, for what is not given; 0 where it does not know it, as at LiteLLM."""
        listed = self._catalog.price(catalog, model)
        rates = {} if listed is None else listed.per_million()
        known = {ours: rates[category] for ours, category in _CATEGORIES.items() if category in rates}
        return {"input": "0", "output": "0"} | known


def per_million(dollars: float) -> str:
    """Dollars per million tokens, of dollars per token."""
    return format((Decimal(str(dollars)) * 1_000_000).normalize(), "f")
