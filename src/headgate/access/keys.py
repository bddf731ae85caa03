"""From a request's headers to who calls. Nothing here reads a body, waits, or tells a wrong key from an unknown one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from headgate.access.directory import Directory
from headgate.access.holders import Holder
from headgate.access.minting import digest, well_formed
from headgate.access.roles import SCOPES
from headgate.access.tokens import TokenError, WorkloadTokens, looks_signed
from headgate.clock import Clock, SystemClock
from headgate.errors import Unauthenticated
from headgate.types import ANONYMOUS, Identity

Failed = Callable[[str, str, str], None]
"""Is told of each request without a caller, for the audit log: why, from where, and what may be said of the key.

Why is `missing`, `unknown`, `revoked`, `archived`, `expired`, `network`, or `token_…` for a signed token. Of a key that
is its last four characters, and nothing of what Headgate did not make itself.
"""

MISSING = "No valid key. Send one as 'Authorization: Bearer …' or 'x-api-key: …'."
INVALID = "The key is not valid."
"""Whatever is wrong with it."""

ADMIN = Identity(key_id="admin", roles=frozenset({"admin"}), scopes=frozenset(SCOPES))
"""Who has the key of the environment."""


class Authenticator(Protocol):
    """Tells who sent a request from its headers and the client's address alone."""

    def identify(self, headers: Mapping[bytes, bytes], address: str) -> Identity:
        """The caller.

        Raises:
            Unauthenticated: no key, or one that is not valid here and now.
        """
        ...

    def opens(self, key: bytes) -> bool:
        """Whether something is a key for Headgate, valid here and now or not: no vendor is to see it."""
        ...

    def known(self, digest: bytes, address: str) -> Identity:
        """Who has the key of this SHA-256.

        Raises:
            Unauthenticated: nobody, or the key is not valid here and now.
        """
        ...


class Open:
    """`auth: none`, on loopback only: everybody is an anonymous caller, never an administrator."""

    def identify(self, headers: Mapping[bytes, bytes], address: str) -> Identity:
        return ANONYMOUS

    def opens(self, key: bytes) -> bool:
        return False

    def known(self, digest: bytes, address: str) -> Identity:
        return ANONYMOUS


class KeyAuthenticator:
    """`auth: keys`: looks the SHA-256 of the whole key up in memory. What is no key there may be a signed token."""

    def __init__(
        self,
        admin_key: str | None = None,
        directory: Directory | None = None,
        tokens: WorkloadTokens | None = None,
        *,
        clock: Clock | None = None,
        failed: Failed | None = None,
    ) -> None:
        admin = Holder(identity=ADMIN, hint="", plain=True)
        self._own = {digest(admin_key.encode()): admin} if admin_key else {}
        """By digest. The key itself is not kept."""
        self._look_up = directory.holder if directory is not None else self._own.get
        self._tokens = tokens
        self._clock = clock or SystemClock()
        self._failed = failed

    def identify(self, headers: Mapping[bytes, bytes], address: str) -> Identity:
        key = presented_key(headers)
        if not key:
            raise self._refused("missing", address, "", MISSING)
        found = digest(key)
        holder = self._look_up(found) or self._own.get(found)
        if holder is not None:
            if holder.plain:
                return holder.identity
            reason = self._reason(holder, address)
            if reason is None:
                return holder.identity
            raise self._refused(reason, address, f"…{holder.hint}")
        if self._tokens is not None and looks_signed(key):
            try:
                return self._tokens.identity(key, found)
            except TokenError as error:
                raise self._refused(error.reason, address, "") from None
        raise self._refused("unknown", address, _hint(key))

    def opens(self, key: bytes) -> bool:
        found = digest(key)
        if self._look_up(found) is not None or found in self._own:
            return True
        if self._tokens is None or not looks_signed(key):
            return False
        try:
            self._tokens.identity(key, found)
        except TokenError:
            return False
        return True

    def known(self, digest: bytes, address: str) -> Identity:
        holder = self._look_up(digest) or self._own.get(digest)
        if holder is None:
            raise self._refused("unknown", address, "")
        reason = self._reason(holder, address)
        if reason is not None:
            raise self._refused(reason, address, f"…{holder.hint}")
        return holder.identity

    def _reason(self, holder: Holder, address: str) -> str | None:
        """Why a key opens nothing here and now."""
        if holder.refusal is not None:
            return holder.refusal
        if holder.expires_us is not None and holder.expires_us <= self._clock.now_us():
            return "expired"
        if holder.networks is not None and address not in holder.networks:
            return "network"
        return None

    def _refused(self, reason: str, address: str, hint: str, message: str = INVALID) -> Unauthenticated:
        if self._failed is not None:
            self._failed(reason, address, hint)
        return Unauthenticated(message)


def presented_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key a request carries for Headgate: `x-headgate-key`, else `Authorization: Bearer`, else `x-api-key`."""
    key = headers.get(b"x-headgate-key")
    if key:
        return key
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and token:
        return token.strip()
    return headers.get(b"x-api-key") or None


def _hint(key: bytes) -> str:
    """The end of what was a key once; nothing of what may be a key of somebody else."""
    text = key.decode("latin-1")
    return f"…{text[-4:]}" if well_formed(text) else ""
