"""What was asked and answered, as the conventions' message schemas have it, within a bound.

The schemas are docs/gen-ai/gen-ai-{system-instructions,input-messages,output-messages}.json at v1.41.1. Read from the
call's own dialect, so it is what the client sent and got; where a prompt made the request, what the model was sent. The
newest goes first where not all fits: the answer, then messages from the last one back. Images and the like are told of,
and not sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.base import AnyDialect
from headgate.dialects.hub import (
    Answer,
    Chat,
    Choice,
    Media,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from headgate.errors import HeadgateError
from headgate.telemetry.otel import names
from headgate.telemetry.otel.config import OtelContentConfig
from headgate.telemetry.otel.protobuf import truth, whole_text
from headgate.types import GENERATES, JSON, OPAQUE, Call, Frame, Payload

MAX_READ_BYTES = 1024 * 1024
"""Bodies longer than this are not looked at: it would hold up others."""

_PART_BYTES = 48
"""What a part takes beside its text, about."""

_SEPARATE = ("anthropic_messages", "openai_responses")
"""Dialects in which instructions stand apart from the history."""


class Room:
    """What may still be sent of a call's content."""

    def __init__(self, bytes_left: int) -> None:
        self.left = bytes_left
        self.cut = False
        """Whether anything did not fit."""

    def take(self, text: str) -> str | None:
        """As much of a text as there is room for; None where there is none at all."""
        if self.left < _PART_BYTES:
            self.cut = True
            return None
        self.left -= _PART_BYTES
        raw = text.encode("utf-8", "replace")
        if len(raw) > self.left:
            self.cut = True
            raw = raw[: self.left]
        self.left -= len(raw)
        return raw.decode("utf-8", "ignore")


def content_of(
    call: Call,
    answer: Payload | None,
    frames: Sequence[Frame] | None,
    config: OtelContentConfig,
    *,
    complete: bool = True,
) -> Iterator[bytes]:
    """The attributes of a call's content; `frames` are those of a stream, all of them where it is `complete`.

    Never raises: what cannot be read has no content.
    """
    if call.operation not in GENERATES or call.request.dialect == OPAQUE:
        return
    dialect = dialects.get(call.request.dialect)
    room = Room(config.max_kb * 1024)
    room.cut = not complete
    answering = None if complete else call.account.answering
    answered = _output(_answer(dialect, answer, frames), "error" if answering is None else answering.stop, room)
    if answered:
        yield _json(names.OUTPUT_MESSAGES, answered)
    request = call.account.rendered or call.request
    chat = _chat(dialects.get(request.dialect), request)
    if chat is not None:
        system, messages = _input(chat, request.dialect, room)
        if system:
            yield _json(names.SYSTEM_INSTRUCTIONS, system)
        if messages:
            yield _json(names.INPUT_MESSAGES, messages)
        if config.tools and (tools := _tools(chat, room)):
            yield _json(names.TOOL_DEFINITIONS, tools)
    if room.cut:
        yield truth(names.CONTENT_CUT, True)


def _json(name: str, value: Any) -> bytes:
    return whole_text(name, msgspec.json.encode(value))


def _chat(dialect: AnyDialect, request: Payload) -> Chat | None:
    if len(request.encode()) > MAX_READ_BYTES:
        return None
    try:
        chat = dialect.decode_request(request.tree)
    except HeadgateError:
        return None
    return chat if isinstance(chat, Chat) else None


def _answer(dialect: AnyDialect, answer: Payload | None, frames: Sequence[Frame] | None) -> Answer | None:
    try:
        if frames is not None:
            return _streamed(dialect, frames)
        if answer is None or len(answer.encode()) > MAX_READ_BYTES:
            return None
        decoded = dialect.decode_answer(answer.answer_tree)
    except HeadgateError:
        return None
    return decoded if isinstance(decoded, Answer) else None


def _streamed(dialect: AnyDialect, frames: Sequence[Frame]) -> Answer | None:
    """
    Raises:
        MalformedOutput: the frames cannot be understood.
    """
    decoder, joined = dialect.decode_stream(), Accumulator()
    for frame in frames:
        for event in decoder.feed(frame):
            joined.feed(event)
    return joined.answer()


