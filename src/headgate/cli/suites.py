"""`headgate eval publish | suites | withdraw | accept`: tests that the server runs by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import given, listed, told
from headgate.cli.client import HERE, Client, Reach, Refused, everything, segment
from headgate.cli.exits import OK, CannotRun
from headgate.cli.posting import VERDICTS, percent
from headgate.cli.releasing import commit_of
from headgate.evals.problems import BadTests
from headgate.evals.publishing import gathered
from headgate.prompts.reference import SHORT

PUBLISHED = {
    "suite": lambda row: row["name"],
    "tests": lambda row: ", ".join(_tested(each) for each in row["tests"]),
    "cases": lambda row: row["cases"],
    "": lambda row: "new" if row["created"] else "another one" if row["changed"] else "was there",
}

REASONS = {
    "posted": "posted",
    "released": "no baseline yet",
    "suite_changed": "published anew",
    "model_changed": "the model changed",
    "retiring": "the model retires",
    "schedule": "schedule",
}

STANDING = {
    "suite": lambda row: row["suite"],
    "tests": lambda row: row["tests"],
    "version": lambda row: (row["version"] or "")[:SHORT],
    "last": lambda row: row["at"],
    "why": lambda row: REASONS.get(row["reason"], row["reason"]),
    "verdict": lambda row: row["verdict"],
    "answers that pass": lambda row: percent(row["pass_rate"]),
    "id": lambda row: row["id"],
}


def publish(
    paths: Annotated[tuple[Path, ...], Parameter(negative="")] = (Path(),),
    /,
    *,
    library: Path | None = None,
    commit: str | None = None,
    reach: Reach = HERE,
) -> int:
    """Have the server run test files by itself: what is released, and models, as 'prompts.tests' says when.

    A suite of the same name is replaced. What runs code, as assertions in Python do, is refused.

    Parameters
    ----------
    paths
        Test files, prompts, or folders of them.
    library
        The folder of prompts; else the one called 'prompts' around the tests, or their own.
    commit
        The git commit they are from; that of the folder unless given, where nothing in it is uncommitted.
    """
    try:
        suites = gathered(paths, library)
    except BadTests as error:
        raise CannotRun(f"the tests cannot be published\n{error}") from None
    first = paths[0] if paths else Path()
    commit = commit or commit_of(library or (first if first.is_dir() else first.parent))

    def work(client: Client) -> int:
        rows: list[Any] = []
        for each in suites:
            common = {"name": each.name, "file": each.file, "prompts": each.prompts, "sources": each.sources}
            body = {**common, **given(git_commit=commit)}
            rows.append(client.ask("POST", "/prompts/suites", body))
        return listed(reach, rows, PUBLISHED)

    return told(reach, work, "eval publish")


def suites(name: str | None = None, /, *, reach: Reach = HERE) -> int:
    """List the suites that the server runs by itself, with what came of each last, or why it could not be run.

    Parameters
    ----------
    name
        One alone.
    """

    def work(client: Client) -> int:
        found = everything(client, "/prompts/suites", given(name=name))
        if reach.json:
            output.json(found)
            return OK
        rows = [row for suite in found for row in _rows(suite)]
        return listed(reach, rows, STANDING, "No suite is published: 'headgate eval publish'.")

    return told(reach, work, "eval suites")


def withdraw(name: str, /, *, reach: Reach = HERE) -> int:
    """Have the server run a suite no more. What came of it stays.

    Parameters
    ----------
    name
        The suite: support/triage.
    """

    def work(client: Client) -> int:
        found = everything(client, "/prompts/suites", {"name": name})
        if not found:
            raise Refused(404, {"message": f"there is no suite called '{name}'"})
        row = client.ask("DELETE", f"/prompts/suites/{segment(found[0]['id'])}")
        if reach.json:
            output.json(row)
        else:
            output.say(output.printable(f"{name} is run no more"))
        return OK

    return told(reach, work, "eval withdraw")


def accept(test: str, /, *, reach: Reach = HERE) -> int:
    """Hold later tests against this one: it is accepted that answers are as it found them.

    Parameters
    ----------
    test
        Its id: 'headgate eval suites'.
    """

    def work(client: Client) -> int:
        row = client.ask("POST", f"/prompts/tests/{segment(test)}/accept")
        if reach.json:
            output.json(row)
        else:
            output.say(output.printable(f"{row['suite']} of {row['cell']}: {VERDICTS[row['verdict']]}"))
        return OK

    return told(reach, work, "eval accept")


def _rows(suite: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A line for each version and model that was tested, or could not be; one for a suite that has tested nothing."""
    common: dict[str, Any] = dict.fromkeys(("version", "at", "reason", "pass_rate", "id"), None)
    failing = {(each["cell"], each["version"]): each for each in suite["failures"]}
    rows: list[Mapping[str, Any]] = []
    for each in suite["newest"]:
        failure = failing.pop((each["cell"], each["version"]), None)
        verdict = VERDICTS[each["verdict"]] if failure is None else _failed(failure)
        rows.append({**each, "tests": each["cell"], "verdict": verdict})
    rows += [
        {**common, **each, "suite": suite["name"], "tests": each["cell"], "verdict": _failed(each)}
        for each in failing.values()
    ]
    if not rows:
        tests = ", ".join(_tested(each) for each in suite["tests"])
        rows.append({**common, "suite": suite["name"], "tests": tests, "reason": "", "verdict": "not tested yet"})
    return rows


def _failed(failure: Mapping[str, Any]) -> str:
    return f"COULD NOT BE TESTED: {failure['message']}"


def _tested(each: Mapping[str, Any]) -> str:
    return " @ ".join(part for part in (each["prompt"], each["model"]) if part)
