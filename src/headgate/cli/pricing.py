"""`headgate prices`: the price list."""

from __future__ import annotations

from typing import Any

from headgate.catalog import Catalog, Price, limits, price_list
from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import FAILED, OK
from headgate.registry import suggest


def list_(vendor: str | None = None, /, *, json: Json = False) -> int:
    """List the models whose price is built in, all vendors' or one's.

    Parameters
    ----------
    vendor
        As the list calls it: openai, anthropic, google, aws, ...
    json
        Print JSON.
    """
    known = price_list()
    if vendor is not None and vendor not in known.vendors:
        output.complain(f"headgate: the price list has no vendor '{vendor}'{suggest(vendor, known.vendors)}")
        output.complain("Try 'headgate prices list'.")
        return FAILED
    vendors = [vendor] if vendor else known.vendors
    rows = [_row(name, model) for name in vendors for model in known.names(name)]
    if json:
        output.json(rows)
    else:
        columns = ("model", "input $/M", "output $/M")
        output.table(columns, [[row["model"], *_cells(row["price"])] for row in rows])
    return OK


def show(model: str, /, *, config: ConfigFile = None, json: Json = False) -> int:
    """Show what one model costs, and how much it takes.

    Parameters
    ----------
    model
        vendor/model, or a name under 'prices' of the configuration.
    config
        The file whose 'prices' count; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    price = Catalog(load_or_starter(config)[0].prices).price(None, model)
    if price is None:
        vendor = model.partition("/")[0]
        known = price_list().vendors
        hint = "" if vendor in known else suggest(vendor, known)
        output.complain(f"headgate: the price of '{model}' is not known{hint}")
        output.complain("Try 'headgate prices list', or write it under 'prices' of headgate.yaml.")
        return FAILED
    row = _described(model, price)
    if json:
        output.json(row)
        return OK
    output.table(("", ""), [[name, f"${value}"] for name, value in row["price"].items()])
    for tier in row["tiers"]:
        output.say(f"over {tier['over_tokens']:,} prompt tokens:")
        output.table(("", ""), [[name, f"${value}"] for name, value in tier["price"].items()])
    output.say(f"per million tokens, from {price.name}; searches and requests by the thousand")
    return OK


def _row(vendor: str, model: str) -> dict[str, Any]:
    found = price_list().find(vendor, model)
    price = found.price if found else None
    return {"model": f"{vendor}/{model}", "price": price.per_million() if price else None}


def _described(model: str, price: Price) -> dict[str, Any]:
    vendor, _, name = model.partition("/")
    known = limits(vendor, name)
    return {
        "model": model,
        "source": price.name,
        "price": price.per_million(),
        "tiers": [{"over_tokens": start, "price": price.per_million(rates)} for start, rates in price.tiers],
        "context_window": known.context_window if known else None,
        "max_output_tokens": known.max_output_tokens if known else None,
    }


def _cells(price: dict[str, str] | None) -> list[str]:
    return [(price or {}).get(name, "unknown") for name in ("input_tokens", "output_tokens")]
