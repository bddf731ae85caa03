"""`headgate audit`: read the log, take it out, print its key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from headgate.audit import Listed, Malformed, Query, Tampered, listed
from headgate.audit.export import csv_head, csv_line, moment
from headgate.audit.keys import public_pem
from headgate.audit.leaves import parse
from headgate.audit.listing import exported
from headgate.cli import output
from headgate.cli.audit_log import Place, beside, damaged, done, keys_of, opened, place_of, shown
from headgate.cli.configs import ConfigFile, Json, Most
from headgate.cli.exits import OK
from headgate.cli.files import check_new, writing


def export(
    file: Path,
    /,
    *,
    format_: Annotated[Literal["jsonl", "csv"] | None, Parameter(name="--format")] = None,
    config: ConfigFile = None,
) -> int:
    """Write the whole log to a file: JSON lines, and its newest checkpoint beside it, or CSV for a spreadsheet.

    Parameters
    ----------
    file
        A file that is not there yet.
    format_
        jsonl can be verified without the database. Else the file's name says it.
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    """
    place = place_of(config)
    as_csv = format_ == "csv" or (format_ is None and file.suffix == ".csv")
    check_new(file)
    if not as_csv:
        check_new(beside(file))
    try:
        records, signed = done(_export(place, file, as_csv))
    except (Tampered, Malformed) as error:
        return damaged(error)
    output.say(f"{file} is written, {output.counted(records, 'record')}.")
    if signed is not None and not as_csv:
        output.say(f"{beside(file)} is of {signed} of them. Next: 'headgate audit verify --file {file} --key KEY'.")
    elif not as_csv:
        output.complain("Nothing is signed yet, so there is no checkpoint to verify it with.")
    return OK


def list_(
    *,
    organisation: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    outcome: Literal["done", "denied", "failed"] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Most = 50,
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """List records, the newest first.

    Parameters
    ----------
    organisation
        Whose.
    actor
        Who did it: key:…, user:…, system, shell:…, unknown.
    action
        What was done: keys.create; 'keys.*' for all that begins so.
    subject
        On what, as kind:id.
    outcome
        How it ended.
    since
        From this time on, UTC where it says no other.
    until
        Before this time.
    limit
        How many at most.
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    query = Query(
        organisation=organisation,
        actor=actor,
        action=action,
        subject=subject,
        outcome=outcome,
        since_us=_microseconds(since),
        until_us=_microseconds(until),
        limit=limit,
    )
    try:
        found = done(_listed(place_of(config), query))
    except Malformed as error:
        return damaged(error)
    if json:
        output.json(found)
        return OK
    if not found:
        output.complain("No records fit. Try 'headgate audit list'.")
        return OK
    columns = ("position", "at", "actor", "address", "action", "subject", "outcome")
    output.table(columns, [_cells(each, columns[2:]) for each in found])
    return OK


def key(*, pem: Annotated[bool, Parameter(negative="")] = False, config: ConfigFile = None, json: Json = False) -> int:
    """Print the public key that checks the log, for whoever is to check it. Keep it elsewhere than the log.

    Parameters
    ----------
    pem
        The key alone, as PEM.
    config
        The file that says where the log is; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    verifier, *_ = keys_of(None, place_of(config))
    if json:
        output.json(
            {"origin": verifier.name, "id": verifier.id.hex(), "key": str(verifier), "pem": public_pem(verifier)}
        )
    else:
        output.say(public_pem(verifier).rstrip() if pem else str(verifier))
    return OK


async def _export(place: Place, file: Path, as_csv: bool) -> tuple[int, int | None]:
    """How many records were written, and of how many the checkpoint is."""
    async with opened(place) as database:
        checkpoint, size, pages = await exported(database)
        with writing(file), file.open("x", encoding="utf-8", newline="") as lines:
            position = 0
            if as_csv:
                lines.write(csv_head())
            async for page in pages:
                for leaf in page:
                    lines.write(csv_line(position, parse(leaf)) if as_csv else f"{leaf}\n")
                    position += 1
        if checkpoint and not as_csv:
            with writing(beside(file)), beside(file).open("x", encoding="utf-8") as note:
                note.write(checkpoint.note)
        return size, checkpoint.size if checkpoint else None


async def _listed(place: Place, query: Query) -> list[Listed]:
    async with opened(place) as database:
        return await listed(database, query)


def _microseconds(time: datetime | None) -> int | None:
    if time is None:
        return None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _cells(found: Listed, names: Sequence[str]) -> list[str]:
    record = found.record
    return [str(found.position), moment(record["at_us"]), *(shown(record.get(name)) for name in names)]
