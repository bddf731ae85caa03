"""Facts about models: what they charge, how much they take, how many tokens a text is."""

from __future__ import annotations

from headgate.catalog.bound import upper_bound
from headgate.catalog.catalog import Catalog
from headgate.catalog.config import PriceConfig, PriceListConfig
from headgate.catalog.cost import Price, cost
from headgate.catalog.models import Limits, limits
from headgate.catalog.parts import Part, parts
from headgate.catalog.prices import PriceList, price_list, read_price_list

__all__ = [
    "Catalog",
    "Limits",
    "Part",
    "Price",
    "PriceConfig",
    "PriceList",
    "PriceListConfig",
    "cost",
    "limits",
    "parts",
    "price_list",
    "read_price_list",
    "upper_bound",
]
