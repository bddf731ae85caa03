"""`headgate ledger`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from headgate.administration.ledger import price_of
from headgate.administration.values import microseconds
from headgate.cli import output
from headgate.cli.administering import given, listed, pairs_of, told
from headgate.cli.client import HERE, Client, Reach, segment
from headgate.cli.configs import Most, OutputFile, load_or_starter
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import reading, writing
from headgate.cli.keys import Flag, Several
from headgate.config import Config
from headgate.config.price_lists import catalog_of
from headgate.ledger.exports import COLUMNS
from headgate.ledger.exports.columns import rfc3339
from headgate.ledger.reconcile import Comparison, Export, UnreadableExport, compare, corrections, read_all, shown, text
from headgate.money import format_usd, from_decimal
from headgate.storage.records import LedgerRow
from headgate.types import Usage

From = Annotated[str | None, Parameter(name="--from")]

AT_ONCE = 500
"""Corrections of one request."""

_ROWS = {
    "started": lambda row: row["started_at"],
    "attempt": lambda row: row["id"],
    "key": lambda row: row["key_id"],
    "model": lambda row: row["model"],
    "target": lambda row: row["target"],
    "cause": lambda row: row["cause"],
    "code": lambda row: row["code"] or "ok",
    "in": lambda row: row["input_tokens"] + row["cached_tokens"],
    "out": lambda row: row["output_tokens"],
    "cost": lambda row: "unknown" if row["cost_usd"] is None else f"${row['cost_usd']}",
}

_TOTALS = {
    "calls": lambda row: row["calls"],
    "attempts": lambda row: row["attempts"],
    "in": lambda row: row["tokens"]["input_tokens"] + row["tokens"]["cached_tokens"],
    "out": lambda row: row["tokens"]["output_tokens"],
    "cost": lambda row: f"${row['cost_usd']}",
    "unpriced": lambda row: row["unpriced"] or "",
    "estimated": lambda row: row["estimated"] or "",
}


def list_(
    *,
    key: Annotated[str | None, Parameter(name="--of-key")] = None,
    team: str | None = None,
    model: str | None = None,
    call: str | None = None,
    from_: From = None,
    to: str | None = None,
    limit: Most = 50,
    reach: Reach = HERE,
) -> int:
    """List attempts, the newest first.

    Parameters
    ----------
    key
        Of this key alone, by id or name.
    team
        Of this team alone, by id or name.
    model
        Of this model alone.
    call
        Of this call alone: what x-headgate-request-id told.
    from_
        Begun from this time on: 2026-11-01T00:00:00Z.
    to
        Begun before this time.
    limit
        Most rows.
    """
    query = given(key=key, team=team, model=model, call=call, to=to, **{"from": from_})
    nothing = (
        "No attempts fit. Try 'headgate ledger list'." if query else "There are no attempts yet: a call makes one."
    )

    def work(client: Client) -> int:
        rows: list[Any] = []
        cursor: str | None = None
        while len(rows) < limit:
            page = client.ask("GET", "/ledger", query={**query, "limit": min(500, limit - len(rows)), "cursor": cursor})
            rows += page["data"]
            cursor = page["next"]
            if cursor is None:
                break
        return listed(reach, rows, _ROWS, nothing)

    return told(reach, work, "ledger list")


def totals(
    *by: str,
    key: Annotated[str | None, Parameter(name="--of-key")] = None,
    team: str | None = None,
    from_: From = None,
    to: str | None = None,
    reach: Reach = HERE,
) -> int:
    """Show what attempts add up to.

    Parameters
    ----------
    by
        What to group by: key, team, project, user, customer, model, target, operation, prompt, cause, day, tag:NAME.
    key
        Of this key alone, by id or name.
    team
        Of this team alone, by id or name.
    from_
        Begun from this time on: 2026-11-01T00:00:00Z.
    to
        Begun before this time.
    """
    query = {**given(key=key, team=team, to=to), "from": from_, "by": list(by)}
    columns = {name: _group(name) for name in by} | _TOTALS
    return told(
        reach,
        lambda client: listed(reach, client.ask("GET", "/ledger/totals", query=query)["data"], columns),
        "ledger totals",
    )


def export(
    *,
    format: Literal["csv", "jsonl", "parquet", "focus"] = "jsonl",
    team: str | None = None,
    from_: From = None,
    to: str | None = None,
    output_: OutputFile = None,
    reach: Reach = HERE,
) -> int:
    """Write attempts to a file, the oldest first.

    Parameters
    ----------
    format
        focus is the FinOps Open Cost and Usage Specification, as CSV.
    team
        Of this team alone, by id or name.
    from_
        Begun from this time on: 2026-11-01T00:00:00Z.
    to
        Begun before this time.
    output_
        The file; else standard output.
    """
    query = {**given(format=format, team=team, to=to), "from": from_}
    if output_ is None and format == "parquet" and sys.stdout.isatty():
        raise Misused("a Parquet file is nothing for a terminal", "Name a file with --output.")
    return told(reach, lambda client: exported(client.download("/ledger/export", query), output_), "ledger export")


def statement(
    team: str,
    month: str,
    /,
    *,
    format: Literal["text", "csv", "json"] | None = None,
    output_: OutputFile = None,
    reach: Reach = HERE,
) -> int:
    """Show what a team used in a month of its own calendar.

    Parameters
    ----------
    team
        Its id or name; '*' for the whole organisation.
    month
        2026-11.
    format
        How: as text unless given.
    output_
        The file; else standard output.
    """
    kind = format or ("json" if reach.json else "text")
    path = f"/statements/{segment(team)}/{segment(month)}"

    def work(client: Client) -> int:
        if kind == "json" and output_ is None:
            output.json(client.ask("GET", path))
            return OK
        return exported(client.download(path, {"format": kind}), output_)

    return told(reach, work, "ledger statement")


def reconcile(
    *files: Path,
    provider: Several = None,
    vendor_key: Several = None,
    correct: Flag = False,
    reach: Reach = HERE,
) -> int:
    """Compare the ledger with a vendor's own account of what was used: its usage or cost export, JSON or CSV.

    Fails where they differ by more than estimates explain.

    Parameters
    ----------
    files
        Exports of OpenAI's or Anthropic's, of one account.
    provider
        The configuration's name for that account; those of the vendor's kind unless given. May be given more than once.
    vendor_key
        Compare by key: the vendor's id of a key, and the provider that uses it: key_abc=openai. May be given more than
        once.
    correct
        Record corrections, so that the ledger says what the vendor does.
    """
    if not files:
        raise Misused("no export was named", "Try 'headgate ledger reconcile --help'.")
    config, _ = load_or_starter(reach.config)
    exports = _exports(files)

    def work(client: Client) -> int:
        rows = _rows(client, exports)
        organisation = client.ask("GET", "/whoami")["acting_in"]
        compared = _compared(rows, exports, provider, vendor_key, config, organisation)
        made = corrections(compared) if correct else []
        recorded = _recorded(client, made)
        if reach.json:
            output.json({**shown(compared, made), "recorded": recorded})
        else:
            output.say(text(compared, made).rstrip("\n"))
            if correct:
                output.say(f"{output.counted(recorded, 'correction')} recorded.")
            elif compared.verdict != "equal":
                output.say("To have the ledger say what the vendor does: the same with --correct.")
        return FAILED if compared.verdict == "different" and not correct else OK

    return told(reach, work, "ledger reconcile")


# ── exports ──


def exported(pieces: Iterator[bytes], file: Path | None) -> int:
    """Write an export to a file, which is there only once it is whole, or to standard output."""
    if file is None:
        seen = sys.stdout.isatty()
        for piece in pieces:
            if seen:
                sys.stdout.write(_visible(piece.decode("utf-8", "replace")))
            else:
                sys.stdout.flush()
                sys.stdout.buffer.write(piece)
        return OK
    with writing(file):
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        part = file.with_name(f".{file.name}.part")
        written = part.open("wb")
        try:
            with written:
                for piece in pieces:
                    written.write(piece)
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)
    output.complain(f"{file} is written.")
    return OK


def _visible(text: str) -> str:
    return "".join(each if each.isprintable() or each in "\r\n" else "\N{REPLACEMENT CHARACTER}" for each in text)


def _group(name: str) -> Any:
    return lambda row: row["group"][name]


# ── comparing with a vendor ──


def _exports(files: Sequence[Path]) -> list[Export]:
    try:
        with reading():
            return read_all((str(file), file.read_bytes()) for file in files)
    except UnreadableExport as error:
        raise CannotRun(str(error), "Try 'headgate ledger reconcile --help'.") from None


def _compared(
    rows: Iterable[LedgerRow],
    exports: Sequence[Export],
    provider: Sequence[str] | None,
    vendor_key: Sequence[str] | None,
    config: Config,
    organisation: str,
) -> Comparison:
    vendor = exports[0].vendor
    keys = pairs_of(vendor_key) if vendor_key else None
    providers = provider or (
        sorted(set(keys.values())) if keys else [name for name, each in config.providers.items() if each.kind == vendor]
    )
    if not providers:
        raise Misused(f"the configuration has no provider of kind '{vendor}'", "Name one with --provider.")
    catalog = catalog_of(config)
    try:
        return compare(
            rows,
            exports,
            providers,
            price_of(catalog),
            lambda model: catalog.price(vendor, model),
            organisation=organisation,
            keys=keys,
        )
    except UnreadableExport as error:
        raise CannotRun(str(error), "Try 'headgate ledger reconcile --help'.") from None


def _rows(client: Client, exports: Sequence[Export]) -> list[LedgerRow]:
    """The ledger's rows of the time that the exports cover."""
    span = {
        "from": rfc3339(min(each.from_us for each in exports)),
        "to": rfc3339(max(each.to_us for each in exports)),
        "format": "jsonl",
    }
    rows: list[LedgerRow] = []
    rest = b""
    for piece in client.download("/ledger/export", span):
        *lines, rest = (rest + piece).split(b"\n")
        rows += [row_of(msgspec.json.decode(line)) for line in lines]
    return rows


