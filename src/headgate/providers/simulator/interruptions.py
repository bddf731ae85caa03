"""Answers that go wrong in the middle."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.dialects.base import AnyDialect
from headgate.errors import Overloaded
from headgate.providers.simulator.faults import Fault
from headgate.providers.simulator.response import End, Piece

NO_EVENT = b"da\xffta {not an event\n\n"
"""A line that is no field of server-sent events, and no UTF-8."""

ENDS: dict[str, End] = {"stall": "stall", "cut": "cut"}
"""How the connection goes on after an interruption; otherwise it ends in order."""


def interrupted(pieces: Iterator[Piece], fault: Fault, tokens: int, dialect: AnyDialect) -> Iterator[Piece]:
    """A stream of so many tokens until, or with, its fault."""
    place = _place(fault, tokens)
    seen = 0
    struck = False
    for piece in pieces:
        if not struck and seen >= place and piece.data:
            struck = True
            if fault.kind == "malformed_sse":
                yield Piece(NO_EVENT)
                yield piece
            elif fault.kind == "malformed_json":
                yield Piece(_spoiled(piece.data), piece.tokens)
            else:
                if fault.kind == "error_in_stream":
                    yield Piece(_error(fault, dialect))
                return
        else:
            yield piece
        seen += piece.tokens


def broken_off(body: bytes, fault: Fault, tokens: int) -> Piece:
    """As much of a whole answer's body as comes through."""
    delivered = _place(fault, tokens)
    share = delivered / tokens if tokens else 0.5
    return Piece(body[: min(len(body) - 1, int(len(body) * share))], delivered)


def _place(fault: Fault, tokens: int) -> int:
    """The number of tokens that come through."""
    if fault.after_tokens is None:
        return max(1, tokens // 2) if tokens else 0
    return min(fault.after_tokens, tokens)


def _spoiled(data: bytes) -> bytes:
    """A frame whose JSON breaks off."""
    start = data.find(b"data: ") + 6
    return data[: start + (len(data) - start) // 2].rstrip() + b"\n\n"


def _error(fault: Fault, dialect: AnyDialect) -> bytes:
    error = Overloaded(fault.message or "Simulated fault: the service is overloaded.")
    return b"".join(frame.encode() for frame in dialect.error_frames(error))
