"""Who has signed in at a browser with a key: a random cookie there, the key's SHA-256 behind it on the server."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from headgate.access.minting import digest
from headgate.access.sessions import Cookie
from headgate.clock import Clock
from headgate.errors import Unauthenticated
from headgate.storage.state import SharedState
from headgate.types import Identity

IDLE_S = 3_600
"""A session ends that long after it was last used."""

ABSOLUTE_S = 43_200
"""And that long after the sign-in at the latest."""

_TOUCH_S = 60.0
"""How often at the most it is noted that a session is used."""

NAME = "headgate_key"

Known = Callable[[bytes, str], Identity]
"""Who has the key of a SHA-256, from an address; raises `Unauthenticated`."""


class KeySession(msgspec.Struct, frozen=True):
    """What is kept of a session, under the SHA-256 of its cookie."""

    digest: str
    """The SHA-256 of the key, in hexadecimal."""
    begun_us: int
    seen_us: int


class KeySessions:
    """The sessions of one server, or of all replicas that share the state. The key is looked up anew each time: one
    that is revoked opens nothing any more.
    """

    def __init__(self, shared: SharedState, clock: Clock, known: Known) -> None:
        self._shared = shared
        self._clock = clock
        self._known = known
        self._secure = Cookie(NAME, secure=True, same_site="Strict")
        self._plain = Cookie(NAME, secure=False, same_site="Strict")

    async def begin(self, key: bytes, address: str, *, secure: bool) -> str:
        """Begin a session for whoever has the key, under an id of its own. Returns its `set-cookie`.

        Raises:
            Unauthenticated: that is nobody.
            StoreUnavailable: the shared state cannot be reached.
        """
        found = digest(key)
        self._known(found, address)
        cookie = secrets.token_urlsafe(32)
        now_us = self._clock.now_us()
        session = KeySession(found.hex(), now_us, now_us)
        await self._shared.put(_name(cookie), msgspec.json.encode(session), self._left_s(session, now_us))
        return (self._secure if secure else self._plain).set(cookie, ABSOLUTE_S)

    async def identity(self, headers: Mapping[bytes, bytes], address: str) -> Identity | None:
        """Who is signed in, as the key is now; None where that is nobody.

        Raises:
            StoreUnavailable: the shared state cannot be reached.
        """
        cookie = self.cookie(headers)
        raw = await self._shared.get(_name(cookie)) if cookie else None
        if cookie is None or raw is None:
            return None
        session = msgspec.json.decode(raw, type=KeySession)
        now_us = self._clock.now_us()
        left_s = self._left_s(session, now_us)
        if left_s <= 0:
            await self._shared.delete(_name(cookie))
            return None
        try:
            found = self._known(bytes.fromhex(session.digest), address)
        except Unauthenticated:
            await self._shared.delete(_name(cookie))
            return None
        if now_us - session.seen_us > _TOUCH_S * 1_000_000:
            seen = msgspec.json.encode(replace(session, seen_us=now_us))
            await self._shared.replace(_name(cookie), raw, seen, left_s)  # not where it has been ended meanwhile
        return found

    async def end(self, headers: Mapping[bytes, bytes]) -> list[str]:
        """End the session there is. Returns the `set-cookie`s that have the browser forget it."""
        if cookie := self.cookie(headers):
            await self._shared.delete(_name(cookie))
        return [each.clear() for each in (self._secure, self._plain) if each.read(headers) is not None]

    def cookie(self, headers: Mapping[bytes, bytes]) -> str | None:
        """What the browser brings."""
        return self._secure.read(headers) or self._plain.read(headers)

    def _left_s(self, session: KeySession, now_us: int) -> float:
        """Seconds until it ends if it is not used."""
        return min(IDLE_S, ABSOLUTE_S - (now_us - session.begun_us) / 1_000_000)


def _name(cookie: str) -> str:
    return f"key-session:{hashlib.sha256(cookie.encode()).hexdigest()}"
