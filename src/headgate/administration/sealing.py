"""Credentials that are kept to be used again: encrypted under `HEADGATE_SECRET`.

AES-256-GCM (NIST SP 800-38D) with a random nonce, under a key made of the secret by HKDF-SHA-256 (RFC 5869). What a
credential belongs to is authenticated with it, so one cannot be put in another's place.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headgate.errors import Conflict, InternalError

_FORMAT = "v1."
_NONCE_BYTES = 12


class Sealer:
    """Seals and opens. Without a secret it does neither."""

    def __init__(self, secret: str | None) -> None:
        self._cipher: AESGCM | None = None
        if secret:
            derived = HKDF(SHA256(), 32, salt=None, info=b"headgate provider keys").derive(secret.encode())
            self._cipher = AESGCM(derived)

    def seal(self, credential: str, owner: str) -> str:
        """The credential as it is stored.

        Raises:
            Conflict: there is no secret to seal it under.
        """
        if self._cipher is None:
            raise Conflict(
                "A provider's credential can only be kept encrypted, and HEADGATE_SECRET is not set. Set it to a long "
                "random text, the same for all replicas, and start the server again."
            )
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + b64encode(nonce + self._cipher.encrypt(nonce, credential.encode(), owner.encode())).decode()

    def open(self, sealed: str, owner: str) -> str:
        """The credential.

        Raises:
            InternalError: there is no secret, or another than it was sealed under, or it belongs to something else.
        """
        if self._cipher is None:
            raise InternalError("a provider's credential is stored encrypted, and HEADGATE_SECRET is not set")
        try:
            raw = b64decode(sealed.removeprefix(_FORMAT), validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode()).decode()
        except (InvalidTag, ValueError):
            raise InternalError("a provider's credential was sealed under another HEADGATE_SECRET") from None


def owner_of(organisation: str, team_id: str, provider: str) -> str:
    """What a credential is sealed to."""
    return f"{organisation}\n{team_id}\n{provider}"
