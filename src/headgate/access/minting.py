"""Making keys: 256 random bits behind a prefix that secret scanners find, and a checksum that tells typing errors."""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import NamedTuple
from zlib import crc32

PREFIX = "hg-"
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_CHARACTERS = 43
"""Of 62 each: 256 bits."""
_CHECK_CHARACTERS = 6


class Minted(NamedTuple):
    """A new key, to be shown once, and what is kept of it."""

    key: str
    digest: str
    hint: str


def mint() -> Minted:
    """A new key: `hg-`, 43 random characters of base 62, 6 that are the CRC-32 of those."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARACTERS))
    key = f"{PREFIX}{secret}{_checksum(secret)}"
    return Minted(key, digest(key.encode()).hex(), key[-4:])


def digest(key: bytes) -> bytes:
    """What of a key is stored and compared. A fast hash is enough for a key of full entropy."""
    return hashlib.sha256(key).digest()


def well_formed(key: str) -> bool:
    """Whether a text can be a key: for people and secret scanners, who need not ask a server."""
    secret = key.removeprefix(PREFIX)[:_SECRET_CHARACTERS]
    return key == f"{PREFIX}{secret}{_checksum(secret)}" and len(secret) == _SECRET_CHARACTERS


def _checksum(secret: str) -> str:
    value, digits = crc32(secret.encode()), ""
    for _ in range(_CHECK_CHARACTERS):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
