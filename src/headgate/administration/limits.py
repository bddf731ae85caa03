"""Limits: how much a subject may do in a time."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.administration import bounds, keyring, subjects
from headgate.administration.acting import Act, Actor, Acts, Ports
from headgate.administration.problems import invalid
from headgate.administration.register import given
from headgate.administration.requests import LimitBody, LimitChange, NewLimit, RuleListing
from headgate.administration.views import LimitView, Page
from headgate.errors import Conflict
from headgate.money import from_decimal
from headgate.storage.records import Limit
from headgate.storage.tables import LIMITS

METRICS = ("requests", "tokens", "input_tokens", "output_tokens", "cost_picodollars", "concurrent")


register = subjects.RuleRegister(LIMITS, "limit")


class Limits:
    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._database = ports.database
        self._acts = acts

    async def list(self, actor: Actor, request: RuleListing) -> Page[LimitView]:
        rows, cursor = await register.of_subject(self._database, actor, request)
        return Page([LimitView.of(row) for row in rows], cursor)

    async def get(self, actor: Actor, id: str) -> LimitView:
        return LimitView.of(await register.get(self._database, actor, id))

    async def create(self, actor: Actor, request: NewLimit) -> LimitView:
        async with self._acts.begin(actor) as act:
            subject = await subjects.resolve(act.transaction, actor, request.subject)
            await subjects.check_actor(act, subject, LIMITS)
            row = await add(act, request, subject, request.timezone)
            await check_key(act, row.subject)
            return LimitView.of(row)

    async def change(self, actor: Actor, id: str, request: LimitChange, version: int | None) -> LimitView:
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            await subjects.check_actor(act, row.subject, LIMITS)
            names = {name: name for name in METRICS if name != "cost_picodollars"} | {"cost_usd": "cost_picodollars"}
            fields = given(request, names)
            if fields.get("cost_picodollars") is not None:
                fields["cost_picodollars"] = from_decimal(fields["cost_picodollars"])
            _check_after(replace(row, **fields))
            row = await register.change(act, row, version, fields)
            await check_key(act, row.subject)
            return LimitView.of(row)

    async def archive(self, actor: Actor, id: str, version: int | None) -> LimitView:
        """Take a limit off."""
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            await subjects.check_actor(act, row.subject, LIMITS)
            row = await register.archive(act, row, version)
            await check_key(act, row.subject)
            return LimitView.of(row)


async def add(act: Act, body: LimitBody, subject: str, timezone: str | None) -> Limit:
    """Put a limit on a subject, whose days begin by `timezone`, or as its team's do.

    Raises:
        Conflict: it has one for the same time already.
    """
    values = values_of(body)
    per = body.per or "total"
    found, _ = await LIMITS.list(act.transaction, act.actor.organisation, {"subject": subject, "per": per}, limit=1)
    if found:
        what = f"There is a limit of '{subject}' {bounds.spoken(per)} already: '{found[0].id}'. Change that."
        raise Conflict(what, param="per")
    zone = timezone or await subjects.timezone(act.transaction, act.actor, subject)
    row = Limit(**act.common("limit"), subject=subject, per=per, timezone=zone, **values)
    return await register.add(act, row, ["subject", "per", "timezone", *METRICS])


def values_of(body: LimitBody) -> dict[str, Any]:
    """What a limit's body limits, as columns."""
    values = {name: getattr(body, name) for name in METRICS if name != "cost_picodollars"}
    return {**values, "cost_picodollars": None if body.cost_usd is None else from_decimal(body.cost_usd)}


def _check_after(row: Limit) -> None:
    """Raise `Invalid` for what a change would leave of a limit."""
    limited = [name for name in METRICS if getattr(row, name) is not None]
    if not limited:
        raise invalid((), "leaves nothing limited; take the limit off instead", "required")
    if row.per == "total" and limited != ["concurrent"]:
        raise invalid((), "leaves a limit without a window of more than calls under way; make another limit")


async def check_key(act: Act, subject: str) -> None:
    """Raise `Forbidden` where a change has left a key with more than the actor's own."""
    kind, _, name = subject.partition(":")
    if kind != "key" or name == "*":
        return
    key = await keyring.register.get(act.transaction, act.actor, name)
    await bounds.check(act, key)
