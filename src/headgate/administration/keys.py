"""Keys: making, changing, rotating and revoking what callers come with.

A key can do no more than who made it. A rotated key is a row of its own that names the one it replaces: what limits
that one limits it too, and is counted together, so that a rotation gives nobody a fresh budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from headgate.access.grants import exceeds
from headgate.access.minting import mint
from headgate.administration import bounds, budgets, keyring, limits, projects, subjects, teams, users
from headgate.administration.acting import Act, Actor, Acts, Ports, expect
from headgate.administration.problems import invalid
from headgate.administration.register import given
from headgate.administration.requests import (
    KeyChange,
    KeyListing,
    NewBudget,
    NewKey,
    Rotation,
)
from headgate.administration.users import check_roles
from headgate.administration.values import microseconds
from headgate.administration.views import KeyMade, KeyView, LimitView, Page, status_of
from headgate.clock import Clock
from headgate.errors import Conflict, Forbidden
from headgate.storage.database import Database
from headgate.storage.records import Key
from headgate.storage.tables import BUDGETS, KEYS, LIMITS, Reader

_CHANGED = {
    "name": "name",
    "team": "team_id",
    "project": "project_id",
    "user": "user_id",
    "roles": "roles",
    "models": "models",
    "endpoints": "endpoints",
    "tags": "tags",
    "networks": "networks",
    "timezone": "timezone",
    "expires_at": "expires_us",
    "prompt_label": "prompt_label",
    "policy": "policy",
}
_SHOWN = [
    "name", "hint", "team_id", "project_id", "user_id", "roles", "models", "endpoints", "tags", "networks", "timezone",
    "prompt_label", "policy", "expires_us", "replaces",
]  # fmt: skip


class Keys:
    def __init__(self, ports: Ports, acts: Acts, rules: budgets.Budgets) -> None:
        self._database: Database = ports.database
        self._clock: Clock = ports.clock
        self._roles = ports.roles
        self._acts = acts
        self._budgets = rules

    # ── reading ──

    async def list(self, actor: Actor, request: KeyListing) -> Page[KeyView]:
        filters = request.filters | await subjects.owners(self._database, actor, request)
        if request.status in ("live", "expired"):
            filters["revoked_us"] = None
        now_us = self._clock.now_us()
        rows, cursor = await keyring.register.list(
            self._database,
            actor,
            request,
            filters,
            keep=lambda key: request.status in (None, status_of(key, now_us)),
        )
        return Page(await self._views(self._database, rows), cursor)

    async def get(self, actor: Actor, id: str) -> KeyView:
        return await self._view(self._database, await keyring.register.get(self._database, actor, id))

    # ── acts ──

    async def create(self, actor: Actor, request: NewKey) -> KeyMade:
        check_roles(self._roles(), request.roles)
        minted = mint()
        async with self._acts.begin(actor) as act:
            key = Key(
                **act.common("key"),
                name=request.name,
                digest=minted.digest,
                hint=minted.hint,
                **await self._owners(act, request.team, request.project, request.user),
                roles=request.roles,
                models=request.models,
                endpoints=list(request.endpoints) if request.endpoints is not None else None,
                tags=request.tags,
                networks=request.networks,
                timezone=request.timezone,
                prompt_label=request.prompt_label,
                policy=request.policy,
                created_by=actor.name,
                expires_us=None if request.expires_at is None else self._expiry(request.expires_at),
            )
            await self._check_grant(act, key)
            await keyring.register.add(act, key, _SHOWN)
            await self._limit(act, key, request)
            await bounds.check(act, key)
            return await self._made(act, key, minted.key)

    async def change(self, actor: Actor, id: str, request: KeyChange, version: int | None) -> KeyView:
        """Change what a key may do.

        Raises:
            Conflict: it is revoked, or has been changed since.
            Forbidden: it would be more than the actor may do, or is already.
        """
        async with self._acts.begin(actor) as act:
            key = await keyring.register.get(act.transaction, actor, id)
            expect(key, version)
            self._check_live(key)
            await self._check_not_own(act, key)
            await self._check_grant(act, key)
            fields = given(request, _CHANGED)
            if "roles" in fields:
                check_roles(self._roles(), fields["roles"])
            if fields.get("expires_us") is not None:
                fields["expires_us"] = self._expiry(fields["expires_us"])
            owners = {"team": key.team_id, "project": key.project_id, "user": key.user_id}
            if changed := [name for name in owners if getattr(request, name) is not UNSET]:
                owners |= {name: getattr(request, name) for name in changed}
                fields |= await self._owners(act, owners["team"], owners["project"], owners["user"])
            await self._check_grant(act, replace(key, **fields))
            key = await keyring.register.change(act, key, version, fields)
            await bounds.check(act, key)
            return await self._view(act.transaction, key)

    async def revoke(self, actor: Actor, id: str, version: int | None) -> KeyView:
        """Let a key open nothing any more, from now on and for good. Again is fine."""
        async with self._acts.begin(actor) as act:
            key = await keyring.register.get(act.transaction, actor, id)
            if key.revoked_us is None:
                expect(key, version)
                key = await KEYS.update(act.transaction, act.changed(key, revoked_us=act.at_us))
                act.record("keys.revoke", f"key:{key.id}")
            return await self._view(act.transaction, key)

    async def rotate(self, actor: Actor, id: str, request: Rotation, version: int | None) -> KeyMade:
        """Put another key in a key's place, which goes on for `overlap_s` beside it.

        Raises:
            Conflict: it is revoked or expired, has been replaced already, or has been changed since.
        """
        minted = mint()
        async with self._acts.begin(actor) as act:
            key = await keyring.register.get(act.transaction, actor, id)
            expect(key, version)
            self._check_live(key)
            await self._check_not_replaced(act, key)
            expires_us = key.expires_us
            if request.expires_at is not UNSET:
                expires_us = None if request.expires_at is None else self._expiry(request.expires_at)
            new = replace(
                key,
                **act.common("key"),
                version=1,
                digest=minted.digest,
                hint=minted.hint,
                created_by=actor.name,
                expires_us=expires_us,
                replaces=key.id,
            )
            await self._check_grant(act, new)
            await KEYS.insert(act.transaction, new)
            over_us = act.at_us + request.overlap_s * 1_000_000
            ends = (
                {"revoked_us": act.at_us} if not request.overlap_s else {"expires_us": _sooner(key.expires_us, over_us)}
            )
            await KEYS.update(act.transaction, act.changed(key, **ends))
            await bounds.check(act, new)
            detail: dict[str, Any] = {"replaced_by": new.id, "hint": new.hint, "overlap_s": request.overlap_s}
            act.record("keys.rotate", f"key:{key.id}", detail)
            return await self._made(act, new, minted.key)

    # ── what must hold ──

    def _expiry(self, time: Any) -> int:
        expires_us = microseconds(time)
        if expires_us <= self._clock.now_us():
            raise invalid("expires_at", "is over already; write a time to come, or revoke the key", "out_of_range")
        return expires_us

    async def _owners(self, act: Act, team: str | None, project: str | None, user: str | None) -> dict[str, Any]:
        """Whose a key is. A team that is not given is the project's, else the user's, else the actor's own."""
        reader, actor = act.transaction, act.actor
        found_project = None if project is None else await projects.register.resolve(reader, actor, project, "project")
        found_user = None if user is None else await users.register.resolve(reader, actor, user, "user")
        team_id = actor.team_id
        if team is not None:
            team_id = (await teams.register.resolve(reader, actor, team, "team")).id
            if found_project is not None and found_project.team_id not in (None, team_id):
                raise invalid("project", "is another team's; write a project of that team, or leave 'team' out")
        elif found_project is not None and found_project.team_id is not None:
            team_id = found_project.team_id
        elif found_user is not None and found_user.team_id is not None:
            team_id = found_user.team_id
        return {
            "team_id": team_id,
            "project_id": None if found_project is None else found_project.id,
            "user_id": None if found_user is None else found_user.id,
        }

    async def _check_grant(self, act: Act, key: Key) -> None:
        """Raise `Forbidden` where a key could do more than the actor."""
        identity = act.actor.identity
        held = await KEYS.get(act.transaction, identity.organisation, identity.key_id)
        beyond = exceeds(identity, key, self._roles(), held)
        if beyond:
            raise Forbidden(f"A key can do no more than who makes it, and yours lacks: {beyond}.")

    async def _check_not_own(self, act: Act, key: Key) -> None:
        identity = act.actor.identity
        if key.id in await keyring.lineage(act.transaction, identity.organisation, identity.key_id):
            raise Forbidden("A key does not change itself. Use another one.")

    def _check_live(self, key: Key) -> None:
        status = status_of(key, self._clock.now_us())
        if status != "live":
            raise Conflict(f"This key is {status}; make another one.")

    async def _check_not_replaced(self, act: Act, key: Key) -> None:
        found, _ = await KEYS.list(act.transaction, key.organisation, {"replaces": key.id, "revoked_us": None}, limit=1)
        if found:
            raise Conflict(f"This key has been replaced by '{found[0].id}'; rotate or revoke that one first.")

    async def _limit(self, act: Act, key: Key, request: NewKey) -> None:
        """Make the limits and the budget that come with a new key."""
        subject = f"key:{key.id}"
        for body in request.limits:
            await limits.add(act, body, subject, None)
        if request.budget_usd is not None:
            budget = NewBudget(
                subject=subject,
                amount_usd=request.budget_usd,
                period=request.budget_period or "total",
                hard=request.budget_hard is not False,
            )
            await budgets.add(act, budget, subject, None)

    # ── telling ──

    async def _made(self, act: Act, key: Key, secret: str) -> KeyMade:
        view = await self._view(act.transaction, key)
        return KeyMade(**{name: getattr(view, name) for name in view.__struct_fields__}, key=secret)

    async def _view(self, reader: Reader, key: Key) -> KeyView:
        [view] = await self._views(reader, [key])
        return view

    async def _views(self, reader: Reader, keys: Sequence[Key]) -> list[KeyView]:
        if not keys:
            return []
        organisation = keys[0].organisation
        lines = await keyring.lineages(reader, organisation, keys)
        named = [f"key:{each}" for line in lines.values() for each in line]
        found_limits = await keyring.rules_of(reader, LIMITS, organisation, named)
        found_budgets = await keyring.rules_of(reader, BUDGETS, organisation, named)
        rows = [row for rows in found_budgets.values() for row in rows]
        views = dict(zip((row.id for row in rows), await self._budgets.views(reader, rows), strict=True))
        now_us = self._clock.now_us()
        return [
            KeyView.of(
                key,
                status_of(key, now_us),
                [LimitView.of(row) for row in _of(lines[key.id], found_limits)],
                [views[row.id] for row in _of(lines[key.id], found_budgets)],
            )
            for key in keys
        ]


def _of(line: Sequence[str], rules: Mapping[str, list[Any]]) -> list[Any]:
    return [row for each in line for row in rules.get(f"key:{each}", ())]


def _sooner(expires_us: int | None, over_us: int) -> int:
    return over_us if expires_us is None else min(expires_us, over_us)
