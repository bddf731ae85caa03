"""`/dashboard/prompts/one`: a prompt: its versions and what each comes to, labels and who moved them, tests, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from headgate.administration import Actor
from headgate.administration.prompts import ListedView, MoveView, PromptView, VersionView
from headgate.administration.reading import read
from headgate.administration.requests import (
    MoveListing,
    NewDecision,
    NewMove,
    NewRollback,
    PromptAsked,
    PromptListing,
)
from headgate.dashboard import formats, tested
from headgate.dashboard.asking import Asked
from headgate.dashboard.charts import Grid, chosen
from headgate.dashboard.forms import told
from headgate.dashboard.label_history import taken_away, ways_back
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.pages.prompts import PATH as ALL
from headgate.dashboard.pages.prompts import meant, waiting
from headgate.dashboard.prompt_figures import LISTED, charts, lines, versions_grid
from headgate.errors import HeadgateError, NotFound
from headgate.prompts.reference import SHORT, Malformed, parse

PATH = f"{ALL}/one"
MOVES = f"{ALL}/moves"
ROLLBACK = f"{ALL}/rollback"

MOST = 20
"""Pages of 500 that are read of a list."""


async def page(look: Look) -> Template | Csv:
    look.need("prompts.read")
    return await _shown(look, look.asked.get("name"))


async def _shown(look: Look, name: str, *, said: str = "", problem: HeadgateError | None = None) -> Template | Csv:
    """The page, after an act with what came of it."""
    look = replace(look, asked=_about(look, name))
    actor = await look.actor()
    found = await listed(look, actor, name)
    versions = await versions_of(look, actor, name)
    moves = await _moves(look, actor, name)
    counted = look.viewer.may("ledger.read", "metrics")
    money = look.viewer.may("ledger.read")
    figures = await lines(look, actor, name, versions) if counted and versions else []
    made = await charts(look, actor, figures) if figures else []
    tests = tested.by_time(await look.administration.prompt_tests.latest(actor, f"prompt:{name}", tested.TESTS))
    over_time = [tested.chart(tests)] if tests else []
    if csv := look.asked.get("csv"):
        tables = [versions_grid(figures, money=money), tested.grid(tests), _history(moves), _published(versions)]
        return chosen(csv, [*made, *over_time, *tables])
    values: dict[str, Any] = {
        "asked": look.asked,
        "listed": found,
        "serving": _serving(look, name),
        "versions": versions[:LISTED],
        "stands": {each.version: each.labels for each in versions},
        "all": len(versions),
        "moves": moves[:LISTED],
        "all_moves": len(moves),
        "figures": figures[:LISTED],
        "called": len(figures),
        "counted": counted,
        "money": money,
        "charts": made,
        "tests": tests[:LISTED],
        "all_tests": len(tests),
        "standing": tested.standing(tests)[:LISTED],
        "over_time": over_time,
        "verdict": tested.verdict,
        "view": await _view(look, actor, found),
        "short": SHORT,
        "who": look.who,
        "said": said,
        "problems": told(problem),
        "form": {each: look.value(each) for each in ("label", "to", "reason")} if problem is not None else {},
        **await deciding(look, actor, name),
        **_labels(look, actor, found, versions, moves),
    }
    status = 200 if problem is None else problem.status
    return Template(name="prompt.html", title=f"Prompt {formats.plain(name)}", values=values, status=status)


def _about(look: Look, name: str) -> Asked:
    """What is asked for, as the page of the prompt has it: also where a form was sent elsewhere."""
    fields = {key: value for key, value in look.asked.fields.items() if key != "of"}
    return Asked(PATH, {**fields, "name": name}, look.house.now_us())


async def listed(look: Look, actor: Actor, name: str) -> ListedView:
    """
    Raises:
        NotFound: no such prompt is published.
    """
    found = (await look.administration.prompts.list(actor, PromptListing(name=name))).data if _fits(name) else []
    if not found:
        raise NotFound(f"No prompt '{formats.plain(name[:100])}' is published.")
    return found[0]


async def _view(look: Look, actor: Actor, prompt: ListedView) -> PromptView:
    """The version whose files are shown: the one that is asked for, else the one a bare name stands for.

    Raises:
        Invalid: there is no such version.
    """
    version = look.asked.get("version") or meant(prompt)
    return await look.administration.prompts.show(actor, PromptAsked(prompt=f"{prompt.name}@{version}"[:300]))


def _fits(name: str) -> bool:
    return 0 < len(name) <= 300


async def versions_of(look: Look, actor: Actor, name: str) -> Sequence[VersionView]:
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


def _serving(look: Look, name: str) -> Sequence[tuple[str, str]]:
    """Models that are this prompt, and the label or version each is."""
    found: list[tuple[str, str]] = []
    for model, config in look.house.config().models.items():
        if config.prompt is None:
            continue
        try:
            use = parse(config.prompt.use)
        except Malformed:
            continue
        if use.name == name:
            found.append((model, use.label or (use.digest or "")[:SHORT]))
    return found


# ── what may be done ──


async def deciding(look: Look, actor: Actor, name: str) -> Mapping[str, Any]:
    """What waits for a second person, and what whoever looks may do about it."""
    waits = await waiting(look, actor, name)
    return {
        "waiting": waits,
        "approves": actor.team_id is None and look.viewer.may("prompts.approve"),
        "person": look.viewer.identity.user_id is not None,
        "own": {each.id for each in waits if look.same(each.asked_by)},
        "commands": look.commands(actor),
    }


def _labels(
    look: Look, actor: Actor, prompt: ListedView, versions: Sequence[VersionView], moves: Sequence[MoveView]
) -> Mapping[str, Any]:
    """What labels may be moved, and where each goes back to."""
    may = actor.team_id is None and look.viewer.may("prompts.label")
    gone = taken_away(moves, prompt.labels)
    withdrawn = frozenset(each.version for each in versions if is_withdrawn(each))
    back = {
        label: ways_back([each for each in moves if each.label == label], prompt.labels.get(label), withdrawn)
        for label in (*prompt.labels, *gone)
    }
    return {
        "moves_labels": may,
        "back": back,
        "gone": [label for label in gone if back[label]],
        "movable": [each for each in versions if not is_withdrawn(each)][:LISTED],
        "protected": look.administration.config().prompts.protected,
    }


def is_withdrawn(version: VersionView) -> bool:
    """Whether nobody can be served it."""
    return getattr(version, "withdrawn_at", None) is not None


# ── files ──


def _history(moves: Sequence[MoveView]) -> Grid:
    names = (
        "id", "label", "kind", "status", "from_version", "to_version", "asked_by", "asked_at", "reason", "decided_by",
        "decided_at", "decision",
    )  # fmt: skip
    return Grid(id="history", heads=names, rows=[[_cell(getattr(each, name)) for name in names] for each in moves])


def _published(versions: Sequence[VersionView]) -> Grid:
    heads = ["version", "labels", "published_at", "published_by", "git_commit", "note"]
    rows = [
        [
            each.version,
            " ".join(each.labels),
            each.published_at.isoformat(),
            each.published_by,
            each.git_commit,
            each.note,
        ]
        for each in versions
    ]
    return Grid(id="published", heads=heads, rows=rows)


def _cell(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


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
    fields = _fields(look, "name", "label", "to", "reason")
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
            to = f"moves to {made.to_version[:SHORT]}" if made.to_version else "is taken away"
            return f"{what} {to} once a second person approves."
        case "refused":
            return f"{what} stays where it is."
        case _:
            return f"{what} stands for {(made.to_version or 'nothing')[:SHORT]} now."
