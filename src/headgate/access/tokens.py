"""Signed tokens of configured issuers in place of keys, for workloads that have an identity of their own."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from headgate.access.addresses import is_loopback
from headgate.access.config import IssuerConfig
from headgate.access.directory import Directory
from headgate.access.fetch import Fetcher
from headgate.access.key_sets import FetchedKeys, FileKeys, Keys
from headgate.access.roles import Roles
from headgate.access.signed import TokenError, check_claims, issuer_of, looks_signed, opened
from headgate.clock import Clock
from headgate.storage.records import Project, Team
from headgate.types import JSON, Identity

__all__ = ["TokenError", "WorkloadTokens", "looks_signed"]

REMEMBERED = 10_000
"""Verified tokens that are kept at hand."""

_MAX_SUBJECT = 200


class Issuer(msgspec.Struct, frozen=True):
    """Who signs, and by which keys that is checked."""

    config: IssuerConfig
    keys: Keys


class Verified(msgspec.Struct, frozen=True):
    """A token whose signature was right."""

    issuer: Issuer
    claims: JSON
    identity: Identity
    ends_us: int
    keys_version: int
    generation: int
    """Of the directory when the identity was made."""


class WorkloadTokens:
    """Checks tokens without waiting. One that was right is remembered by the SHA-256 of the whole of it."""

    def __init__(
        self,
        issuers: Sequence[IssuerConfig],
        directory: Directory,
        roles: Roles,
        clock: Clock,
        held: WorkloadTokens | None = None,
    ) -> None:
        """`held` is what was there before a reload: keys it has fetched are gone on with.

        Raises:
            ConfigError: a file of keys or of authorities cannot be used.
        """
        self._directory = directory
        self._roles = roles
        self._clock = clock
        self._fetched = {} if held is None else dict(held._fetched)
        self._issuers = [Issuer(config, self._keys_of(config)) for config in issuers]
        used = [issuer.keys for issuer in self._issuers]
        self._fetched = {place: keys for place, keys in self._fetched.items() if keys in used}
        self._verified: OrderedDict[bytes, Verified] = OrderedDict()

    async def run(self) -> None:
        """Keep the issuers' keys fresh until cancelled."""
        await asyncio.gather(*(keys.run() for keys in self._fetched.values()))

    def identity(self, token: bytes, digest: bytes) -> Identity:
        """Whose token it is. `digest` is its SHA-256.

        Raises:
            TokenError: it is not valid here and now.
        """
        held = self._verified.get(digest)
        now_us = self._clock.now_us()
        if held is None or held.keys_version != held.issuer.keys.version:
            held = self._keep(digest, self._verify(token, now_us))
        elif now_us >= held.ends_us:
            del self._verified[digest]
            raise TokenError("expired")
        elif held.generation != self._directory.generation:
            held = self._keep(digest, self._made(held.issuer, held.claims, held.ends_us))
        else:
            self._verified.move_to_end(digest)
        return held.identity

    def _verify(self, token: bytes, now_us: int) -> Verified:
        """Check a token by the first of its issuer's configurations that it is for."""
        name = issuer_of(token)
        refusal = TokenError("issuer")
        for issuer in self._issuers:
            config = issuer.config
            if config.issuer == name:
                try:
                    claims = opened(token, issuer.keys, config.algorithms)
                    ends_us = check_claims(claims, config.issuer, config.audience, now_us, config.max_age_s)
                    return self._made(issuer, claims, ends_us)
                except TokenError as error:
                    refusal = error
        raise refusal

    def _made(self, issuer: Issuer, claims: JSON, ends_us: int) -> Verified:
        """The identity of who showed these claims."""
        generation, version = self._directory.generation, issuer.keys.version
        identity = self._identity(issuer.config, claims)
        return Verified(issuer, claims, identity, ends_us, version, generation)

    def _identity(self, config: IssuerConfig, claims: JSON) -> Identity:
        for name, values in config.require.items():
            if not set(_texts(claims, name)) & set(values):
                raise TokenError("claims")
        directory = self._directory
        team_id = self._owner(Team, config.organisation, claims, config.claims.team)
        project_id = self._owner(Project, config.organisation, claims, config.claims.project)
        if project_id is not None and (project := directory.get(Project, project_id)) is not None:
            if team_id not in (None, project.team_id):
                raise TokenError("owner")
            team_id = project.team_id
        if not directory.active(config.organisation, team_id, project_id):
            raise TokenError("owner")
        roles = set(config.roles)
        for value in _texts(claims, config.claims.roles) if config.claims.roles else ():
            roles.update(config.grants.get(value, ()))
        return Identity(
            organisation=config.organisation,
            key_id=f"jwt:{config.issuer}#{_subject(claims['sub'])}",
            team_id=team_id,
            project_id=project_id,
            roles=frozenset(roles),
            scopes=self._roles.scopes(roles) & frozenset(config.scopes),
            models=None if config.models is None else tuple(config.models),
            timezone=directory.timezone(team_id),
        )

    def _owner(self, kind: type[Team | Project], organisation: str, claims: JSON, claim: str | None) -> str | None:
        """The id of the team or project a claim names; None where no claim is configured to."""
        if claim is None:
            return None
        names = _texts(claims, claim)
        found = self._directory.named(kind, organisation, names[0]) if len(names) == 1 else None
        if found is None:
            raise TokenError("owner")
        return found.id

    def _keep(self, digest: bytes, verified: Verified) -> Verified:
        self._verified[digest] = verified
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return verified

    def _keys_of(self, config: IssuerConfig) -> Keys:
        if config.keys_file is not None:
            return FileKeys(Path(config.keys_file))
        url = config.jwks_url or ""
        place = url, config.ca_file
        if place not in self._fetched:
            loopback = is_loopback(urlsplit(url).hostname or "")
            self._fetched[place] = FetchedKeys(url, Fetcher(config.ca_file, loopback=loopback))
        return self._fetched[place]


def _texts(claims: JSON, name: str) -> list[str]:
    """The texts a claim holds: one, or a list of them. A claim inside another is named `outer/inner`."""
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for step in name.split("/"):
            value = value.get(step) if isinstance(value, dict) else None
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def _subject(sub: str) -> str:
    """What an issuer calls somebody, as part of an id: what is too long for one, or could not be printed, hashed."""
    if len(sub) <= _MAX_SUBJECT and sub.isascii() and sub.isprintable() and not sub.startswith("~"):
        return sub
    return "~" + hashlib.sha256(sub.encode("utf-8", "surrogatepass")).hexdigest()
