"""`headgate prices`: the price list that counts, and putting a newer one in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headgate.catalog import Price, PriceList, PriceListConfig, limits, price_list
from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.cli.files import reading, write_whole, writing
from headgate.config import Config
from headgate.config.price_lists import NoPriceList, catalog_of, check_keys, in_force, installed, kept_path, read_signed
from headgate.config.retirements import Retiring
from headgate.errors import ConfigError
from headgate.registry import suggest


def list_(vendor: str | None = None, /, *, config: ConfigFile = None, json: Json = False) -> int:
    """List the models whose price is known, all vendors' or one's, by the list that counts.

    Parameters
    ----------
    vendor
        As the list calls it: openai, anthropic, google, aws, ...
    config
        The file that says which lists are trusted; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    known = in_force(load_or_starter(config)[0].price_list)
    if vendor is not None and vendor not in known.vendors:
        output.complain(f"headgate: the price list has no vendor '{vendor}'{suggest(vendor, known.vendors)}")
        output.complain("Try 'headgate prices list'.")
        return FAILED
    vendors = [vendor] if vendor else known.vendors
    rows = [_row(known, name, model) for name in vendors for model in known.names(name)]
    if json:
        output.json(rows)
    else:
        columns = ("model", "input $/M", "output $/M")
        output.table(columns, [[row["model"], *_cells(row["price"])] for row in rows])
        output.complain(f"{_told(known)}, from {known.source}")
    return OK


def show(model: str, /, *, config: ConfigFile = None, json: Json = False) -> int:
    """Show what one model costs, how much it takes, and when it retires.

    Parameters
    ----------
    model
        vendor/model, or a name under 'prices' of the configuration.
    config
        The file whose 'prices' count; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    loaded = load_or_starter(config)[0]
    catalog = catalog_of(loaded)
    price = catalog.price(None, model)
    if price is None:
        vendor = model.partition("/")[0]
        known = catalog.listed.vendors
        hint = "" if vendor in known else suggest(vendor, known)
        output.complain(f"headgate: the price of '{model}' is not known{hint}")
        output.complain("Try 'headgate prices list', or write it under 'prices' of headgate.yaml.")
        return FAILED
    retires = Retiring(loaded).listed(*model.split("/", 1)) if "/" in model else []
    row = _described(model, price, catalog.listed)
    row["retires"] = {kind: day.isoformat() for kind, day in retires}
    if json:
        output.json(row)
        return OK
    output.table(("", ""), [[name, f"${value}"] for name, value in row["price"].items()])
    for tier in row["tiers"]:
        output.say(f"over {tier['over_tokens']:,} prompt tokens:")
        output.table(("", ""), [[name, f"${value}"] for name, value in tier["price"].items()])
    output.say(f"per million tokens, from {price.name}; searches and requests by the thousand")
    for kind, day in retires:
        output.say(f"retires on {day} where it is asked of {kind}, as far as is known")
    return OK


def update(source: str, /, *, config: ConfigFile = None, json: Json = False) -> int:
    """Install a signed price list, from a file or an address. A server that runs takes it over within a second.

    Refused is what none of the keys under 'price_list' has signed as it is, and what is not newer than what counts.

    Parameters
    ----------
    source
        A file, or an https address.
    config
        The file that says who is trusted and where the list goes; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    loaded, _ = load_or_starter(config)
    note, offered = _offered(source, loaded)
    counting = _counting(loaded)
    same = offered.edition == counting.edition
    if not same and offered.age <= counting.age:
        output.complain(
            f"headgate: {source} is refused: its {_told(offered)} are not newer than the {_told(counting)} that count"
        )
        output.complain("Ask for a list of a later date, or of a higher revision.")
        return FAILED
    changes = compare(counting, offered)
    if not same:
        _install(note, loaded.price_list)
    if json:
        output.json({"installed": not same, "edition": offered.edition, "before": counting.edition, "changes": changes})
    elif same:
        output.say(f"The {_told(offered)} count already.")
    else:
        output.say(f"The {_told(offered)} count from now on: {_summary(changes)}.")
    return OK


