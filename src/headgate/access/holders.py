"""What a key opens: its row and those of whom it belongs to, made one identity beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from headgate.access.addresses import Networks
from headgate.access.roles import Roles
from headgate.storage.records import Entity, Key, Organisation, Project, Team, User
from headgate.types import Identity


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a key, and when and where it may be used."""

    identity: Identity
    hint: str
    refusal: str | None = None
    """Why it opens nothing: `revoked`, or `archived` for it or for whom it belongs to."""
    expires_us: int | None = None
    networks: Networks | None = None
    """None for anywhere."""
    plain: bool = False
    """Whether none of these three has to be looked at."""


class Owners:
    """The organisations, teams, projects and users that keys belong to."""

    def __init__(self, rows: Mapping[type[Entity], Mapping[str, Entity]]) -> None:
        self._rows = rows

    def team_of(self, team_id: str | None, project_id: str | None, user_id: str | None) -> str | None:
        """The team itself, else the project's, else the user's."""
        project = cast("Project | None", self._rows[Project].get(project_id or ""))
        user = cast("User | None", self._rows[User].get(user_id or ""))
        return team_id or (project and project.team_id) or (user and user.team_id) or None

    def timezone_of(self, team_id: str | None) -> str:
        team = cast("Team | None", self._rows[Team].get(team_id or ""))
        return "UTC" if team is None else team.timezone

    def active(self, organisation: str, team_id: str | None, project_id: str | None, user_id: str | None) -> bool:
        """Whether all of them are in use. An organisation may do without a row."""
        tenant = self._rows[Organisation].get(organisation)
        return (tenant is None or tenant.archived_us is None) and all(
            owner is None or self._in_use(kind, owner, organisation)
            for kind, owner in ((Team, team_id), (Project, project_id), (User, user_id))
        )

    def _in_use(self, kind: type[Entity], id: str, organisation: str) -> bool:
        row = self._rows[kind].get(id)
        return row is not None and row.archived_us is None and row.organisation == organisation

    def of(self, key: Key) -> set[str | None]:
        """The ids of all that a key's use depends on."""
        team_id = self.team_of(key.team_id, key.project_id, key.user_id)
        return {key.organisation, team_id, key.project_id, key.user_id}


def holder_of(key: Key, owners: Owners, roles: Roles) -> Holder:
    """What a key opens now."""
    team_id = owners.team_of(key.team_id, key.project_id, key.user_id)
    refusal = None
    if key.revoked_us is not None:
        refusal = "revoked"
    elif key.archived_us is not None or not owners.active(key.organisation, team_id, key.project_id, key.user_id):
        refusal = "archived"
    networks = None if key.networks is None else _networks(key.networks)
    identity = Identity(
        organisation=key.organisation,
        key_id=key.id,
        team_id=team_id,
        project_id=key.project_id,
        user_id=key.user_id,
        roles=frozenset(key.roles),
        scopes=roles.scopes(key.roles),
        models=None if key.models is None else tuple(key.models),
        endpoints=None if key.endpoints is None else frozenset(key.endpoints),
        tags=tuple(key.tags.items()),
        timezone=key.timezone or owners.timezone_of(team_id),
        prompt_label=key.prompt_label,
        policy=key.policy,
    )
    return Holder(
        identity=identity,
        hint=key.hint,
        refusal=refusal,
        expires_us=key.expires_us,
        networks=networks,
        plain=refusal is None and networks is None and key.expires_us is None,
    )


def person(user: User, owners: Owners, roles: Roles) -> Identity | None:
    """Who is signed in as a user; None where the user or its team is no longer in use."""
    if user.archived_us is not None or not owners.active(user.organisation, user.team_id, None, user.id):
        return None
    return Identity(
        organisation=user.organisation,
        key_id=f"user:{user.id}",
        team_id=user.team_id,
        user_id=user.id,
        roles=frozenset(user.roles),
        scopes=roles.scopes(user.roles),
        timezone=owners.timezone_of(user.team_id),
    )


def _networks(texts: list[str]) -> Networks:
    """Where a key may be used: nowhere, if that cannot be understood."""
    try:
        return Networks(texts)
    except ValueError:
        return Networks(())
