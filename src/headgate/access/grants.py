"""A created key can do no more than its creator."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.access.addresses import Networks, network
from headgate.access.patterns import covers
from headgate.access.roles import Roles
from headgate.storage.records import Key
from headgate.types import Identity

ANYWHERE = "organisations.write"
"""The scope that lets act in all organisations."""


def exceeds(creator: Identity, wanted: Key, roles: Roles, held: Key | None = None) -> str | None:
    """The first thing by which a key would go beyond who makes it, for an error's text; None where there is none.

    `held` is the creator's own key, where it has one: it says where from and until when that may be used.

    Raises:
        ValueError: one of the wanted networks is none.
    """
    if wanted.organisation != creator.organisation and ANYWHERE not in creator.scopes:
        return f"the organisation '{wanted.organisation}'"
    return (
        lacking(creator, wanted.roles, roles)
        or _owner(creator, wanted)
        or _models(creator, wanted)
        or _endpoints(creator, wanted)
        or _settings(creator, wanted)
        or (_where_and_when(held, wanted) if held is not None else None)
    )


def lacking(creator: Identity, names: Iterable[str], roles: Roles) -> str | None:
    """The first scope of these roles that their giver has not, for an error's text."""
    missing = roles.scopes(names) - creator.scopes
    return f"the scope '{min(missing)}'" if missing else None


def _owner(creator: Identity, wanted: Key) -> str | None:
    """Who belongs to a team or a project makes keys for that one only."""
    if creator.team_id is not None and wanted.team_id != creator.team_id:
        return f"the team '{wanted.team_id}'" if wanted.team_id else "no team"
    if creator.project_id is not None and wanted.project_id != creator.project_id:
        return f"the project '{wanted.project_id}'" if wanted.project_id else "no project"
    return None


def _models(creator: Identity, wanted: Key) -> str | None:
    if wanted.models is None:
        return None if covers(creator.models, "*") else "all models"
    return next((f"the model '{each}'" for each in wanted.models if not covers(creator.models, each)), None)


def _endpoints(creator: Identity, wanted: Key) -> str | None:
    if creator.endpoints is None:
        return None
    if wanted.endpoints is None:
        return "all endpoints"
    return next((f"the endpoint '{each}'" for each in wanted.endpoints if each not in creator.endpoints), None)


def _settings(creator: Identity, wanted: Key) -> str | None:
    """What its creator's calls are bound to, its own are bound to."""
    for name, value in creator.tags:
        if wanted.tags.get(name) != value:
            return f"calls without the tag '{name}={value}'"
    if creator.prompt_label is not None and wanted.prompt_label != creator.prompt_label:
        return f"another prompt label than '{creator.prompt_label}'"
    if creator.policy is not None and wanted.policy != creator.policy:
        return f"another policy than '{creator.policy}'"
    return None


def _where_and_when(held: Key, wanted: Key) -> str | None:
    if held.networks is not None:
        if wanted.networks is None:
            return "any network"
        allowed = Networks(held.networks)
        for each in wanted.networks:
            if not allowed.covers(network(each)):
                return f"the network '{each}'"
    if held.expires_us is not None and (wanted.expires_us is None or wanted.expires_us > held.expires_us):
        return "a later expiry"
    return None
