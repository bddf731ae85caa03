"""One request to the admin API, read and checked, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import msgspec

from headgate.administration import Actor, Administration
from headgate.administration.problems import invalid


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, of whom, by whom."""

    administration: Administration
    actor: Actor
    params: Mapping[str, str]
    """What stands in the path in place of `{…}`."""
    query: Any
    """The route's query struct."""
    body: Any = None
    """The route's request struct."""
    version: int | None = None
    """The version that was seen, by `If-Match` or the body."""

    async def within(self, organisation: str | None) -> Actor:
        """The actor, in the organisation that a body names.

        Raises:
            Invalid: another one is acted in already.
        """
        actor = self.actor
        if organisation is None or organisation == actor.organisation:
            return actor
        if actor.organisation != actor.identity.organisation:
            raise invalid("organisation", "is another than ?organisation= says; write one of them")
        return await self.administration.actor(actor.identity, organisation, actor.address, actor.name)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: whole, or piece by piece."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    pieces: AsyncGenerator[bytes, None] | None = None
    """What follows `body`."""


class File(msgspec.Struct, frozen=True):
    """What a handler gives for an export."""

    name: str
    content_type: str
    pieces: AsyncGenerator[bytes, None]
