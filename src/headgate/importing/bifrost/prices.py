"""Prices that governance says in place of Bifrost's own list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf
from typing import Any

from headgate.importing.bifrost.keys import ALL
from headgate.importing.bifrost.providers import Entry
from headgate.importing.prices import PRICES, PriceList, per_million
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.providers.row import find_row

Tree = dict[str, Any]

_SILENT = ("id", "name", "request_types", "config_hash", "virtual_key_id", "provider_key_name")


class Prices:
    """Reads them."""

    def __init__(self, entries: Mapping[str, Entry], report: Report) -> None:
        self._entries = entries
        self._report = report
        self._list = PriceList(report, "Bifrost")

    def read(self, block: Section) -> Tree:
        """The block `prices`."""
        found: Tree = {}
        for override in block.sections("pricing_overrides", "prices"):
            made = self._override(override)
            if made is None:
                self._report.cannot(
                    "prices", override.place, "is left out",
                    why="a price here is of a model at a vendor, or of all whose names begin alike, per token; one "
                    "that is said in part is completed for one model only",
                    do="write it under prices: docs/prices.md",
                )  # fmt: skip
                continue
            name, price = made
            found[name] = price
            self._report.carries("prices", override.place, f"is the price of {name}")
        return found

    def _override(self, override: Section) -> tuple[str, Tree] | None:
        """What has a price, and which; None where that cannot be said here."""
        scope, kind = override.take("scope_kind", "global"), override.take("match_type", "exact")
        pattern, provider = str(override.take("pattern", "")), override.take("provider_id")
        price = _price(override.take("pricing_patch"))
        for name in _SILENT:
            override.take(name)
        override.close()
        entry = self._entries.get(str(provider))
        if scope not in ("global", "provider") or kind not in ("exact", "wildcard") or (provider and entry is None):
            return None
        name = pattern if kind == "exact" or pattern.endswith(ALL) else f"{pattern}{ALL}"
        if not price or not pattern or ALL in name[:-1]:
            return None
        if not price.keys() >= {"input", "output"}:
            if entry is None or name.endswith(ALL):
                return None
            price = self._list.completed(entry.groups[0].settings["kind"], name, price)
        catalog = find_row(entry.groups[0].settings["kind"]).catalog if entry else ""
        return (f"{catalog}/{name}" if catalog else name), price


def _price(patch: Any) -> Tree:
    """A price per million tokens, of a patch as a JSON object or a text of one."""
    if isinstance(patch, str):
        try:
            patch = json.loads(patch)
        except (ValueError, RecursionError):
            return {}
    members: dict[str, Any] = patch if isinstance(patch, dict) else {}
    return {
        ours: per_million(value)
        for name, ours in PRICES.items()
        if isinstance(value := members.get(name), int | float) and not isinstance(value, bool) and 0 <= value < inf
    }
