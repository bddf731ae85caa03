"""Prices that deployments are given."""

from __future__ import annotations

from typing import Any

from headgate.importing.places import Place
from headgate.importing.prices import PRICES, PriceList, per_million
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.providers.row import find_row

Tree = dict[str, Any]


class Prices:
    """The prices of a configuration, as its deployments are read."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.list = PriceList(report, "LiteLLM")
        self.tree: dict[str, Tree] = {}

    def take(self, place: Place, params: Section, info: Section, base_model: str | None) -> bool:
        """Take over the price that is given for a deployment, if one is."""
        price: Tree = {}
        for name, ours in PRICES.items():
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
        price = self.list.completed(place.kind, base_model or place.model, price)
        name = f"{catalog}/{place.model}" if catalog else place.model
        known = self.tree.setdefault(name, price)
        if known != price:
            self._report.changes(
                "prices", params.place, f"has the price of the other deployment of {name}", why="a model has one price"
            )
        else:
            self._report.carries("prices", params.place, f"is the price of {name}")
        return True
