"""Checkpoints (C2SP tlog-checkpoint): what the log was at some size, signed.

<origin>
<size>
<base64 of the root>

— <origin> <signature>
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from headgate.audit.errors import Malformed
from headgate.audit.merkle import HASH_BYTES
from headgate.audit.notes import Signer, Verifier, decode64, encode64, opened, split

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_MAX_SIZE = 2**63 - 1


class Checkpoint(msgspec.Struct, frozen=True):
    """The root of a log of `size` records. Its note is the whole signed text."""

    origin: str
    size: int
    root: bytes
    note: str

    @classmethod
    def sign(cls, signer: Signer, size: int, root: bytes) -> Checkpoint:
        """A checkpoint of the log that is called as its signer."""
        return cls(signer.name, size, root, signer.sign(f"{signer.name}\n{size}\n{encode64(root)}\n"))

    @classmethod
    def open(cls, note: str, keys: Sequence[Verifier]) -> Checkpoint:
        """The checkpoint in a note that one of the keys has signed, of the log that is called as that key.

        Raises:
            Malformed: it is no checkpoint.
            NotSigned: none of the keys has signed it.
        """
        found = _parse(opened(note, keys), note)
        if found.origin not in {key.name for key in keys}:
            raise Malformed(f"it is of the log {found.origin!r}")
        return found

    @classmethod
    def read(cls, note: str) -> Checkpoint:
        """The checkpoint in a note, whoever signed it.

        Raises:
            Malformed: it is no checkpoint.
        """
        return _parse(split(note)[0], note)


def _parse(text: str, note: str) -> Checkpoint:
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise Malformed("a checkpoint begins with its origin, its size and its root, and has no empty line")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size) or int(size) > _MAX_SIZE:
        raise Malformed("a checkpoint's size is a decimal number without leading zeroes")
    try:
        decoded = decode64(root)
    except ValueError:
        decoded = b""
    if len(decoded) != HASH_BYTES:
        raise Malformed(f"a checkpoint's root is {HASH_BYTES} bytes in base64")
    return Checkpoint(origin, int(size), decoded, note)
