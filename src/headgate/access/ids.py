"""Ids that name something in an account at a vendor, made ours on the outside.

A vendor's response or file id is known to whoever shares the vendor account. Outside, it is wrapped with the target
that holds it and authenticated for one organisation (HMAC-SHA-256, cut to 128 bits): an id of another organisation,
a made-up one and a vendor's bare one are all simply not found.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from headgate.errors import NotFound

_MARK = "hg_"
_MAC_BYTES = 16


class Held(msgspec.Struct, frozen=True):
    """Something at a vendor: where it is, and what the vendor calls it."""

    target: str
    vendor_id: str


class IdCodec:
    """Wraps and unwraps ids under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.sha256(b"headgate account ids\0" + secret).digest()

    def wrap(self, organisation: str, held: Held) -> str:
        """The id to show, with the vendor's own prefix up to its first underscore (`resp_`, `file-` has none)."""
        prefix, underscore, _ = held.vendor_id.partition("_")
        body = f"{held.target}\n{held.vendor_id}".encode()
        token = urlsafe_b64encode(self._mac(organisation, body) + body).rstrip(b"=").decode()
        return f"{prefix if underscore else 'id'}_{_MARK}{token}"

    def unwrap(self, organisation: str, shown: str) -> Held:
        """What a shown id stands for.

        Raises:
            NotFound: it is not one of this organisation's.
        """
        _, _, rest = shown.partition("_")
        if rest.startswith(_MARK):
            token = rest.removeprefix(_MARK).encode("ascii", "replace")
            try:
                raw = urlsafe_b64decode(token + b"=" * (-len(token) % 4))
            except ValueError:
                raw = b""
            mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if body and hmac.compare_digest(mac, self._mac(organisation, body)):
                target, _, vendor_id = body.decode().partition("\n")
                return Held(target, vendor_id)
        raise NotFound(f"No object with the id '{shown[:200]}'.")

    def _mac(self, organisation: str, body: bytes) -> bytes:
        return hmac.new(self._secret, f"{organisation}\n".encode() + body, hashlib.sha256).digest()[:_MAC_BYTES]
