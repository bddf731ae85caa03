"""Who looks at a page, and what a page is made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from headgate.administration import Actor, Administration
from headgate.config import Config
from headgate.dashboard.asking import Asked
from headgate.errors import Forbidden, NotFound
from headgate.routing.breaker import State
from headgate.types import Identity


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks."""

    identity: Identity
    name: str
    """What the page calls them."""
    scopes: frozenset[str]
    csrf: str = ""
    """What a form has to bring, so that it is known to be of this session."""
    signed_in: bool = True
    """Not where nobody has to."""
    address: str | None = None

    def may(self, *scopes: str) -> bool:
        """Whether one of some scopes is there."""
        return any(scope in self.scopes for scope in scopes)


class TargetNow(msgspec.Struct, frozen=True, kw_only=True):
    """How a target is doing, whatever models use it."""

    target: str
    breaker: State
    """The worst there is of it."""
    rests: bool
    """Whether anybody leaves it alone."""
    rests_s: float | None
    """For how long, where that is known."""
    failing: float
    """The largest share of its latest attempts that failed."""
    in_flight: int
    limit: int
    waiting: int


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """How targets are doing."""

    found: Sequence[TargetNow]
    of: Literal["server", "workers", "worker"]
    """Who knows that: the server's one process; all of its workers; one of them, while the others cannot be asked."""


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages stand on."""

    administration: Administration | None
    """None where nothing is kept."""
    config: Callable[[], Config]
    targets: Callable[[], Awaitable[Targets]]
    models: Callable[[Sequence[str] | None], Sequence[str]]
    """Those that may be asked for, within an allowance."""
    named: Callable[[str, str], str]
    """What people call a key, team, project or user: by kind and id."""
    organisation_of: Callable[[str, str], str | None]
    """Whose a key or user is: by kind and id; None where nobody knows."""
    user_of: Callable[[str], str | None]
    """The id of the user whose key one is, by its id; None where it is nobody's."""
    now_us: Callable[[], int]
    ready: Callable[[], str]
    """Why no calls are taken; empty where they are."""
    signs_in: bool
    """Whether people can sign in at an identity provider."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One page that somebody asked for."""

    house: House
    viewer: Viewer
    asked: Asked
    params: Mapping[str, str] = {}
    form: Mapping[str, Sequence[str]] = {}

    @property
    def administration(self) -> Administration:
        """
        Raises:
            NotFound: nothing is kept here.
        """
        if self.house.administration is None:
            raise NotFound("Nothing is kept here, so there is nothing to show: name a database under storage.database.")
        return self.house.administration

    async def actor(self) -> Actor:
        """Who administration is told acts.

        Raises:
            Forbidden, NotFound: they may not in that organisation, or there is none.
        """
        organisation = self.asked.get("organisation") or None
        return await self.administration.actor(self.viewer.identity, organisation, self.viewer.address)

    def commands(self, actor: Actor) -> str:
        """What commands have to say besides, so that they act where this page does."""
        return f" --organisation {actor.organisation}" if self.asked.get("organisation") else ""

    def need(self, *scopes: str) -> None:
        """Raise `Forbidden` unless one of some scopes is there."""
        if not self.viewer.may(*scopes):
            raise Forbidden(f"This needs the scope '{scopes[0]}', and you do not have it.")

    def who(self, actor: str) -> str:
        """What people call whoever acted, of whom the audit log says `user:…` or `key:…`."""
        kind, _, id_ = actor.partition(":")
        known = self.house.organisation_of(kind, id_) if kind in ("user", "key") else None
        if known is None or known not in (self.viewer.identity.organisation, self.asked.get("organisation")):
            return actor  # somebody who may act in all organisations is nobody's to know
        name = self.house.named(kind, id_)
        if kind == "user":
            return name
        user = self.house.user_of(id_)
        return f"key “{name}”" if user is None else f"{self.house.named('user', user)}, key “{name}”"

    def same(self, actor: str) -> bool:
        """Whether whoever acted is who looks: the same key, or a key of the same person."""
        identity = self.viewer.identity
        kind, _, id_ = actor.partition(":")
        user = id_ if kind == "user" else self.house.user_of(id_)
        return actor == identity.actor or (user is not None and user == identity.user_id)

    def value(self, name: str) -> str:
        """A field of the form; empty where it is not there."""
        return next(iter(self.form.get(name, ())), "").strip()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser is answered."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A page before it is written."""

    name: str
    title: str
    values: Mapping[str, Any]
    status: int = 200


class Csv(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is asked for in place of itself."""

    name: str
    body: bytes
