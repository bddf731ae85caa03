"""What a page is told while somebody looks at it: server-sent events (HTML, section 9.2)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import msgspec


class Followed(msgspec.Struct, frozen=True):
    """What is told of a page."""

    scope: str
    """What it takes to be told, for as long as one is."""
    pieces: AsyncGenerator[Sequence[bytes]]
    """Gives the events that are new, each time it is asked."""


def event(name: str, data: bytes) -> bytes:
    """An event; its data is one line."""
    return b"event: " + name.encode() + b"\ndata: " + b" ".join(data.splitlines()) + b"\n\n"
