"""An answer that was kept, in the terms of the hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate.dialects.accumulate import Accumulator
from headgate.dialects.base import AnyDialect
from headgate.dialects.hub import Answer
from headgate.errors import HeadgateError
from headgate.types import Chunk, Payload


def whole_answer(dialect: AnyDialect, payload: Payload) -> Any:
    """A whole answer; None where it is none of its dialect."""
    try:
        return dialect.decode_answer(payload.answer_tree)
    except HeadgateError:
        return None


def stream_answer(dialect: AnyDialect, chunks: Sequence[Chunk]) -> Answer | None:
    """A stream's answer; None where some of it cannot be read."""
    decoder, joined = dialect.decode_stream(), Accumulator()
    try:
        for chunk in chunks:
            for frame in chunk:
                for event in decoder.feed(frame):
                    joined.feed(event)
        for event in decoder.close():
            joined.feed(event)
    except HeadgateError:
        return None
    return joined.answer()
