"""Messages between a worker and the process that started it: length, kind and number, then a body."""

from __future__ import annotations

import asyncio
import struct
from typing import NamedTuple

MAX_BYTES = 16 * 1024 * 1024
"""Longest body that is taken: some forty thousand labelled figures."""

FIGURES = b"f"
"""From a worker: its figures. The number is that of the question, 0 where nobody asked."""
ASK = b"a"
"""To a worker: tell your figures, as they are now."""
WANT = b"w"
"""From a worker: what do all come to?"""
TOTAL = b"t"
"""To a worker: that."""

_HEAD = struct.Struct(">IcI")


class Message(NamedTuple):
    kind: bytes
    number: int
    body: bytes


class Oversize(Exception):
    """A message is longer than any may be."""


def packed(kind: bytes, number: int, body: bytes = b"") -> bytes:
    """A message as it is sent.

    Raises:
        Oversize: nobody would take it.
    """
    if len(body) > MAX_BYTES:
        raise Oversize(f"{len(body)} bytes of figures are more than {MAX_BYTES}")
    return _HEAD.pack(len(body), kind, number) + body


async def read(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None once the other side is gone.

    Raises:
        Oversize: it is longer than any may be. What follows cannot be read.
    """
    try:
        length, kind, number = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if length > MAX_BYTES:
            raise Oversize(f"{length} bytes are announced, and no more than {MAX_BYTES} are taken")
        return Message(kind, number, await reader.readexactly(length))
    except (asyncio.IncompleteReadError, OSError):
        return None
