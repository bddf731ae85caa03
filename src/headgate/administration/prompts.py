"""Prompts: publishing versions, moving labels, approving what a protected label is to stand for, rolling back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from headgate.administration.acting import Act, Actor, Acts, Ports, within_organisation
from headgate.administration.problems import Invalid, invalid, problem
from headgate.administration.prompt_diffs import DiffView, difference
from headgate.administration.register import page
from headgate.administration.requests import (
    DiffAsked,
    MoveListing,
    NewDecision,
    NewMove,
    NewPrompts,
    NewRollback,
    PromptAsked,
    PromptListing,
)
from headgate.administration.values import moment, time_of
from headgate.administration.views import Page
from headgate.config import Config
from headgate.errors import Conflict, Forbidden, NotFound
from headgate.prompts.dotprompt import Prompt, load_sources
from headgate.prompts.reference import (
    RELEASED,
    SHORT,
    Malformed,
    Reference,
    check_label,
    check_name,
    is_place,
    parse,
)
from headgate.prompts.serving import Unservable, served
from headgate.prompts.upkeep import Due, Upkeep, Upkeeps
from headgate.storage.records import Key, PromptLabel, PromptMove, PromptVersion
from headgate.storage.tables import KEYS, PROMPT_LABELS, PROMPT_MOVES, PROMPT_VERSIONS, Reader, Table
from headgate.types import Identity

WHAT = "what is released"

MAX_LINE = 10
"""Keys that made each other, looked through for whoever was first."""


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a prompt."""

    name: str
    version: str
    """SHA-256 over all it needs: the same wherever that is the same."""
    labels: list[str]
    """Those that stand for it now."""
    git_commit: str | None
    note: str
    published_by: str
    published_at: datetime


class PromptView(VersionView, frozen=True, kw_only=True):
    """One version with all there is to it."""

    description: str | None
    model: str | None
    """Its own, where it names one."""
    config: dict[str, Any]
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    file: str
    """Its own file's place among the sources."""
    sources: dict[str, str]
    """Text of every file it needs, by place."""


class PublishedView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one prompt that was published."""

    name: str
    version: str
    created: bool
    """False where there was that very version already."""
    unsent: list[str]
    """Members of its `config` that no request can carry, and that have no effect."""


class ListedView(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt."""

    name: str
    labels: dict[str, str]
    """What each stands for."""
    versions: int
    latest: str
    """The version that was published last."""
    published_at: datetime
    owner: str | None
    """Who answers for it: as the version says that `production` stands for, else the latest."""
    review_by: date | None
    """By when somebody is to look at it again."""
    expires: date | None
    """The last day it is to be used."""
    due: Due
    """`review` or `expired` where that day is over, in UTC; empty where nothing is due."""


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
    """A label that was moved, or is to be."""

    id: str
    name: str
    label: str
    kind: Literal["move", "rollback"]
    from_version: str | None
    """Null for a new label."""
    to_version: str
    status: Literal["done", "waiting", "refused", "overtaken"]
    """`waiting` for a second person; `overtaken` where the label was moved otherwise meanwhile."""
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    """Who approved or refused; null where nobody had to."""
    decided_at: datetime | None
    decision: str
    """Why."""


