"""Reading just enough of answers and streams to bill them and to know where they stand."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.base import Peek
from headgate.dialects.hub import Stop
from headgate.dialects.openai_chat.errors import told_in
from headgate.dialects.openai_chat.finish import stop_of
from headgate.dialects.openai_chat.usage import Told
from headgate.dialects.tiers import tier_of
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import Frame, Usage

DONE = b"[DONE]"


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Told | None = None
    service_tier: str | None = None
    error: Any = None


class _Chunk(msgspec.Struct):
    """A chunk once content is out: its deltas are skipped."""

    choices: list[_Choice] | None = None
    usage: Told | None = None
    service_tier: str | None = None
    error: Any = None


class _Delta(msgspec.Struct):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[Any] | None = None
    function_call: Any = None
    audio: Any = None
    images: list[Any] | None = None


class _FirstChoice(msgspec.Struct):
    text: str | None = None  # of a completion, whose chunks are metered here too
    delta: _Delta | None = None
    finish_reason: str | None = None


class _FirstChunk(msgspec.Struct):
    id: str | None = None
    choices: list[_FirstChoice] | None = None
    usage: Told | None = None
    service_tier: str | None = None
    error: Any = None


_NULL = msgspec.Raw(b"null")


class _UsageChunk(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = _NULL
    moderation: msgspec.Raw = _NULL


_answer = msgspec.json.Decoder(_Answer)
_chunk = msgspec.json.Decoder(_Chunk)
_first = msgspec.json.Decoder(_FirstChunk)
_usage_chunk = msgspec.json.Decoder(_UsageChunk)


def peek(raw: bytes) -> Peek:
    """Usage, tier, stop, id and model of a whole answer.

    Raises:
        MalformedOutput: it is not JSON, or one of them has the wrong type.
        HeadgateError: it is an error in spite of its status.
    """
    told = _read(_answer, raw)
    if told.error and told.choices is None:
        failure = told_in({"error": told.error})
        if failure is not None:
            raise failure
    return Peek(
        usage=told.usage.ours() if told.usage is not None else None,
        tier=tier_of(told.service_tier),
        stop=stop_of(told.choices[0].finish_reason) if told.choices else None,
        id=told.id or None,
        model=told.model or None,
    )


def is_usage_only(frame: Frame) -> bool:
    """Whether a chunk is about no choice, and tells the usage."""
    if b'"usage"' not in frame.data:
        return False
    try:
        told = _usage_chunk.decode(frame.data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return not told.choices and told.usage != _NULL and told.moderation == _NULL


class ChatMeter:
    """Follows one stream, which is complete at `[DONE]`."""

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
        if frame.data == DONE:
            self.ended = True
            return
        told = _read(_chunk if self.started else _first, frame.data)
        if told.error:
            self.error = told_in({"error": told.error})
            return
        if told.usage is not None:
            self.usage = told.usage.ours()
        if told.service_tier is not None:
            self.tier = tier_of(told.service_tier)
        if not self.started:
            self.id = told.id or self.id
            self.started = any(_has_content(choice) for choice in told.choices or ())
        for choice in told.choices or ():
            if choice.finish_reason:
                self.stop = stop_of(choice.finish_reason) or self.stop


def _has_content(choice: _FirstChoice) -> bool:
    if choice.finish_reason or choice.text:
        return True
    delta = choice.delta
    return delta is not None and bool(
        delta.content
        or delta.reasoning_content
        or delta.reasoning
        or delta.tool_calls
        or delta.reasoning_details
        or delta.refusal
        or delta.function_call
        or delta.audio
        or delta.images
    )


def _read(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