def row_of(told: dict[str, Any]) -> LedgerRow:
    """The row that an export tells."""
    usage = {name: told[name] for name in Usage.__struct_fields__}
    fields: dict[str, Any] = {"usage": Usage(**usage)}
    for column in COLUMNS:
        value = told[column.name]
        match column.kind:
            case "money":
                name = column.name.removesuffix("_usd") + "_picodollars"
                fields[name] = None if value is None else from_decimal(Decimal(value))
            case "time":
                fields[column.name.removesuffix("_at") + "_us"] = microseconds(datetime.fromisoformat(value))
            case "tags":
                fields[column.name] = tuple(value.items())
            case "list":
                fields[column.name] = tuple(value)
            case _ if column.name not in usage:
                fields[column.name] = value
            case _:
                pass
    return LedgerRow(**fields)


def _recorded(client: Client, made: Sequence[LedgerRow]) -> int:
    """Record corrections; how many were not there yet."""
    recorded = 0
    for start in range(0, len(made), AT_ONCE):
        some = [_correction(row) for row in made[start : start + AT_ONCE]]
        recorded += client.ask("POST", "/ledger/corrections", {"corrections": some})["recorded"]
    return recorded


def _correction(row: LedgerRow) -> dict[str, Any]:
    usage = {name: count for name in Usage.__struct_fields__ if (count := getattr(row.usage, name))}
    return {
        "id": row.id,
        "parent": row.parent,
        "usage": usage,
        "cost_usd": None if row.cost_picodollars is None else format_usd(row.cost_picodollars),
        "model": row.model,
        "target": row.target,
        "started_at": rfc3339(row.started_us),
        "price_version": row.price_version,
    }