class Prompts:
    def __init__(self, ports: Ports, acts: Acts, config: Callable[[], Config]) -> None:
        self._ports = ports
        self._acts = acts
        self._config = config
        self._upkeeps = Upkeeps()

    # ── reading ──

    async def list(self, actor: Actor, request: PromptListing) -> Page[ListedView]:
        """By name, all of them: there are as many as somebody wrote."""
        rows = await self._ports.database.fetch(
            "SELECT name, count(*), max(created_us) FROM prompt_versions WHERE organisation = $1 "
            "GROUP BY name ORDER BY name",
            actor.organisation,
        )
        labels: dict[str, dict[str, str]] = {}
        for label in await self._labels(self._ports.database, actor):
            labels.setdefault(label.name, {})[label.label] = label.digest
        latest = dict(
            await self._ports.database.fetch(
                "SELECT name, digest FROM prompt_versions p WHERE organisation = $1 AND created_us = (SELECT "
                "max(created_us) FROM prompt_versions q WHERE q.organisation = p.organisation AND q.name = p.name)",
                actor.organisation,
            )
        )
        rows = [row for row in rows if request.name in (None, row[0])]
        meant = {name: labels.get(name, {}).get(RELEASED) or latest.get(name, "") for name, _, _ in rows}
        said = await self._upkeep(actor, meant)
        today = moment(self._ports.clock.now_us()).date()
        found = [
            ListedView(
                name=name,
                labels=labels.get(name, {}),
                versions=count,
                latest=latest.get(name, ""),
                published_at=moment(at_us),
                owner=said[name].owner,
                review_by=said[name].review_by,
                expires=said[name].expires,
                due=said[name].due(today),
            )
            for name, count, at_us in rows
        ]
        return Page(found, None)

    async def _upkeep(self, actor: Actor, meant: Mapping[str, str]) -> Mapping[str, Upkeep]:
        """What versions say of their owner and review."""
        found: dict[str, Upkeep] = {}
        for name, digest in meant.items():
            sources: Mapping[str, str] | None = None
            if self._upkeeps.missing(name, digest):
                at = {"name": name, "digest": digest}
                versions, _ = await PROMPT_VERSIONS.list(self._ports.database, actor.organisation, at, limit=1)
                sources = versions[0].sources if versions else None
            found[name] = await asyncio.to_thread(self._upkeeps.of, name, digest, sources)
        return found

    async def versions(self, actor: Actor, request: PromptListing) -> Page[VersionView]:
        """From the oldest on."""
        filters = {} if request.name is None else {"name": request.name}
        rows, cursor = await page(
            PROMPT_VERSIONS, self._ports.database, actor.organisation, request, filters, request.cursor
        )
        labels = await self._labels(self._ports.database, actor, request.name)
        return Page([VersionView(**_version(row, labels)) for row in rows], cursor)

    async def show(self, actor: Actor, request: PromptAsked) -> PromptView:
        database = self._ports.database
        row = await self._found(database, actor, _parsed(request.prompt, "prompt"), "prompt")
        labels = await self._labels(database, actor, row.name)
        library = await asyncio.to_thread(load_sources, row.sources, strict=False)
        prompt = library.get(row.name)
        return PromptView(
            **_version(row, labels),
            description=prompt.description,
            model=prompt.model,
            config=dict(prompt.config),
            input_schema=None if prompt.input_schema is None else dict(prompt.input_schema),
            output_schema=None if prompt.output_schema is None else dict(prompt.output_schema),
            file=row.file,
            sources=row.sources,
        )

    async def diff(self, actor: Actor, request: DiffAsked) -> DiffView:
        """What is different in one version against another.

        Raises:
            Invalid: there is no such version.
        """
        database = self._ports.database
        before = await self._found(database, actor, _parsed(request.before, "before"), "before")
        after = await self._found(database, actor, _parsed(request.after, "after"), "after")
        return await asyncio.to_thread(_difference, before, after)

    async def moves(self, actor: Actor, request: MoveListing) -> Page[MoveView]:
        """The history of labels, from the oldest on."""
        filters = {name: value for name in ("name", "label", "status") if (value := getattr(request, name)) is not None}
        rows, cursor = await page(
            PROMPT_MOVES, self._ports.database, actor.organisation, request, filters, request.cursor
        )
        return Page([_move(row) for row in rows], cursor)

    # ── publishing ──

    async def publish(self, actor: Actor, request: NewPrompts) -> Page[PublishedView]:
        """Keep versions of prompts for good. One that is there already stays as it is.

        Raises:
            Invalid: with every mistake of every file.
        """
        within_organisation(actor, WHAT)
        wanted = await asyncio.to_thread(_wanted, request.sources, request.names)
        published: list[PublishedView] = []
        async with self._acts.begin(actor) as act:
            for prompt, unsent in wanted:
                at = {"name": prompt.full_name, "digest": prompt.version}
                there, _ = await PROMPT_VERSIONS.list(act.transaction, actor.organisation, at, limit=1)
                if not there:
                    await self._keep(act, prompt, request)
                published.append(
                    PublishedView(name=prompt.full_name, version=prompt.version, created=not there, unsent=list(unsent))
                )
        return Page(published, None)

    async def _keep(self, act: Act, prompt: Prompt, request: NewPrompts) -> None:
        row = PromptVersion(
            **act.common("prompt"),
            name=prompt.full_name,
            digest=prompt.version,
            file=prompt.file,
            sources=dict(prompt.sources),
            git_commit=request.git_commit,
            note=request.note,
            published_by=act.actor.name,
        )
        await PROMPT_VERSIONS.insert(act.transaction, row)
        detail = {"version": row.digest, "git_commit": row.git_commit}
        act.record("prompts.publish", f"prompt:{row.name}", {name: each for name, each in detail.items() if each})

    # ── labels ──

    async def move(self, actor: Actor, request: NewMove) -> MoveView:
        """Have a label stand for another version: at once, or once a second person has approved where it is protected.

        Raises:
            Invalid: the name, the label or the version is none.
            Conflict: it stands for that one already.
        """
        within_organisation(actor, WHAT)
        _check(request.name, request.label)
        async with self._acts.begin(actor) as act:
            label = await self._label(act.transaction, actor, request.name, request.label)
            asked = _parsed(f"{request.name}@{request.to}", "to")
            row = await self._found(act.transaction, actor, asked, "to")
            if label is not None and label.digest == row.digest:
                raise Conflict(f"'{request.name}@{request.label}' stands for {row.digest[:SHORT]} already.", param="to")
            waits = request.label in self._config().prompts.protected
            move = await self._moved(
                act, request.name, request.label, label, row.digest, request.reason, "waiting" if waits else "done"
            )
            if waits:
                act.record("prompts.label.ask", _subject(move), _told(move))
            else:
                await self._put(act, move, label)
                act.record("prompts.label.move", _subject(move), _told(move))
            return _move(move)

    async def rollback(self, actor: Actor, request: NewRollback) -> MoveView:
        """Have a label stand for what it stood for before, at once: that has been approved, where it had to be.

        Raises:
            NotFound: there is no such label, or nothing before.
            Conflict: it stood for that never.
        """
        within_organisation(actor, WHAT)
        _check(request.name, request.label)
        async with self._acts.begin(actor) as act:
            label = await self._label(act.transaction, actor, request.name, request.label)
            if label is None:
                raise NotFound(f"There is no '{request.name}@{request.label}'.")
            to = await self._before(act.transaction, actor, label, request.to)
            move = await self._moved(act, label.name, label.label, label, to, request.reason, "done", kind="rollback")
            await self._put(act, move, label)
            act.record("prompts.label.rollback", _subject(move), _told(move))
            return _move(move)

    async def approve(self, actor: Actor, id: str, request: NewDecision) -> MoveView:
        """Have a protected label moved as somebody else asked.

        Raises:
            NotFound: nothing of that id is asked.
            Forbidden: it is nobody's act, or that of whoever asked.
            Conflict: it has been decided, or the label was moved meanwhile.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            move = await self._waiting(act, id)
            await self._check_second(act, move)
            label = await self._label(act.transaction, actor, move.name, move.label)
            if (None if label is None else label.digest) != move.from_digest:
                raise Conflict(f"'{move.name}@{move.label}' was moved since this was asked for; ask for it again.")
            move = await self._decided(act, move, "done", request.reason)
            await self._put(act, move, label)
            act.record("prompts.label.approve", _subject(move), {**_told(move), "asked_by": move.asked_by})
            return _move(move)

    async def refuse(self, actor: Actor, id: str, request: NewDecision) -> MoveView:
        """Leave a label where it is. Whoever asked for the move may take it back so, too.

        Raises:
            NotFound: nothing of that id is asked.
            Conflict: it has been decided.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            move = await self._decided(act, await self._waiting(act, id), "refused", request.reason)
            act.record("prompts.label.refuse", _subject(move), {**_told(move), "asked_by": move.asked_by})
            return _move(move)

    # ── parts ──

    async def _labels(self, reader: Reader, actor: Actor, name: str | None = None) -> Sequence[PromptLabel]:
        filters = {} if name is None else {"name": name}
        return await _all(PROMPT_LABELS, reader, actor.organisation, filters)

    async def _label(self, reader: Reader, actor: Actor, name: str, label: str) -> PromptLabel | None:
        found, _ = await PROMPT_LABELS.list(reader, actor.organisation, {"name": name, "label": label}, limit=1)
        return found[0] if found else None

    async def _found(self, reader: Reader, actor: Actor, asked: Reference, param: str) -> PromptVersion:
        """The version that a label stands for, or that begins with some digits.

        Raises:
            Invalid: there is none, or more than one.
        """
        digest = asked.digest
        if asked.label is not None:
            label = await self._label(reader, actor, asked.name, asked.label)
            if label is None:
                raise invalid(param, f"names nothing that is there: there is no '{asked}'", "not_found")
            digest = label.digest
        rows = await reader.fetch(
            f"SELECT {', '.join(PROMPT_VERSIONS.columns)} FROM prompt_versions "  # noqa: S608
            "WHERE organisation = $1 AND name = $2 AND digest LIKE $3 LIMIT 2",
            actor.organisation,
            asked.name,
            f"{digest}%",
        )
        if len(rows) > 1:
            raise invalid(param, "is how more than one version begins; write more of its digits")
        if not rows:
            raise invalid(param, f"names nothing that is there: there is no '{asked}'", "not_found")
        return PROMPT_VERSIONS.decode(rows[0])

    async def _before(self, reader: Reader, actor: Actor, label: PromptLabel, to: str | None) -> str:
        """What a label stood for: before what it stands for now, or at any time where a version is named."""
        filters = {"name": label.name, "label": label.label, "status": "done"}
        history = await _all(PROMPT_MOVES, reader, actor.organisation, filters)
        history = sorted(history, key=lambda move: move.revision)  # each was done by an act of its own
        if to is None:
            stood = _standing(history)
            if len(stood) < 2:
                raise NotFound(f"'{label.name}@{label.label}' stood for nothing before; move it instead.")
            return stood[-2]
        stood = [move.to_digest for move in history if move.to_digest != label.digest]
        asked = _parsed(f"{label.name}@{to}", "to")
        for digest in reversed(stood):
            if asked.fits(digest):
                return digest
        raise Conflict(
            f"'{label.name}@{label.label}' never stood for '{to}', so there is no going back to it; move it instead.",
            param="to",
        )

    async def _moved(
        self,
        act: Act,
        name: str,
        label: str,
        before: PromptLabel | None,
        to: str,
        reason: str,
        status: Literal["done", "waiting"],
        kind: Literal["move", "rollback"] = "move",
    ) -> PromptMove:
        move = PromptMove(
            **act.common("move"),
            name=name,
            label=label,
            kind=kind,
            from_digest=None if before is None else before.digest,
            to_digest=to,
            status=status,
            reason=reason,
            asked_by=act.actor.name,
            person=await _person(act.transaction, act.actor.identity),
            decided_us=act.at_us if status == "done" else None,
        )
        await PROMPT_MOVES.insert(act.transaction, move)
        return move

    async def _put(self, act: Act, move: PromptMove, before: PromptLabel | None) -> None:
        """Have a label stand for what a move says, and whatever else was asked of it be overtaken."""
        if before is None:
            row = PromptLabel(
                **act.common("label"),
                name=move.name,
                label=move.label,
                digest=move.to_digest,
                moved_by=act.actor.name,
            )
            await PROMPT_LABELS.insert(act.transaction, row)
        else:
            changed = act.changed(before, digest=move.to_digest, moved_by=act.actor.name)
            await PROMPT_LABELS.update(act.transaction, changed)
        filters = {"name": move.name, "label": move.label, "status": "waiting"}
        for other in await _all(PROMPT_MOVES, act.transaction, act.actor.organisation, filters):
            if other.id != move.id:
                await PROMPT_MOVES.update(act.transaction, act.changed(other, status="overtaken"))

    async def _waiting(self, act: Act, id: str) -> PromptMove:
        move = await PROMPT_MOVES.get(act.transaction, act.actor.organisation, id)
        if move is None:
            raise NotFound(f"There is no move '{id[:100]}'.")
        if move.status != "waiting":
            raise Conflict(f"This waits for nobody any more: it is {move.status}.")
        return move

    async def _decided(self, act: Act, move: PromptMove, status: Literal["done", "refused"], reason: str) -> PromptMove:
        decided = act.changed(move, status=status, decided_by=act.actor.name, decided_us=act.at_us, decision=reason)
        return await PROMPT_MOVES.update(act.transaction, decided)

    async def _check_second(self, act: Act, move: PromptMove) -> None:
        """Raise `Forbidden` unless a person acts, and another one than asked."""
        identity = act.actor.identity
        if identity.user_id is None:
            raise Forbidden(
                "Approving takes a person: sign in, or come with a key that belongs to a user "
                "('headgate keys create --user')."
            )
        if await _person(act.transaction, identity) == move.person:
            raise Forbidden("Approving takes a second person, and you have asked for this yourself.")


