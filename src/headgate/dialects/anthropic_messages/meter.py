"""Reading just enough of Anthropic's answers and streams to bill them."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.anthropic_messages.errors import in_body
from headgate.dialects.anthropic_messages.stops import stop_of
from headgate.dialects.anthropic_messages.usage import Told, merged, usage_of
from headgate.dialects.base import Peek
from headgate.dialects.hub import Stop
from headgate.dialects.members import parsed
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import Frame, Usage


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: Told | None = None
    type: str | None = None


class _Delta(msgspec.Struct):
    stop_reason: str | None = None
    text: str | None = None
    thinking: str | None = None


class _Block(msgspec.Struct):
    type: str = ""


class _Event(msgspec.Struct):
    type: str = ""
    message: _Answer | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: Told | None = None


_answer = msgspec.json.Decoder(_Answer)
_event = msgspec.json.Decoder(_Event)

_QUIET = frozenset({"content_block_delta", "content_block_start", "content_block_stop", "ping"})
"""Events that tell nothing more once content is out."""


def peek(raw: bytes) -> Peek:
    """Usage, tier, stop, id and model of a whole answer.

    Raises:
        MalformedOutput: it is not JSON, or one of them has the wrong type.
        HeadgateError: it is an error's document.
    """
    told = _read(_answer, raw)
    if told.type == "error":
        raise in_body(parsed(raw, "answer"))
    return Peek(
        usage=usage_of(told.usage) if told.usage is not None else None,
        tier=told.usage.tier if told.usage is not None else None,
        stop=stop_of(told.stop_reason) if told.stop_reason is not None else None,
        id=told.id,
        model=told.model,
    )


def is_end(frame: Frame) -> bool:
    """Whether it is `message_stop`. The event's name stands in its data, and on a line of its own too by most."""
    return frame.event == "message_stop" or (frame.event is None and b'"message_stop"' in frame.data)


class MessageMeter:
    """Follows one stream, which is complete at `message_stop`."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.tier: str | None = None
        self.stop: Stop | None = None
        self.id: str | None = None
        self.started = False
        self.ended = False
        self.error: HeadgateError | None = None
        self._told: Told | None = None

    def observe(self, frame: Frame) -> None:
        """Take note of one frame.

        Raises:
            MalformedOutput: it is not JSON, or a member that is read has the wrong type.
        """
        if self.started and frame.event in _QUIET:
            return
        event = _read(_event, frame.data)
        match event.type:
            case "content_block_delta":
                delta = event.delta
                self.started = self.started or (delta is not None and delta.text != "" and delta.thinking != "")
            case "content_block_start":
                block = event.content_block
                self.started = self.started or (block is not None and block.type not in ("text", "thinking"))
            case "message_start" if event.message is not None:
                self.id = event.message.id
                self._note(event.message.usage)
            case "message_delta":
                self._note(event.usage)
                if event.delta is not None and event.delta.stop_reason is not None:
                    self.stop = stop_of(event.delta.stop_reason)
                    self.started = True
            case "message_stop":
                self.ended = self.started = True
            case "error":
                self.error = in_body(parsed(frame.data, "error"))
            case _:
                pass

    def _note(self, told: Told | None) -> None:
        if told is not None:
            self._told = merged(self._told, told)
            self.usage, self.tier = usage_of(self._told), self._told.tier


def _read(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
