"""Withdrawing: a version that is kept for the record, and served to nobody."""

from __future__ import annotations

from collections.abc import Callable

from headgate.administration.acting import Act, Actor, Acts, within_organisation
from headgate.administration.prompts.rows import WHAT, Unmoved, everything, found, labels_of, reference
from headgate.administration.prompts.views import WithdrawalView, uses
from headgate.administration.requests import NewRestoring, NewWithdrawal
from headgate.config import Config
from headgate.errors import Conflict
from headgate.prompts.reference import SHORT
from headgate.storage.records import PromptHead
from headgate.storage.tables import PROMPT_HEADS, PROMPT_MOVES


class Withdrawing:
    def __init__(self, acts: Acts, config: Callable[[], Config]) -> None:
        self._acts = acts
        self._config = config

    async def withdraw(self, actor: Actor, request: NewWithdrawal) -> WithdrawalView:
        """Have a version be served to nobody from now on, and no label be moved to it. What was asked of it is void.

        Raises:
            Invalid: there is no such version.
            Conflict: a label stands for it.
            Unmoved: it is withdrawn already.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            row = await _version(act, request.prompt)
            if row.withdrawn_us is not None:
                raise Unmoved(f"'{_short(row)}' is withdrawn already.", param="prompt")
            await _check_unreleased(act, row)
            row = act.changed(row, withdrawn_us=act.at_us, withdrawn_by=actor.name, withdrawn_for=request.reason)
            await PROMPT_HEADS.update(act.transaction, row)
            await _overtake(act, row)
            act.record("prompts.withdraw", f"prompt:{row.name}", {"version": row.digest, "reason": request.reason})
            return self._view(row, request.reason)

    async def restore(self, actor: Actor, request: NewRestoring) -> WithdrawalView:
        """Bring a version back that was withdrawn. Labels stay where they are.

        Raises:
            Invalid: there is no such version.
            Unmoved: it is not withdrawn.
        """
        within_organisation(actor, WHAT)
        async with self._acts.begin(actor) as act:
            row = await _version(act, request.prompt)
            if row.withdrawn_us is None:
                raise Unmoved(f"'{_short(row)}' is not withdrawn.", param="prompt")
            row = act.changed(row, withdrawn_us=None, withdrawn_by=None, withdrawn_for="")
            await PROMPT_HEADS.update(act.transaction, row)
            told = {"version": row.digest, "reason": request.reason}
            act.record("prompts.restore", f"prompt:{row.name}", {name: each for name, each in told.items() if each})
            return self._view(row, request.reason)

    def _view(self, row: PromptHead, reason: str) -> WithdrawalView:
        pinned = [model for model, use in uses(self._config()) if use.name == row.name and use.fits(row.digest)]
        return WithdrawalView(
            name=row.name, version=row.digest, withdrawn=row.withdrawn_us is not None, reason=reason, models=pinned
        )


async def _version(act: Act, prompt: str) -> PromptHead:
    return await found(PROMPT_HEADS, act.transaction, act.actor.organisation, reference(prompt, "prompt"), "prompt")


async def _check_unreleased(act: Act, row: PromptHead) -> None:
    """Raise `Conflict` where a label stands for a version."""
    labels = await labels_of(act.transaction, act.actor.organisation, row.name)
    if standing := sorted(each.label for each in labels if each.digest == row.digest):
        raise Conflict(
            f"'{_short(row)}' is what {', '.join(standing)} {'stand' if len(standing) > 1 else 'stands'} for. Move "
            f"that first, or take it away: headgate prompts label {row.name} {standing[0]} --remove",
            param="prompt",
        )


async def _overtake(act: Act, row: PromptHead) -> None:
    """What waits for a second person waits no more where it was to lead to a version that is withdrawn."""
    filters = {"name": row.name, "to_digest": row.digest, "status": "waiting"}
    for move in await everything(PROMPT_MOVES, act.transaction, act.actor.organisation, filters):
        changed = act.changed(move, status="overtaken", decision="the version was withdrawn")
        await PROMPT_MOVES.update(act.transaction, changed)


def _short(row: PromptHead) -> str:
    return f"{row.name}@{row.digest[:SHORT]}"
