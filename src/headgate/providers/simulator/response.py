"""A simulated response, and sending it: the same whether it goes to a socket or stays in the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from time import monotonic
from typing import Literal

import msgspec

from headgate.providers.simulator.record import Row

FLUSH_BYTES = 16 * 1024
"""Pieces without a pause between them are sent together, up to about this much."""

End = Literal["whole", "stall", "cut"]


class Piece(msgspec.Struct, frozen=True):
    """Some bytes of a body."""

    data: bytes
    tokens: int = 0
    """Output tokens it brings."""
    wait_s: float = 0.0
    """Time to pass before it is sent."""


class Cut(Exception):
    """The connection is to be broken here."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, and when."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """The body, where it goes out at once."""
    pieces: Iterator[Piece] | None = None
    """The body, where it takes time or ends early."""
    wait_s: float = 0.0
    """Time to pass before the status line."""
    start: Literal["answer", "never", "reset"] = "answer"
    """Whether there is a status line at all."""
    end: End = "whole"
    row: Row | None = None


async def begin(response: Response) -> None:
    """Wait until the status line is due.

    Raises:
        Cut: the connection is to be broken instead.
    """
    try:
        if response.start == "never":
            await never()
        if response.wait_s:
            await asyncio.sleep(response.wait_s)
    except asyncio.CancelledError:
        if response.row is not None:
            response.row.leave()
        raise
    if response.start == "reset":
        raise Cut


async def body_of(response: Response) -> AsyncGenerator[bytes, None]:
    """The body piece by piece, each at its time. Close it when the client has gone.

    Raises:
        Cut: the connection is to be broken.
    """
    row = response.row or Row("", "", "", "", "", "", False)
    try:
        held: list[bytes] = []
        size = 0
        due = monotonic()
        for piece in response.pieces or ():
            if piece.wait_s:
                if held:
                    yield b"".join(held)
                    held, size = [], 0
                due += piece.wait_s
                if (left := due - monotonic()) > 0:
                    await asyncio.sleep(left)
            held.append(piece.data)
            size += len(piece.data)
            row.delivered_tokens += piece.tokens
            if size >= FLUSH_BYTES:
                yield b"".join(held)
                held, size = [], 0
        if row.fault in (None, "slow_first_token"):
            row.complete()
        else:
            row.interrupt(str(row.fault))
        if size:
            yield b"".join(held)
        if response.end == "stall":
            await never()
        if response.end == "cut":
            raise Cut
    finally:
        if row.outcome == "open":
            row.leave()


async def never() -> None:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()
