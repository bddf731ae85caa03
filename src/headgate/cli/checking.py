"""`headgate check --production`: a configuration and where it runs, held against the lessons of production."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from headgate.alerts.objectives import ObjectiveStanding, objectives_in
from headgate.cli import output
from headgate.cli.client import Reach, Refused, everything, reached
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.config import Config, Secrets, load
from headgate.config.loader import read_text
from headgate.config.places import placed
from headgate.config.price_lists import catalog_of
from headgate.config.source import Source
from headgate.production import LESSONS, Facts, Finding, Machine, Records, Report, Standing, Unseen, report
from headgate.production.facts import LONG_S, KeyFacts
from headgate.production.looking import hardest, look, owners
from headgate.registry import suggest


def check_production(
    path: Path, secrets: Secrets, *, replicas: int, backups: Path | None, accept: Sequence[str], json: bool
) -> int:
    """Say what production would teach about a configuration that is otherwise fine. `secrets` is what its references to
    files and commands gave when it was found so.
    """
    names = [lesson.name for lesson in LESSONS]
    for each in accept:
        if each not in names:
            raise Misused(f"there is no lesson '{each}'{suggest(each, names)}", "Try 'headgate check --production'.")
    facts = _facts(path, secrets, replicas, backups, os.environ)
    found = report(str(path), facts, LESSONS, accept)
    if json:
        output.json(found)
    else:
        _show(found)
    return OK if found.ok else FAILED


def _facts(path: Path, secrets: Secrets, replicas: int, backups: Path | None, environ: Mapping[str, str]) -> Facts:
    config = load(path, environ, secrets)
    records, why = _records(path, config)
    return Facts(
        config=config,
        source=Source(read_text(path), str(path), environ, path.parent, secrets),
        machine=Machine.here(config, path, environ, backups, time.time()),
        catalog=catalog_of(config),
        replicas=replicas,
        records=records,
        records_unseen=why,
    )


# ── the records ──


def _records(path: Path, config: Config) -> tuple[Records | None, str]:
    """What people have set up: from the database, else from the server; else why neither could be asked."""
    objectives = objectives_in(config.models)
    url = placed(config, path.parent).storage.database or ""
    try:
        return asyncio.run(look(url, time.time_ns() // 1000, objectives)), ""
    except Unseen as error:
        why = str(error)
    if not os.environ.get("HEADGATE_URL"):
        return None, f"{why}; set HEADGATE_URL and HEADGATE_ADMIN_KEY to ask a server"
    try:
        with reached(Reach(config=path)) as client:
            keys = everything(client, "/keys")
            budgets = everything(client, "/budgets")
            callers = client.ask("GET", "/ledger/totals", query={"by": "key", "from": _days_ago(30)})
            stand = client.ask("GET", "/objectives")["data"] if objectives.by_model else []
    except (CannotRun, Refused) as error:
        return None, f"{why}; the server was asked: {error}"
    return Records(
        keys=[
            KeyFacts(
                id=each["id"],
                name=each["name"],
                roles=each["roles"],
                expires=each["expires_at"] is not None and each["expires_at"] < _days_ago(-LONG_S / 86_400),
                owners=owners(each["team"], each["project"], each["user"]),
            )
            for each in keys
            if each["status"] == "live"
        ],
        budgets=hardest((each["subject"], each["hard"]) for each in budgets),
        callers=frozenset(each["group"]["key"] for each in callers["data"]),
        objectives=msgspec.convert(stand, list[ObjectiveStanding]),
    ), ""


def _days_ago(days: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86_400))


# ── showing it ──


def _show(found: Report) -> None:
    if sys.stdout.isatty():
        from headgate.cli.checked import draw

        draw(found)
        return
    for each in found.findings:
        output.say("\t".join(map(output.printable, _cells(each))))
    for each in (*found.themes, found.total):
        output.say("\t".join(["score", *_scored(each)]))
    for each in found.not_seen:
        output.complain(f"not looked at: {each.lesson}: {each.why}")


def _cells(finding: Finding) -> list[str]:
    return [finding.theme, weight(finding), finding.lesson, finding.where, finding.what, finding.why, finding.write]


def weight(finding: Finding) -> str:
    """How much a finding counts, in a word."""
    if finding.accepted:
        return "accepted"
    return "serious" if finding.serious else "advice"


def _scored(standing: Standing) -> list[str]:
    score = "-" if standing.score is None else str(standing.score)
    return [standing.theme, score, f"{standing.serious} serious", f"{standing.advice} advice"]
