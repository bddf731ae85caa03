"""`/dashboard/prompts/one`: a prompt: its versions and what each comes to, labels and who moved them, tests, files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from headgate.administration import Actor
from headgate.administration.prompts import ListedView, MoveView, VersionView
from headgate.administration.reading import read
from headgate.administration.requests import (
    DiffAsked,
    MoveListing,
    NewDecision,
    NewMove,
    NewRollback,
    PromptAsked,
    PromptListing,
)
from headgate.dashboard import formats
from headgate.dashboard.asking import Asked
from headgate.dashboard.charts import Grid, chosen
from headgate.dashboard.forms import told
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.pages.prompts import PATH as ALL
from headgate.dashboard.pages.prompts import waiting
from headgate.dashboard.prompt_figures import charts, lines, tests_chart, tests_grid, versions_grid
from headgate.errors import HeadgateError, NotFound
from headgate.prompts.reference import RELEASED, SHORT

PATH = f"{ALL}/one"
DIFF = f"{ALL}/diff"
MOVES = f"{ALL}/moves"
ROLLBACK = f"{ALL}/rollback"

LISTED = 50
"""Versions, moves and tests that are shown; files have all."""

MOST = 20
"""Pages of 500 that are read of a list."""

TESTS = 500


async def page(look: Look) -> Template | Csv:
    look.need("prompts.read")
    return await _shown(look, look.asked.get("name"))


async def _shown(look: Look, name: str, *, said: str = "", problem: HeadgateError | None = None) -> Template | Csv:
    """The page, after an act with what came of it."""
    look = replace(look, asked=_about(look, name))
    actor = await look.actor()
    listed = await _listed(look, actor, name)
    versions = await _versions(look, actor, name)
    moves = await _moves(look, actor, name)
    labels = {each.version: each.labels for each in versions}
    counted = look.viewer.may("ledger.read", "metrics")
    figures = await lines(look, actor, name, labels) if counted else []
    made = await charts(look, actor, name, figures) if figures else []
    tests = await look.administration.prompt_tests.latest(actor, f"prompt:{name}", TESTS)
    if tests:
        made.append(tests_chart(tests))
    money = look.viewer.may("ledger.read")
    if csv := look.asked.get("csv"):
        tables = [versions_grid(figures, money=money), tests_grid(tests), _history(moves), _published(versions)]
        return chosen(csv, [*made, *tables])
    meant = listed.labels.get(RELEASED) or listed.latest
    values: dict[str, Any] = {
        "asked": look.asked,
        "listed": listed,
        "versions": versions[:LISTED],
        "all": len(versions),
        "moves": moves[:LISTED],
        "waiting": await waiting(look, actor, name),
        "figures": figures[:LISTED],
        "counted": counted,
        "money": money,
        "charts": made,
        "tests": list(reversed(tests))[:LISTED],
        "view": await look.administration.prompts.show(actor, PromptAsked(prompt=f"{name}@{meant}")),
        "protected": look.administration.config().prompts.protected,
        "moves_labels": look.viewer.may("prompts.label"),
        "approves": look.viewer.may("prompts.approve"),
        "short": SHORT,
        "said": said,
        "problems": told(problem),
        "form": {each: look.value(each) for each in ("label", "to", "reason")} if problem is not None else {},
    }
    status = 200 if problem is None else problem.status
    return Template(name="prompt.html", title=f"Prompt {formats.plain(name)}", values=values, status=status)


def _about(look: Look, name: str) -> Asked:
    """What is asked for, as the page of the prompt has it: also where a form was sent elsewhere."""
    return Asked(PATH, {**look.asked.fields, "name": name}, look.house.now_us())


async def _listed(look: Look, actor: Actor, name: str) -> ListedView:
    """
    Raises:
        NotFound: no such prompt is published.
    """
    found = (await look.administration.prompts.list(actor, PromptListing(name=name))).data if _fits(name) else []
    if not found:
        raise NotFound(f"No prompt '{formats.plain(name[:100])}' is published.")
    return found[0]


def _fits(name: str) -> bool:
    return 0 < len(name) <= 300


async def _versions(look: Look, actor: Actor, name: str) -> Sequence[VersionView]:
    """The newest first."""
    found: list[VersionView] = []
    cursor: str | None = None
    for _ in range(MOST):
        part = await look.administration.prompts.versions(actor, PromptListing(name=name, limit=500, cursor=cursor))
        found += part.data
        if (cursor := part.next) is None:
            break
    return found[::-1]


async def _moves(look: Look, actor: Actor, name: str) -> Sequence[MoveView]:
    """The newest first."""
    found: list[MoveView] = []
    cursor: str | None = None
    for _ in range(MOST):
        part = await look.administration.prompts.moves(actor, MoveListing(name=name, limit=500, cursor=cursor))
        found += part.data
        if (cursor := part.next) is None:
            break
    return found[::-1]


def _history(moves: Sequence[MoveView]) -> Grid:
    names = (
        "id", "label", "kind", "status", "from_version", "to_version", "asked_by", "asked_at", "reason", "decided_by",
        "decided_at", "decision",
    )  # fmt: skip
    return Grid(id="history", heads=names, rows=[[getattr(each, name) for name in names] for each in moves])


def _published(versions: Sequence[VersionView]) -> Grid:
    heads = ["version", "labels", "published_at", "published_by", "git_commit", "note"]
    rows = [
        [each.version, " ".join(each.labels), each.published_at, each.published_by, each.git_commit, each.note]
        for each in versions
    ]
    return Grid(id="published", heads=heads, rows=rows)


# ── two versions ──


async def diff(look: Look) -> Template | Csv:
    look.need("prompts.read")
    name = look.asked.get("name")
    actor = await look.actor()
    listed = await _listed(look, actor, name)
    versions = await _versions(look, actor, name)
    after = look.asked.get("after") or listed.latest
    before = look.asked.get("before") or _other(listed, versions, after)
    asked = DiffAsked(before=f"{name}@{before}"[:300], after=f"{name}@{after}"[:300])
    found = await look.administration.prompts.diff(actor, asked)
    values: dict[str, Any] = {
        "name": name,
        "before": found.before.rpartition("@")[2],
        "after": found.after.rpartition("@")[2],
        "found": found,
        "choices": versions,
        "short": SHORT,
        "kind": _kind,
    }
    return Template(name="prompt_diff.html", title=f"Diff of {formats.plain(name)}", values=values)


def _other(listed: ListedView, versions: Sequence[VersionView], after: str) -> str:
    """What a version is held against where nobody says: what is released, or the one published before it."""
    released = listed.labels.get(RELEASED)
    if released is not None and released != after:
        return released
    at = next((number for number, each in enumerate(versions) if each.version == after), 0)
    return versions[min(at + 1, len(versions) - 1)].version


def _kind(line: str) -> str:
    """What a line of a diff says."""
    return {"+": "add", "-": "gone", "@": "at"}.get(line[:1], "same")


# ── acts ──


async def move(look: Look) -> Template | Csv:
    look.need("prompts.label")
    fields = _fields(look, "name", "label", "to", "reason")
    try:
        made = await look.administration.prompts.move(await look.actor(), read(NewMove, fields))
    except HeadgateError as error:
        return await _shown(look, look.value("name"), problem=error)
    return await _shown(look, made.name, said=_said(made))


async def rollback(look: Look) -> Template | Csv:
    look.need("prompts.label")
    fields = _fields(look, "name", "label", "reason")
    try:
        made = await look.administration.prompts.rollback(await look.actor(), read(NewRollback, fields))
    except HeadgateError as error:
        return await _shown(look, look.value("name"), problem=error)
    return await _shown(look, made.name, said=_said(made))


async def approve(look: Look) -> Template | Csv:
    look.need("prompts.approve")
    try:
        request = read(NewDecision, _fields(look, "reason"))
        made = await look.administration.prompts.approve(await look.actor(), look.params["id"], request)
    except HeadgateError as error:
        return await _shown(look, look.value("name"), problem=error)
    return await _shown(look, made.name, said=_said(made))


async def refuse(look: Look) -> Template | Csv:
    look.need("prompts.approve")
    try:
        request = read(NewDecision, _fields(look, "reason"))
        made = await look.administration.prompts.refuse(await look.actor(), look.params["id"], request)
    except HeadgateError as error:
        return await _shown(look, look.value("name"), problem=error)
    return await _shown(look, made.name, said=_said(made))


def _fields(look: Look, *names: str) -> dict[str, Any]:
    return {name: look.value(name) for name in names if look.value(name)}


def _said(made: MoveView) -> str:
    what = f"“{made.name}@{made.label}”"
    match made.status:
        case "waiting":
            to = "is taken away" if made.to_version is None else f"moves to {made.to_version[:SHORT]}"
            return f"{what} {to} once a second person approves."
        case "refused":
            return f"{what} stays where it is."
        case _:
            return f"{what} stands for {(made.to_version or 'nothing')[:SHORT]} now."
