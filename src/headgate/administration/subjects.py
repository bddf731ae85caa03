"""Whom limits and budgets are for, and whose an actor may see and change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from headgate.administration import keyring, projects, teams, users
from headgate.administration.acting import Act, Actor
from headgate.administration.problems import invalid
from headgate.administration.register import Register
from headgate.administration.requests import KeyListing, LedgerAsked, RuleListing
from headgate.errors import Forbidden
from headgate.ids import counted_subject
from headgate.storage.records import Budget, Key, Limit, Project, User
from headgate.storage.tables import Reader, Table

Rule = TypeVar("Rule", Limit, Budget)

REGISTERS: dict[str, Register[Any]] = {
    "team": teams.register,
    "project": projects.register,
    "user": users.register,
    "key": keyring.register,
}


async def resolve(reader: Reader, actor: Actor, subject: str) -> str:
    """A subject with ids in place of names.

    Raises:
        Invalid: it names nothing the actor may see.
    """
    kind, _, name = subject.partition(":")
    if kind == "organisation":
        if name not in ("*", actor.organisation):
            what = f"is another organisation than '{actor.organisation}', which is acted in; write organisation:*"
            raise invalid("subject", what)
        return f"organisation:{actor.organisation}"
    if name == "*":
        return subject
    register = REGISTERS.get(kind)
    return subject if register is None else f"{kind}:{(await register.resolve(reader, actor, name, 'subject')).id}"


async def owners(reader: Reader, actor: Actor, request: KeyListing | LedgerAsked) -> dict[str, str | None]:
    """The team, project and user that a request names, as filters.

    Raises:
        Invalid: it names one the actor may not see.
    """
    found: dict[str, str | None] = {}
    for kind, reference in (("team", request.team), ("project", request.project), ("user", request.user)):
        if reference is not None:
            found[f"{kind}_id"] = (await REGISTERS[kind].resolve(reader, actor, reference, kind)).id
    return found


async def timezone(reader: Reader, actor: Actor, subject: str) -> str:
    """Where a subject's days begin: its own time zone, else its team's."""
    kind, _, name = subject.partition(":")
    register = REGISTERS.get(kind)
    row = None if register is None or name == "*" else await register.table.get(reader, actor.organisation, name)
    if isinstance(row, Key) and row.timezone is not None:
        return row.timezone
    team_id = row.team_id if isinstance(row, Key | Project | User) else name if kind == "team" else None
    team = await teams.register.table.get(reader, actor.organisation, team_id) if team_id is not None else None
    return "UTC" if team is None else team.timezone


async def check_actor(act: Act, subject: str, rules: Table[Any]) -> None:
    """Raise `Forbidden` where an actor would change what limits himself, or others than his team."""
    actor = act.actor
    kind, _, name = subject.partition(":")
    if actor.team_id is not None and (kind not in ("project", "user", "key") or name == "*"):
        raise Forbidden("This key belongs to a team: it changes what its keys, users and projects may do, no more.")
    identity = actor.identity
    own = {f"user:{identity.user_id}", f"project:{identity.project_id}"}
    own |= {
        f"key:{each}" for each in await keyring.lineage(act.transaction, actor.identity.organisation, identity.key_id)
    }
    if subject not in own:
        return
    limited = bool((await rules.list(act.transaction, actor.organisation, {"subject": subject}, limit=1))[0])
    if limited or actor.team_id is not None:
        raise Forbidden("Nobody changes what limits them. Use another key.")


class RuleRegister(Register[Rule]):
    """Limits, or budgets. Who belongs to a team sees those of the team and of what is in it."""

    def __init__(self, table: Table[Rule], noun: str) -> None:
        super().__init__(table, noun, noun, lambda _: None)

    async def visible(self, reader: Reader, actor: Actor, rows: Sequence[Rule]) -> list[Rule]:
        if actor.team_id is None:
            return list(rows)
        found = {f"team:{actor.team_id}"}
        for kind, register in REGISTERS.items():
            ids = [row.subject.partition(":")[2] for row in rows if row.subject.startswith(f"{kind}:")]
            held = await keyring.of_ids(reader, register.table, actor.organisation, ids)
            found |= {f"{kind}:{each.id}" for each in await register.visible(reader, actor, held)}
        return [row for row in rows if row.subject in found]

    async def of_subject(self, reader: Reader, actor: Actor, request: RuleListing) -> tuple[list[Rule], str | None]:
        """A page of rows: those of a subject, where the request names one."""
        named = request.subject
        filters = {} if named is None else {"subject": await resolve(reader, actor, named)}
        return await self.list(reader, actor, request, filters)

    def detail(self, row: Rule, shown: Sequence[str]) -> dict[str, str | int | bool | None]:
        """As of other rows; end users are not named in a log that is for ever."""
        return {**super().detail(row, shown), "subject": counted_subject(row.organisation, row.subject)}
