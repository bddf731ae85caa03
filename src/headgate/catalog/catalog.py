"""Facts about models under one configuration: the built-in lists, and what the operator says instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headgate.catalog.config import PriceConfig
from headgate.catalog.cost import Price, cost
from headgate.catalog.models import Limits, limits
from headgate.catalog.prices import PriceList, configured, price_list
from headgate.types import Usage

HELD = 4096
"""Look-ups kept. Behind a wildcard the names are the clients' own: beyond this many, all are looked up anew."""


class Catalog:
    """Prices and limits, each looked up once per vendor and model.

    `overrides` are prices by `vendor/model` or by `model` alone, whichever vendor has it; a name may end in `*`. An
    exact name goes before a pattern, a longer pattern before a shorter one. `listed` is the list for all others, in
    place of the built-in one.
    """

    def __init__(
        self,
        overrides: Mapping[str, PriceConfig] | None = None,
        listed: PriceList | None = None,
        earlier: Callable[[str], PriceList | None] | None = None,
    ) -> None:
        """`earlier` finds a list that does not count any more by its edition, for rows it has priced."""
        self._listed = listed
        self._earlier = earlier
        prices = {name.lower(): configured(name, config) for name, config in (overrides or {}).items()}
        self._exact = {name: price for name, price in prices.items() if not name.endswith("*")}
        patterns = [(name[:-1], price) for name, price in prices.items() if name.endswith("*")]
        self._patterns = sorted(patterns, key=lambda each: -len(each[0]))
        self._prices: dict[tuple[str | None, str], Price | None] = {}
        self._versions: dict[str, Price | None] = {}
        self._limits: dict[tuple[str, str], Limits | None] = {}

    @property
    def listed(self) -> PriceList:
        """The list for what no override is for."""
        return self._listed or price_list()

    def price(self, vendor: str | None, model: str) -> Price | None:
        """What a model charges; None where that is not known.

        `vendor` is the catalog name of a provider's row. With None, `model` is a whole reference, as `price_like` has
        it: the name of an override, or `vendor/model` of the built-in list.
        """
        key = vendor, model
        try:
            return self._prices[key]
        except KeyError:
            if len(self._prices) >= HELD:
                self._prices.clear()
            found = self._prices[key] = self._find(vendor, model)
            return found

    def versioned(self, version: str) -> Price | None:
        """The price a ledger row's version names; None where it is not known here any more."""
        if version not in self._versions:
            if len(self._versions) >= HELD:
                self._versions.clear()
            price = self._versioned(version)
            self._versions[version] = price if price is not None and price.version == version else None
        return self._versions[version]

    def cost(self, vendor: str | None, model: str, usage: Usage) -> int | None:
        """Picodollars of a usage; None where the price of what was used is not known. `vendor` as in `price`."""
        price = self.price(vendor, model)
        return None if price is None else cost(usage, price)

    def limits(self, vendor: str, model: str) -> Limits | None:
        """How much a model takes and gives; None where nothing is known."""
        key = vendor, model
        if key not in self._limits:
            if len(self._limits) >= HELD:
                self._limits.clear()
            self._limits[key] = limits(vendor, model, self._listed)
        return self._limits[key]

    def output_limit(self, vendor: str, model: str) -> int | None:
        """The most tokens a model puts out; None where that is not known."""
        found = self.limits(vendor, model)
        return found.max_output_tokens if found else None

    def _find(self, vendor: str | None, model: str) -> Price | None:
        names = [model.lower()] if vendor is None else [f"{vendor}/{model}".lower(), model.lower()]
        for name in names:
            if name in self._exact:
                return self._exact[name]
        for prefix, price in self._patterns:
            if any(name.startswith(prefix) for name in names):
                return price
        if vendor is None:
            vendor, _, model = model.partition("/")
        entry = self.listed.find(vendor, model)
        return entry.price if entry else None

    def _edition(self, edition: str) -> PriceList | None:
        for each in (self.listed, price_list()):
            if each.edition == edition:
                return each
        return self._earlier(edition) if self._earlier else None

    def _versioned(self, version: str) -> Price | None:
        kind, _, entry = version.partition(":")
        if kind == "override":
            name, _, digest = entry.rpartition(":")
            how = digest.partition("#")[2]
            price = self.price(None, name)
        else:
            name, _, how = entry.partition("#")
            vendor, _, model = name.partition("/")
            listed = self._edition(kind)
            found = listed.find(vendor, model) if listed else None
            price = found.price if found else None
        return price and price.processed(how)
