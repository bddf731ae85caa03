"""Releasing: moving labels and taking them away, with a second person where they are protected, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from headgate.administration.acting import Act, Actor, Acts, within_organisation
from headgate.administration.problems import invalid
from headgate.administration.prompts.history import before
from headgate.administration.prompts.people import check_second, person
from headgate.administration.prompts.rows import WHAT, Unmoved, Withdrawn, everything, found, label_of, reference
from headgate.administration.prompts.views import MoveView, move_view
from headgate.administration.requests import NewDecision, NewMove, NewRollback
from headgate.config import Config
from headgate.errors import Conflict, NotFound
from headgate.prompts.reference import SHORT, Malformed, check_label, check_name
from headgate.storage.records import PromptLabel, PromptMove
from headgate.storage.tables import PROMPT_HEADS, PROMPT_LABELS, PROMPT_MOVES


class Releasing:
    def __init__(self, acts: Acts, config: Callable[[], Config]) -> None:
        self._acts = acts
        self._config = config

    async def move(self, actor: Actor, request: NewMove) -> MoveView:
        """Have a label stand for another version, or take it away: at once, or once a second person has approved where
        it is protected.

        Raises:
            Invalid: the name, the label or the version is none.
            NotFound: a label that is to be taken away is not there.
            Withdrawn: the version can be served to nobody.
            Unmoved: it stands for that one already, or the same waits for a second person.
        """
        within_organisation(actor, WHAT)
        _check(request.name, request.label)
        async with self._acts.begin(actor) as act:
            label = await label_of(act.transaction, actor.organisation, request.name, request.label)
            if request.to is None:
                kind, to = "remove", _standing(label)
                if to is None:
                    raise NotFound(f"There is no '{request.name}@{request.label}' to take away.")
            else:
                kind, to = "move", await self._wanted(act, label, request, request.to)
            waits = request.label in self._config().prompts.protected
            move = await _asked(act, request, kind, label, to, waits=waits)
            if waits:
                await _check_unasked(act, move)
            else:
                await _done(act, move, label)
            await PROMPT_MOVES.insert(act.transaction, move)
            act.record(f"prompts.label.{'ask' if waits else kind}", _subject(move), _told(move))
            return move_view(move, self._config())

    @staticmethod
    async def _wanted(act: Act, label: PromptLabel | None, request: NewMove, to: str) -> str:
        """The version a label is to stand for, which is another one than it does."""
        row = await found(
            PROMPT_HEADS, act.transaction, act.actor.organisation, reference(f"{request.name}@{to}", "to"), "to"
        )
        if row.digest == _standing(label):
            raise Unmoved(f"'{request.name}@{request.label}' stands for {row.digest[:SHORT]} already.", param="to")
        if row.withdrawn_us is not None:
            raise Withdrawn(row, "to")
        return row.digest

    async def rollback(self, actor: Actor, request: NewRollback) -> MoveView:
        """Have a label stand for what it stood for before, at once: that has been approved, where it had to be. One
        that was taken away comes back.

        Raises:
            NotFound: there has been no such label, or nothing before.
            Conflict: it never stood for that, or that is withdrawn.
        """
        within_organisation(actor, WHAT)
        _check(request.name, request.label)
        async with self._acts.begin(actor) as act:
            label = await label_of(act.transaction, actor.organisation, request.name, request.label)
            if label is None:
                raise NotFound(f"There is no '{request.name}@{request.label}'.")
            to = await before(act.transaction, label, request.to)
            move = await _asked(act, request, "rollback", label, to, waits=False)
            await _done(act, move, label)
            await PROMPT_MOVES.insert(act.transaction, move)
            act.record("prompts.label.rollback", _subject(move), _told(move))
            return move_view(move, self._config())

    async def approve(self, actor: Actor, id: str, request: NewDecision) -> MoveView:
        """Have a protected label moved, or taken away, as somebody else asked.

        Raises:
            NotFound: nothing of that id is asked.
            Forbidden: it is nobody's act, or that of whoever asked.
            Conflict: it has been decided, or the label was moved meanwhile.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            move = await _waiting(act, id)
            await check_second(act, move)
            label = await label_of(act.transaction, actor.organisation, move.name, move.label)
            if _standing(label) != move.from_digest:
                raise Conflict(f"'{move.name}@{move.label}' was moved since this was asked for; ask for it again.")
            if move.kind != "remove":
                asked = reference(f"{move.name}@{move.to_digest}", "id")
                row = await found(PROMPT_HEADS, act.transaction, actor.organisation, asked, "id")
                if row.withdrawn_us is not None:
                    raise Withdrawn(row)
            move = await _decided(act, move, "done", request.reason)
            await _done(act, move, label)
            act.record("prompts.label.approve", _subject(move), {**_told(move), "asked_by": move.asked_by})
            return move_view(move, self._config())

    async def refuse(self, actor: Actor, id: str, request: NewDecision) -> MoveView:
        """Leave a label where it is. Whoever asked for the move may take it back so, too.

        Raises:
            NotFound: nothing of that id is asked.
            Conflict: it has been decided.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            move = await _decided(act, await _waiting(act, id), "refused", request.reason)
            act.record("prompts.label.refuse", _subject(move), {**_told(move), "asked_by": move.asked_by})
            return move_view(move, self._config())


# ── moves ──


async def _asked(
    act: Act,
    request: NewMove | NewRollback,
    kind: Literal["move", "rollback", "remove"],
    label: PromptLabel | None,
    to: str,
    *,
    waits: bool,
) -> PromptMove:
    return PromptMove(
        **act.common("move"),
        name=request.name,
        label=request.label,
        kind=kind,
        from_digest=_standing(label),
        to_digest=to,
        status="waiting" if waits else "done",
        reason=request.reason,
        asked_by=act.actor.name,
        person=await person(act.transaction, act.actor.identity),
        decided_us=None if waits else act.at_us,
    )


async def _check_unasked(act: Act, move: PromptMove) -> None:
    """Raise `Unmoved` where the same waits for a second person already."""
    filters = {"name": move.name, "label": move.label, "status": "waiting", "kind": move.kind}
    for other in await everything(PROMPT_MOVES, act.transaction, act.actor.organisation, filters):
        if other.to_digest == move.to_digest:
            raise Unmoved(
                f"The same waits for a second person already, as {other.asked_by} asked: headgate prompts approve "
                f"{other.id}",
                param="to",
            )


async def _done(act: Act, move: PromptMove, label: PromptLabel | None) -> None:
    """Have a label stand for what a move says, and whatever else was asked of it be overtaken."""
    if label is None:
        row = PromptLabel(
            **act.common("label"),
            name=move.name,
            label=move.label,
            digest=move.to_digest,
            moved_by=act.actor.name,
        )
        await PROMPT_LABELS.insert(act.transaction, row)
    else:
        removed_us = act.at_us if move.kind == "remove" else None
        changed = act.changed(label, digest=move.to_digest, moved_by=act.actor.name, archived_us=removed_us)
        await PROMPT_LABELS.update(act.transaction, changed)
    filters = {"name": move.name, "label": move.label, "status": "waiting"}
    for other in await everything(PROMPT_MOVES, act.transaction, act.actor.organisation, filters):
        await PROMPT_MOVES.update(act.transaction, act.changed(other, status="overtaken"))


async def _waiting(act: Act, id: str) -> PromptMove:
    move = await PROMPT_MOVES.get(act.transaction, act.actor.organisation, id)
    if move is None:
        raise NotFound(f"There is no move '{id[:100]}'.")
    if move.status != "waiting":
        raise Conflict(f"This waits for nobody any more: it is {move.status}.")
    return move


async def _decided(act: Act, move: PromptMove, status: Literal["done", "refused"], reason: str) -> PromptMove:
    decided = act.changed(move, status=status, decided_by=act.actor.name, decided_us=act.at_us, decision=reason)
    return await PROMPT_MOVES.update(act.transaction, decided)


# ── parts ──


def _standing(label: PromptLabel | None) -> str | None:
    """The version a label stands for; None where it does not, or no more."""
    return None if label is None or label.archived_us is not None else label.digest


def _check(name: str, label: str) -> None:
    for param, check, value in (("name", check_name, name), ("label", check_label, label)):
        try:
            check(value)
        except Malformed as error:
            raise invalid(param, str(error)) from None


def _subject(move: PromptMove) -> str:
    return f"prompt:{move.name}"


def _told(move: PromptMove) -> dict[str, str | int | bool | None]:
    told = {
        "label": move.label,
        "from": move.from_digest or "nothing",
        "to": "nothing" if move.kind == "remove" else move.to_digest,
        "move": move.id,
        "reason": move.decision if move.decided_by is not None else move.reason,
    }
    return {name: value for name, value in told.items() if value}
