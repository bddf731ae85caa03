"""What the commands of `headgate import` have in common: writing what was found, and telling of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from headgate.administration.importing import KINDS, Ids, NewImport
from headgate.cli import output
from headgate.cli.administering import told
from headgate.cli.client import Client, Reach, Refused, everything, segment
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.cli.files import writing
from headgate.importing import Report
from headgate.importing.converted import Converted
from headgate.importing.parts import parts
from headgate.importing.records import Records

_NAMED = 10
"""Keys that are named."""


class Found(NamedTuple):
    """What there is to move."""

    product: str
    """Where it comes from, for people: `LiteLLM`."""
    report: Report
    converted: Converted
    records: Records | None = None


class Asked(NamedTuple):
    """What is to be done with it."""

    reach: Reach
    """The Headgate that is to take the records; its configuration is where ours is written."""
    write: bool
    replace: bool
    records_only: bool = False
    without: str = ""
    """How to leave the records out, where there are any."""
    revoke_missing: bool = False
    """Whether keys are revoked that were imported before, and are there no more."""

    @property
    def path(self) -> Path:
        return self.reach.config or Path("headgate.yaml")


def carry_out(found: Found, asked: Asked) -> int:
    """Write what is to be written, and say what became of everything."""
    problems = found.converted.problems()
    done: dict[str, Any] | None = None
    if asked.write:
        done = {"file": None if asked.records_only else _write(found, asked)}
        if (records := found.records) is not None:
            command = f"import {found.converted.source}"
            code = told(asked.reach, lambda client: _import(client, records.whole, asked.revoke_missing, done), command)
            if code:
                return code
    if asked.reach.json:
        output.json(_json(found, problems, done))
    else:
        _say(found, problems, done, asked.path)
    return FAILED if problems else OK


# ── writing ──


def _write(found: Found, asked: Asked) -> str:
    """Write the configuration; what was done, in a word.

    Raises:
        CannotRun: there is another one, or what it refers to is not in the environment.
    """
    missing = [name for name in found.converted.variables if not os.environ.get(name)]
    if found.records is not None and missing:
        raise CannotRun(
            f"what headgate.yaml refers to is not in the environment: {', '.join(missing)}",
            f"Set them, so that its database can be opened; {asked.without}.",
        )
    path, text = asked.path, found.converted.text
    with writing(path):
        there = path.read_text("utf-8", "replace") if path.exists() else None
        if there == text:
            return "unchanged"
        if there is not None and not asked.replace:
            others = " with --replace, or leave it with --records-only." if asked.without else " with --replace."
            raise CannotRun(
                f"{path} is there already, and says something else",
                f"Name another with --output, write over it{others}",
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


def _json(found: Found, problems: list[str], done: dict[str, Any] | None) -> dict[str, Any]:
    records = found.records
    return {
        "findings": found.report.findings,
        "headgate_yaml": found.converted.text,
        "problems": problems,
        "variables": found.converted.variables,
        "records": None if records is None else {kind: len(getattr(records.whole, kind)) for kind in KINDS},
        "spent_usd": None if records is None else f"{records.spent.normalize():f}",
        "done": done,
    }


def _say(found: Found, problems: list[str], done: dict[str, Any] | None, path: Path) -> None:
    output.say(output.printable(_headline(found)))
    output.say("")
    for line in found.report.lines():
        output.say(output.printable(line))
    if found.converted.variables:
        output.say(f"Set in the environment of 'headgate serve': {', '.join(found.converted.variables)}")
    if done is None:
        output.say("Nothing is written. The same with --write does it.")
    else:
        _say_done(done, path)
    for problem in problems:
        output.complain(f"headgate: {problem}")
    if problems:
        output.complain("headgate.yaml cannot be used as it is: mend it, and try 'headgate check'.")


def _headline(found: Found) -> str:
    tree, records = found.converted.tree, found.records
    counts = [output.counted(len(tree["models"]), "model"), output.counted(len(tree["providers"]), "provider")]
    if records is not None:
        counts += [output.counted(len(getattr(records.whole, f"{noun}s")), noun) for noun in ("team", "user", "key")]
        counts.append(f"${records.spent.normalize():f} spent by keys to date")
    return f"{found.product} has {', '.join(counts)}."


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
