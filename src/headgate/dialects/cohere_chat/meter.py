"""Reading just enough of Cohere's answers and streams to bill them."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.base import Peek
from headgate.dialects.cohere_chat.errors import in_stream
from headgate.dialects.cohere_chat.usage import stop_of, usage_of
from headgate.dialects.hub import Stop
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import JSON, Frame, Usage

_CONTENT = frozenset(
    {"content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta", "citation-start"}
)
_SKIPPED = frozenset({"content-end", "tool-call-end", "citation-end"})


class _Answer(msgspec.Struct):
    id: str | None = None
    finish_reason: str | None = None
    usage: JSON | None = None


class _End(msgspec.Struct):
    finish_reason: str | None = None
    usage: JSON | None = None
    error: str | None = None


class _Event(msgspec.Struct):
    type: str
    id: str | None = None
    delta: msgspec.Raw = msgspec.Raw()


_answer = msgspec.json.Decoder(_Answer)
_event = msgspec.json.Decoder(_Event)
_end = msgspec.json.Decoder(_End)


def peek(raw: bytes) -> Peek:
    """Usage, stop and id of a whole answer.

    Raises:
        MalformedOutput: it is not JSON, or one of the three has the wrong type.
    """
    told = _read(_answer, raw)
    return Peek(
        usage=usage_of(told.usage, "usage") if told.usage is not None else None,
        stop=stop_of(told.finish_reason) if told.finish_reason is not None else None,
        id=told.id,
    )


def is_end(frame: Frame) -> bool:
    """Whether it is `message-end`. The event's name stands in its data, and often on a line of its own too."""
    return frame.event == "message-end" or (frame.event is None and b'"message-end"' in frame.data)


class CohereMeter:
    """Follows one stream, which is complete at `message-end`."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.tier: str | None = None
        self.stop: Stop | None = None
        self.id: str | None = None
        self.started = False
        self.ended = False
        self.error: HeadgateError | None = None

    def observe(self, frame: Frame) -> None:
        """Take note of one frame.

        Raises:
            MalformedOutput: it cannot be read.
        """
        name = frame.event
        if name in _SKIPPED or (name in _CONTENT and self.started) or frame.data == b"[DONE]":
            return
        event = _read(_event, frame.data)
        if event.type in _CONTENT:
            self.started = True
        elif event.type == "message-start":
            self.id = event.id
        elif event.type == "message-end":
            self._end(_read(_end, event.delta))

    def _end(self, told: _End) -> None:
        if told.usage is not None:
            self.usage = usage_of(told.usage, "message-end.delta.usage")
        if told.error:
            self.error = in_stream(told.error, told.finish_reason)
            return
        self.stop = stop_of(told.finish_reason) if told.finish_reason is not None else None
        self.started = self.ended = True


def _read(decoder: msgspec.json.Decoder[Any], raw: bytes | msgspec.Raw) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