async def _person(reader: Reader, identity: Identity) -> str:
    """Whose act something is: the user's, or of a key of nobody's whoever made it, as far as that is known."""
    if identity.user_id is not None:
        return f"user:{identity.user_id}"
    key_id = identity.key_id
    for _ in range(MAX_LINE):
        key: Key | None = await KEYS.get(reader, identity.organisation, key_id)
        if key is None:
            break
        if key.user_id is not None:
            return f"user:{key.user_id}"
        kind, _, maker = key.created_by.partition(":")
        if kind == "user":
            return key.created_by
        if kind != "key" or maker == key_id:
            break
        key_id = maker
    return f"key:{key_id}"


def _standing(history: Sequence[PromptMove]) -> list[str]:
    """What a label stood for, one upon the other, without what was rolled back: going back twice goes back further."""
    stood: list[str] = []
    for move in history:
        if move.kind == "rollback" and move.to_digest in stood:
            while stood[-1] != move.to_digest:
                stood.pop()
        else:
            stood.append(move.to_digest)
    return stood


async def _all(
    table: Table[Any], reader: Reader, organisation: str, filters: Mapping[str, str | int | None]
) -> list[Any]:
    """All rows of a list, page by page."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        rows, cursor = await table.list(reader, organisation, filters, cursor, 1000)
        found += rows
        if cursor is None:
            return found


def _wanted(sources: Mapping[str, str], names: Sequence[str] | None) -> list[tuple[Prompt, Sequence[str]]]:
    """The prompts that are to be published, each with what of its `config` has no effect.

    Raises:
        Invalid: with every mistake of every file; one that is wanted is not there, or has a name nobody can ask for.
    """
    problems = [
        problem(("sources", place), "invalid_value", "is no place of a file; write folder/name, without '..'")
        for place in sources
        if not is_place(place)
    ]
    if problems:
        raise Invalid(problems)
    library = load_sources(sources, strict=False)
    found: list[tuple[Prompt, Sequence[str]]] = []
    problems = [
        problem(("sources", each.file), "invalid_value", f"at {each.line}:{each.column}: {each.message}")
        for each in library.problems
        if each.fatal
    ]
    for name in library.prompts if names is None else names:
        prompt = library.prompts.get(name)
        if prompt is None:
            problems.append(problem(("names",), "not_found", f"name no prompt that can be used: '{name[:100]}'"))
            continue
        try:
            check_name(name)
            found.append((prompt, served(prompt).unsent))
        except (Malformed, Unservable) as error:
            problems.append(problem(("sources", prompt.file), "invalid_value", str(error)))
    if not found and not problems:
        problems.append(problem(("sources",), "invalid_value", "hold no prompt; give at least one *.prompt"))
    if problems:
        raise Invalid(problems)
    return found


def _difference(before: PromptVersion, after: PromptVersion) -> DiffView:
    one, two = (load_sources(each.sources, strict=False).get(each.name) for each in (before, after))
    return difference(one, two)


def _check(name: str, label: str) -> None:
    for param, check, value in (("name", check_name, name), ("label", check_label, label)):
        try:
            check(value)
        except Malformed as error:
            raise invalid(param, str(error)) from None


def _parsed(text: str, param: str) -> Reference:
    try:
        return parse(text)
    except Malformed as error:
        raise invalid(param, str(error)) from None


def _subject(move: PromptMove) -> str:
    return f"prompt:{move.name}"


def _told(move: PromptMove) -> dict[str, str | int | bool | None]:
    told = {
        "label": move.label,
        "from": move.from_digest or "nothing",
        "to": move.to_digest,
        "move": move.id,
        "reason": move.decision if move.decided_by is not None else move.reason,
    }
    return {name: value for name, value in told.items() if value}


def _version(row: PromptVersion, labels: Sequence[PromptLabel]) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.digest,
        "labels": sorted(each.label for each in labels if (each.name, each.digest) == (row.name, row.digest)),
        "git_commit": row.git_commit,
        "note": row.note,
        "published_by": row.published_by,
        "published_at": moment(row.created_us),
    }


def _move(row: PromptMove) -> MoveView:
    return MoveView(
        id=row.id,
        name=row.name,
        label=row.label,
        kind=row.kind,
        from_version=row.from_digest,
        to_version=row.to_digest,
        status=row.status,
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=moment(row.created_us),
        decided_by=row.decided_by,
        decided_at=time_of(row.decided_us),
        decision=row.decision,
    )