# ── messages ──


def _input(chat: Chat, dialect: str, room: Room) -> tuple[list[JSON], list[JSON]]:
    """Instructions that stand apart, and the messages, the oldest first."""
    messages = list(chat.messages)
    apart: list[Message] = []
    if dialect in _SEPARATE:
        while messages and messages[0].role in ("system", "developer"):
            apart.append(messages.pop(0))
    system = [part for message in apart for part in _parts(message.parts, room)]
    told: list[JSON] = []
    for message in reversed(messages):
        told += reversed(list(_messages(message, room)))
        if room.left < _PART_BYTES:
            room.cut = room.cut or message is not messages[0]
            break
    return system, told[::-1]


def _messages(message: Message, room: Room) -> Iterator[JSON]:
    """A message, its tools' results as a message of their own."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    others = [part for part in message.parts if not isinstance(part, ToolResult)]
    for role, parts in (("tool", results), ("system" if message.role == "developer" else message.role, others)):
        told = list(_parts(parts, room))
        if told:
            yield {"role": role, "parts": told} | ({"name": message.name[:128]} if message.name else {})


def _output(answer: Answer | None, ended: str | None, room: Room) -> list[JSON]:
    """The choices of an answer; `ended` is how those did that were cut before they could say."""
    return [] if answer is None else [_choice(choice, ended, room) for choice in answer.choices]


def _choice(choice: Choice, ended: str | None, room: Room) -> JSON:
    stop = choice.stop or ended or "error"
    return {
        "role": "assistant",
        "parts": list(_parts(choice.parts, room)),
        "finish_reason": names.STOPS.get(stop, stop),
    }


def _parts(parts: Sequence[Part], room: Room) -> Iterator[JSON]:
    for part in parts:
        told = _part(part, room)
        if told is not None:
            yield told


def _part(part: Part, room: Room) -> JSON | None:
    match part:
        case Text() | Refusal():
            text = room.take(part.text)
            return None if text is None else {"type": "text", "content": text}
        case Reasoning():
            text = room.take(part.text) if part.text else None
            return None if text is None else {"type": "reasoning", "content": text}
        case ToolCall():
            text = room.take(part.arguments)
            if text is None:
                return None
            return {"type": "tool_call", "id": part.id[:256], "name": part.name[:256], "arguments": _arguments(text)}
        case ToolResult():
            text = room.take("".join(each.text for each in part.parts if isinstance(each, Text)))
            return None if text is None else {"type": "tool_call_response", "id": part.call_id[:256], "response": text}
        case Media():
            return _media(part, room)
        case Native():
            kind = part.data.get("type")
            text = room.take(part.text)
            return None if text is None else {"type": str(kind)[:64] if kind else "native", "content": text}


def _arguments(text: str) -> Any:
    """A tool's arguments as an object, or as the text they are."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return text


def _media(part: Media, room: Room) -> JSON | None:
    """Where it is, or that it was there."""
    modality = "document" if part.kind == "file" else part.kind
    if part.url is not None and not part.url.startswith("data:"):
        uri = room.take(part.url)
        return None if uri is None else {"type": "uri", "modality": modality, "uri": uri}
    if part.file_id is not None:
        return {"type": "file", "modality": modality, "file_id": part.file_id[:256]}
    left_out = room.take("")
    if left_out is None:
        return None
    size = len(part.data or part.url or part.text or "")
    return {"type": "left_out", "modality": modality, "mime_type": part.media_type, "characters": size}


def _tools(chat: Chat, room: Room) -> list[JSON]:
    told: list[JSON] = []
    for tool in chat.tools:
        if not isinstance(tool, Tool):
            continue
        definition: JSON = {"type": "function", "name": tool.name[:256]}
        if tool.description:
            definition["description"] = room.take(tool.description)
        parameters = msgspec.json.encode(tool.parameters)
        if len(parameters) <= room.left:
            room.left -= len(parameters)
            definition["parameters"] = tool.parameters
        else:
            room.cut = True
        told.append(definition)
    return told
