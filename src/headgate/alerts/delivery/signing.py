"""Signatures of webhooks, as the Standard Webhooks specification has them (standardwebhooks.com, version 1.0.0).

    webhook-id: ntc_…
    webhook-timestamp: 1764140400
    webhook-signature: v1,base64(HMAC-SHA256(secret, id.timestamp.body))

Whoever receives one recomputes it, compares in constant time, refuses timestamps more than some minutes off, and
remembers ids.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from hashlib import sha256

PREFIX = "whsec_"


def headers(secret: str, id_: str, timestamp: int, body: bytes) -> tuple[tuple[str, str], ...]:
    """What stands at the head of a signed request."""
    return (
        ("webhook-id", id_),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", signature(secret, id_, timestamp, body)),
    )


def signature(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    signed = b".".join((id_.encode(), str(timestamp).encode(), body))
    return f"v1,{b64encode(hmac.digest(_key(secret), signed, sha256)).decode()}"


def _key(secret: str) -> bytes:
    """`whsec_` and base64 stand for bytes, any other text for itself."""
    return b64decode(secret.removeprefix(PREFIX)) if secret.startswith(PREFIX) else secret.encode()
