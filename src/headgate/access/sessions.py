"""Who is signed in: a random cookie in the browser, what it stands for on the server."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from headgate.access.config import SignInConfig
from headgate.access.directory import Directory
from headgate.clock import Clock
from headgate.storage.state import SharedState
from headgate.types import Identity

_TOUCH_S = 60.0
"""How often at the most it is noted that a session is used."""


class Session(msgspec.Struct, frozen=True):
    """What is kept of a session, under the SHA-256 of its cookie."""

    user_id: str
    begun_us: int
    seen_us: int


class Cookie:
    """One cookie of ours. Over https it is bound to this very host (`__Host-`, RFC 6265bis, section 4.1.3.2)."""

    def __init__(self, name: str, *, secure: bool, same_site: str) -> None:
        self._name = f"__Host-{name}" if secure else name
        self._rules = f"Path=/; HttpOnly; SameSite={same_site}" + ("; Secure" if secure else "")

    def set(self, value: str, max_age_s: int) -> str:
        """What a `set-cookie` header says."""
        return f"{self._name}={value}; Max-Age={max_age_s}; {self._rules}"

    def clear(self) -> str:
        return self.set("", 0)

    def read(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Its value; None where it is not there, or there twice: one of the two somebody else has set."""
        found: list[str] = []
        for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
            name, separator, value = pair.strip().partition("=")
            if separator and name == self._name:
                found.append(value)
        return found[0] if len(found) == 1 and found[0] else None


class Sessions:
    """The sessions of one server, or of all replicas that share the state."""

    def __init__(self, shared: SharedState, directory: Directory, clock: Clock, config: SignInConfig) -> None:
        self._shared = shared
        self._directory = directory
        self._clock = clock
        self._idle_s = config.idle_s
        self._absolute_s = config.absolute_s
        self._cookie = Cookie("headgate_session", secure=config.redirect_uri.startswith("https:"), same_site="Strict")

    async def begin(self, user_id: str) -> str:
        """Begin a session, under an id of its own, whatever the browser had before. Returns its `set-cookie`."""
        cookie = secrets.token_urlsafe(32)
        now_us = self._clock.now_us()
        session = Session(user_id, now_us, now_us)
        await self._shared.put(_key(cookie), msgspec.json.encode(session), self._left_s(session, now_us))
        return self._cookie.set(cookie, self._absolute_s)

    async def identity(self, headers: Mapping[bytes, bytes]) -> Identity | None:
        """Who is signed in, as the user's row is now; None where that is nobody.

        Raises:
            StoreUnavailable: the shared state cannot be reached.
        """
        cookie = self._cookie.read(headers)
        raw = await self._shared.get(_key(cookie)) if cookie else None
        if cookie is None or raw is None:
            return None
        session = msgspec.json.decode(raw, type=Session)
        now_us = self._clock.now_us()
        left_s = self._left_s(session, now_us)
        if left_s <= 0:
            await self._shared.delete(_key(cookie))
            return None
        if now_us - session.seen_us > min(_TOUCH_S, self._idle_s / 10) * 1_000_000:
            seen = msgspec.json.encode(replace(session, seen_us=now_us))
            await self._shared.replace(_key(cookie), raw, seen, left_s)  # not where it has been ended meanwhile
        return self._directory.person(session.user_id)

    def cookie(self, headers: Mapping[bytes, bytes]) -> str | None:
        """What the browser brings."""
        return self._cookie.read(headers)

    async def end(self, headers: Mapping[bytes, bytes]) -> str:
        """End the session there is. Returns the `set-cookie` that has the browser forget it."""
        if cookie := self._cookie.read(headers):
            await self._shared.delete(_key(cookie))
        return self._cookie.clear()

    def _left_s(self, session: Session, now_us: int) -> float:
        """Seconds until it ends if it is not used."""
        return min(self._idle_s, self._absolute_s - (now_us - session.begun_us) / 1_000_000)


def _key(cookie: str) -> str:
    return f"session:{hashlib.sha256(cookie.encode()).hexdigest()}"
