"""From a request's headers to who calls. Nothing here reads a body, waits, or tells a wrong key from an unknown one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol

from headgate.errors import Unauthenticated
from headgate.types import ANONYMOUS, Identity

ADMIN_SCOPES = frozenset({"call", "admin", "metrics"})


class Authenticator(Protocol):
    """Tells who sent a request from its headers alone."""

    def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        """The caller.

        Raises:
            Unauthenticated: no key, or one that is not known.
        """
        ...


class Open:
    """`auth: none`, on loopback only: everybody is an anonymous caller, never an administrator."""

    def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        return ANONYMOUS


class KeyAuthenticator:
    """`auth: keys`: looks the SHA-256 of the whole key up in memory."""

    def __init__(self, identities: Mapping[bytes, Identity]) -> None:
        self._identities = dict(identities)
        """By digest of the key. The key itself is not kept."""

    @classmethod
    def with_admin(cls, admin_key: str) -> KeyAuthenticator:
        """One key that may do everything."""
        admin = Identity(key_id="admin", roles=frozenset({"admin"}), scopes=ADMIN_SCOPES)
        return cls({digest(admin_key.encode()): admin})

    def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        key = presented_key(headers)
        identity = self._identities.get(digest(key)) if key else None
        if identity is None:
            raise Unauthenticated(
                "No valid key. Send one as 'Authorization: Bearer …' or 'x-api-key: …'."
                if not key
                else "The key is not valid."
            )
        return identity


def digest(key: bytes) -> bytes:
    """What of a key is stored and compared. A fast hash is enough for a key of full entropy."""
    return hashlib.sha256(key).digest()


def presented_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key a request carries for Headgate: `x-headgate-key`, else `Authorization: Bearer`, else `x-api-key`."""
    key = headers.get(b"x-headgate-key")
    if key:
        return key
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and token:
        return token.strip()
    return headers.get(b"x-api-key") or None