def diff(source: str | None = None, /, *, config: ConfigFile = None, json: Json = False) -> int:
    """Show what an update would change, or what the installed list has changed of the built-in one.

    Parameters
    ----------
    source
        A file or an https address to compare with what counts; without one, the installed list and the built-in one.
    config
        The file that says which lists are trusted; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    loaded, _ = load_or_starter(config)
    if source is not None:
        before, after = _counting(loaded), _offered(source, loaded)[1]
    else:
        before, found = price_list(), installed(loaded.price_list)
        if found is None:
            raise CannotRun("no price list is installed", "Name one to compare: 'headgate prices diff FILE'.")
        after = found
    changes = compare(before, after)
    if json:
        output.json({"before": before.edition, "after": after.edition, "changes": changes})
        return OK
    columns = ("model", "what", "before", "after")
    output.table(columns, [[each[name] or "-" for name in columns] for each in changes])
    output.complain(f"{_told(before)} to {_told(after)}: {_summary(changes)}")
    return OK


def _install(note: bytes, config: PriceListConfig) -> None:
    """Put a list in the place of the installed one, which is kept beside it for the rows it has priced."""
    path = Path(config.file)
    with writing(path):
        try:
            before = installed(config)
        except ConfigError:
            before = None  # nobody could have priced anything by it
        if before is not None:
            write_whole(kept_path(config, before.edition), path.read_bytes())
        write_whole(path, note)


# ── reading lists ──


def _offered(source: str, config: Config) -> tuple[bytes, PriceList]:
    """A signed list as it came, and what is in it."""
    if not config.price_list.keys:
        raise CannotRun(
            "nobody is trusted to sign prices here",
            "Write 'price_list: {keys: [name+id+base64]}' with the public key of whoever makes the list.",
        )
    check_keys(config.price_list)
    note = _read(source)
    try:
        return note, read_signed(note, config.price_list)
    except NoPriceList as error:
        refused = CannotRun(f"{source} is refused: {error}", "Get it again from whoever makes it.")
        refused.code = FAILED
        raise refused from None


def _read(source: str) -> bytes:
    if "://" in source:
        from headgate.cli.fetching import fetch

        return fetch(source)
    with reading():
        return Path(source).read_bytes()


def _counting(config: Config) -> PriceList:
    """The list that counts; the built-in one where the installed one cannot be used, so that it can be replaced."""
    try:
        return in_force(config.price_list)
    except ConfigError as error:
        output.complain("\n".join(error.problems))
        return price_list()


# ── comparing lists ──


def compare(before: PriceList, after: PriceList) -> list[dict[str, str | None]]:
    """What differs between two lists, a row per model and rate: dollars, or tokens of a context window."""
    rows: list[dict[str, str | None]] = []
    for vendor in dict.fromkeys([*before.vendors, *after.vendors]):
        for model in dict.fromkeys([*before.names(vendor), *after.names(vendor)]):
            old, new = _flat(before, vendor, model), _flat(after, vendor, model)
            rows += [
                {"model": f"{vendor}/{model}", "what": what, "before": old.get(what), "after": new.get(what)}
                for what in dict.fromkeys([*old, *new])
                if old.get(what) != new.get(what)
            ]
    return rows


def _flat(known: PriceList, vendor: str, model: str) -> dict[str, str]:
    """All that a list says of a model."""
    entry = known.find(vendor, model)
    if entry is None:
        return {}
    found = {} if entry.context_window is None else {"context_window": str(entry.context_window)}
    for suffix, price in [("", entry.price), *((f"#{how}", each) for how, each in _ways(entry.price))]:
        if price is None:
            continue
        found |= {f"{name}{suffix}": rate for name, rate in price.per_million().items()}
        for start, rates in price.tiers:
            found |= {f"{name}{suffix}>{start}": rate for name, rate in price.per_million(rates).items()}
    return found


def _ways(price: Price | None) -> list[tuple[str, Price]]:
    return [] if price is None else list(price.variants.items())


def _summary(changes: list[dict[str, str | None]]) -> str:
    models = {str(each["model"]) for each in changes}
    return f"{output.counted(len(changes), 'change')} of {output.counted(len(models), 'model')}" if changes else "none"


def _told(known: PriceList) -> str:
    revision = f", revision {known.revision}" if known.revision else ""
    built_in = " (built in)" if known.edition == price_list().edition else ""
    return f"prices of {known.date}{revision}{built_in}"


def _row(known: PriceList, vendor: str, model: str) -> dict[str, Any]:
    found = known.find(vendor, model)
    price = found.price if found else None
    return {"model": f"{vendor}/{model}", "price": price.per_million() if price else None}


def _described(model: str, price: Price, listed: PriceList) -> dict[str, Any]:
    vendor, _, name = model.partition("/")
    known = limits(vendor, name, listed)
    return {
        "model": model,
        "source": price.name,
        "version": price.version,
        "price": price.per_million(),
        "tiers": [{"over_tokens": start, "price": price.per_million(rates)} for start, rates in price.tiers],
        "context_window": known.context_window if known else None,
        "max_output_tokens": known.max_output_tokens if known else None,
    }


def _cells(price: dict[str, str] | None) -> list[str]:
    return [(price or {}).get(name, "unknown") for name in ("input_tokens", "output_tokens")]
