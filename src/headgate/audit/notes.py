"""Signed notes (C2SP signed-note): a text, a blank line, and a line per signature. Ed25519 (RFC 8032) alone.

    — <name> <base64 of key id and signature>

A key's id is the first four bytes of SHA-256(name, newline, 0x01, public key).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from headgate.audit.errors import Malformed, NotSigned

MAX_NOTE_BYTES = 256 * 1024

_ED25519 = b"\x01"
_ID_BYTES = 4
_KEY_BYTES = 32
_MARK = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Verifier:
    """A public key and the name it signs under."""

    def __init__(self, name: str, key: bytes) -> None:
        """
        Raises:
            Malformed: no name for a key, or no key.
        """
        if not is_name(name):
            raise Malformed(f"{name!r} cannot name a key: no blanks, control characters or plus signs")
        if len(key) != _KEY_BYTES:
            raise Malformed(f"an Ed25519 public key has {_KEY_BYTES} bytes, not {len(key)}")
        self.name = name
        self.key = key
        self.id = sha256(name.encode() + b"\n" + _ED25519 + key).digest()[:_ID_BYTES]
        self._key = Ed25519PublicKey.from_public_bytes(key)

    @classmethod
    def from_text(cls, text: str) -> Verifier:
        """The key that `str` wrote: `<name>+<id in hexadecimal digits>+<base64>`, as Go's `sumdb/note` has it.

        Raises:
            Malformed: it is none.
        """
        name, _, rest = text.strip().partition("+")
        digits, _, encoded = rest.partition("+")
        try:
            key = decode64(encoded)
        except ValueError:
            key = b""
        if key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
            raise Malformed("no Ed25519 key of the form name+id+base64; 'headgate audit key' prints one")
        found = cls(name, key[1:])
        if found.id.hex() != digits:
            raise Malformed(f"the key's id is {found.id.hex()}, not {digits[:8]!r}: it has been changed")
        return found

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode64(_ED25519 + self.key)}"

    def accepts(self, text: str, signature: bytes) -> bool:
        try:
            self._key.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private key and the name it signs under."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self.verifier = Verifier(name, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self._key = key

    @property
    def name(self) -> str:
        return self.verifier.name

    def sign(self, text: str) -> str:
        """The note that a text makes. The text ends in a newline.

        Raises:
            Malformed: it cannot be a note's.
        """
        if not text.endswith("\n") or _CONTROL.search(text):
            raise Malformed("a note's text ends in a newline and has no other control characters")
        signature = encode64(self.verifier.id + self._key.sign(text.encode()))
        return f"{text}\n{_MARK}{self.name} {signature}\n"


class Signature(NamedTuple):
    """One line under a note."""

    name: str
    id: bytes
    bytes: bytes


def split(note: str, limit: int = MAX_NOTE_BYTES) -> tuple[str, list[Signature]]:
    """A note's text and its signatures, which nobody has checked. `limit` is in bytes.

    Raises:
        Malformed: it is no note.
    """
    try:
        length = len(note.encode())
    except UnicodeEncodeError:
        raise Malformed("a note is UTF-8") from None
    if length > limit:
        raise Malformed(f"a note of more than {limit} bytes")
    if _CONTROL.search(note):
        raise Malformed("a note has no control characters but newlines")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Malformed("a note is a text, a blank line, and lines of signatures")
    return f"{text}\n", [_signature(line) for line in signatures[:-1].split("\n")]


def opened(note: str, keys: Sequence[Verifier], limit: int = MAX_NOTE_BYTES) -> str:
    """A note's text, signed by at least one of the keys. Signatures of others are left aside.

    Raises:
        Malformed: it is no note.
        NotSigned: none of the keys signed it, or what says to be a signature of theirs is none.
    """
    text, signatures = split(note, limit)
    known = {(key.name, key.id): key for key in keys}
    accepted = False
    for each in signatures:
        key = known.get((each.name, each.id))
        if key is None:
            continue
        if not key.accepts(text, each.bytes):
            raise NotSigned(f"the signature of {key.name} ({key.id.hex()}) is not of this text")
        accepted = True
    if not accepted:
        signers = ", ".join(f"{each.name} ({each.id.hex()})" for each in signatures[:3])
        raise NotSigned(f"signed by {signers}, which is not a key that is trusted here")
    return text


def is_name(name: str) -> bool:
    """Whether a key can have that name: printable, without blanks and plus signs."""
    return bool(name) and name.isprintable() and not re.search(r"[\s+]", name)


def encode64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode64(text: str) -> bytes:
    """Standard base64 in its only form.

    Raises:
        ValueError: it is not.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("no base64") from None
    if encode64(data) != text:
        raise ValueError("not the only form of that base64")
    return data


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    try:
        data = decode64(encoded)
    except ValueError:
        data = b""
    if not line.startswith(_MARK) or not is_name(name) or len(data) <= _ID_BYTES:
        raise Malformed("a line under a note is no signature")
    return Signature(name, data[:_ID_BYTES], data[_ID_BYTES:])
