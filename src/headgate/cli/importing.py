"""`headgate import`: moving in from another gateway."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.access.minting import digest
from headgate.administration.importing import KINDS, Ids, NewImport
from headgate.cli import output
from headgate.cli.administering import told
from headgate.cli.client import Client, Reach, Refused, everything, segment
from headgate.cli.configs import Json, OutputFile
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import reading, writing
from headgate.errors import ConfigError, StoreUnavailable
from headgate.importing import Report
from headgate.importing.litellm import Converted, Records, convert, read_file, read_tables, records_of
from headgate.importing.parts import parts

_NAMED = 10
"""Keys that are named."""

Flag = Annotated[bool, Parameter(negative="")]


def litellm(
    *,
    config: Annotated[Path, Parameter(name=["--config", "-c"])],
    database: str | None = None,
    write: Flag = False,
    output_: Annotated[OutputFile, Parameter(name=["--output", "-o"])] = None,
    replace: Flag = False,
    records_only: Flag = False,
    revoke_missing: Flag = False,
    url: str | None = None,
    key: str | None = None,
    organisation: str | None = None,
    json: Json = False,
) -> int:
    """Move in from LiteLLM's proxy. Changes nothing unless told to write, and says what becomes of everything.

    Parameters
    ----------
    config
        LiteLLM's config.yaml.
    database
        LiteLLM's own database: postgresql://user:password@host:5432/name. It is only read.
    write
        Write headgate.yaml, and with a database what it has into ours. Again is fine: what is there stays.
    output_
        Where to write the configuration; ./headgate.yaml unless given.
    replace
        Write over a configuration that is there and says something else.
    records_only
        Leave the configuration that is there as it is, and bring in the database's rows alone.
    revoke_missing
        Revoke keys that were imported before and are in LiteLLM's database no more: deleted there, or rotated.
    url
        The address of the Headgate that is to take the rows; else HEADGATE_URL, else that of the configuration.
    key
        A key that may do that; better in HEADGATE_ADMIN_KEY.
    organisation
        Another organisation than the key's own.
    json
        Print JSON.
    """
    if records_only and database is None:
        raise Misused("--records-only needs a database", "Name it with --database.")
    report = Report()
    with reading("Name LiteLLM's config.yaml with --config."):
        tree = read_file(config)
    converted = convert(tree, report)
    records = None if database is None else _records(database, converted, tree, report)
    problems = converted.problems()
    path = output_ or Path("headgate.yaml")
    done: dict[str, Any] | None = None
    if write:
        done = {"file": None if records_only else _write(path, converted, replace, records is not None)}
        if records is not None:
            reach = Reach(config=path, url=url, key=key, organisation=organisation, json=json)
            code = told(reach, lambda client: _import(client, records.whole, revoke_missing, done), "import litellm")
            if code:
                return code
    if json:
        output.json(_json(report, converted, records, problems, done))
    else:
        _say(report, converted, records, problems, done, path)
    return FAILED if problems else OK


def _records(url: str, converted: Converted, tree: Mapping[str, Any], report: Report) -> Records:
    try:
        tables = asyncio.run(read_tables(url))
    except StoreUnavailable as error:
        raise CannotRun(f"LiteLLM's database: {error.message}", "Check --database.") from None
    except ConfigError as error:
        wrong = "; ".join(error.problems).replace("storage.database: ", "--database ")
        raise CannotRun(wrong, "Check --database.") from None
    return records_of(tables, converted, report, datetime.now(UTC), _administrators(tree))


def _administrators(tree: Mapping[str, Any]) -> frozenset[str]:
    """Digests of the keys that are to be HEADGATE_ADMIN_KEY, and no rows."""
    general = tree.get("general_settings")
    master = general.get("master_key") if isinstance(general, dict) else None
    name = master.removeprefix("os.environ/") if isinstance(master, str) else ""
    candidates = [
        os.environ.get("HEADGATE_ADMIN_KEY"),
        os.environ.get("LITELLM_MASTER_KEY"),
        os.environ.get(name) if isinstance(master, str) and master.startswith("os.environ/") else master,
    ]
    return frozenset(digest(each.encode()).hex() for each in candidates if isinstance(each, str) and each)


# ── writing ──


def _write(path: Path, converted: Converted, replace: bool, records: bool) -> str:
    """Write the configuration; what was done, in a word.

    Raises:
        CannotRun: there is another one, or what it refers to is not in the environment.
    """
    missing = [name for name in converted.variables if not os.environ.get(name)]
    if records and missing:
        raise CannotRun(
            f"what headgate.yaml refers to is not in the environment: {', '.join(missing)}",
            "Set them, so that its database can be opened; or leave out --database.",
        )
    text = converted.text
    with writing(path):
        there = path.read_text("utf-8", "replace") if path.exists() else None
        if there == text:
            return "unchanged"
        if there is not None and not replace:
            raise CannotRun(
                f"{path} is there already, and says something else",
                "Name another with --output, write over it with --replace, or leave it with --records-only.",
            )
        path.write_text(text, "utf-8")
    return "written" if there is None else "replaced"


def _import(client: Client, whole: NewImport, revoke_missing: bool, done: dict[str, Any]) -> int:
    """Hand everything to whoever administers."""
    sums: dict[str, Any] = {"made": dict.fromkeys(KINDS, 0), "known": dict.fromkeys(KINDS, 0), "left": []}
    sums |= {"revoked": 0, "archived": 0}
    for number, part in enumerate(parts(whole)):
        try:
            made = client.ask("POST", "/imports", part)
        except (Refused, CannotRun):
            if number:
                output.complain(
                    f"headgate: {output.counted(number, 'part')} before it went in, and stays. Run it again."
                )
            raise
        for name in ("made", "known"):
            for kind, count in made[name].items():
                sums[name][kind] += count
        for name in ("revoked", "archived", "left"):
            sums[name] += made[name]
    missing = _missing(client, whole)
    if revoke_missing:
        for each in missing:
            client.ask("POST", f"/keys/{segment(each['id'])}/revoke")
        sums["revoked"] += len(missing)
    sums["missing"] = [] if revoke_missing else [each["name"] for each in missing]
    done["records"] = sums
    return OK


def _missing(client: Client, whole: NewImport) -> list[dict[str, Any]]:
    """Keys that open something here, and were imported before, and are not there any more."""
    ids = Ids(client.ask("GET", "/whoami")["acting_in"], whole.source)
    there, beginning = {ids.of("key", key.id) for key in whole.keys}, ids.beginning("key")
    return [
        each
        for each in everything(client, "/keys", {"status": "live"})
        if each["id"].startswith(beginning) and each["id"] not in there
    ]


# ── telling ──


def _json(
    report: Report,
    converted: Converted,
    records: Records | None,
    problems: list[str],
    done: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "findings": report.findings,
        "headgate_yaml": converted.text,
        "problems": problems,
        "variables": converted.variables,
        "records": None if records is None else {kind: len(getattr(records.whole, kind)) for kind in KINDS},
        "spent_usd": None if records is None else f"{records.spent.normalize():f}",
        "done": done,
    }


def _say(
    report: Report,
    converted: Converted,
    records: Records | None,
    problems: list[str],
    done: dict[str, Any] | None,
    path: Path,
) -> None:
    output.say(output.printable(_headline(converted, records)))
    output.say("")
    for line in report.lines():
        output.say(output.printable(line))
    if converted.variables:
        output.say(f"Set in the environment of 'headgate serve': {', '.join(converted.variables)}")
    if done is None:
        output.say("Nothing is written. 'headgate import litellm … --write' does it.")
    else:
        _say_done(done, path)
    for problem in problems:
        output.complain(f"headgate: {problem}")
    if problems:
        output.complain("headgate.yaml cannot be used as it is: mend it, and try 'headgate check'.")


def _headline(converted: Converted, records: Records | None) -> str:
    parts = [
        output.counted(len(converted.tree["models"]), "model"),
        output.counted(len(converted.tree["providers"]), "provider"),
    ]
    if records is not None:
        parts += [output.counted(len(getattr(records.whole, f"{noun}s")), noun) for noun in ("team", "user", "key")]
        parts.append(f"${records.spent.normalize():f} spent by keys to date")
    return f"LiteLLM has {', '.join(parts)}."


def _say_done(done: Mapping[str, Any], path: Path) -> None:
    file = done["file"]
    output.say(f"{path} is left as it is." if file is None else f"{path} is {file}.")
    sums = done.get("records")
    if sums is None:
        return
    made = ", ".join(f"{count} {kind}" for kind, count in sums["made"].items() if count)
    known = sum(sums["known"].values())
    output.say(f"Rows made: {made or 'none'}; there already: {known}; keys revoked since: {sums['revoked']}.")
    if sums["archived"]:
        output.say(f"Teams and projects archived since: {sums['archived']}.")
    if missing := sums["missing"]:
        named = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
        output.say(
            output.printable(f"Not there any more, and open here still: {named}. --revoke-missing revokes them.")
        )
    for each in sums["left"]:
        output.say(output.printable(f"Left out: {each}"))
