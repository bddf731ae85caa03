"""The assistant's message: the same in an answer as in the conversation a client gives back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import Media, Native, Part, Reasoning, Refusal, Text, ToolCall
from headgate.dialects.openai_chat import calls, citations, content, media, reasoning
from headgate.dialects.openai_chat.names import ABSENT, CHUNK, LEGACY, NAME, is_empty, own
from headgate.dialects.reading import Reader, at
from headgate.types import JSON

AUDIO = "audio"
"""On generated audio: the members of `message.audio` the hub has no words for."""
IMAGES = "images"
"""On a generated image: it stood in `message.images`, as OpenRouter has it."""

_KNOWN = frozenset(
    {
        "role",
        "content",
        "refusal",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "annotations",
        "audio",
        "images",
        "tool_calls",
        "function_call",
        "extra_content",
    }
)


def parts_of(message: JSON, where: str, reader: Reader) -> tuple[list[Part], JSON]:
    """The parts of a message, and its members that have to be written back as they are.

    Raises:
        HeadgateError: the reader's, if a member of a known kind cannot be read.
    """
    rest = {
        name: value
        for name, value in message.items()
        if name not in _KNOWN or (is_empty(value) and (value is not None or name != "content"))
    }
    parts: list[Part] = []
    if any(message.get(name) for name in ("reasoning_details", *reasoning.FIELDS)):
        thoughts, unsaid = reasoning.details_of(message, where, reader)
        parts += thoughts
        rest |= unsaid
    told = message.get("content")
    if isinstance(told, list):
        parts += content.parts_of(told, at(where, "content"), reader)
    elif "content" not in message:
        rest[ABSENT] = ["content"]
    else:
        text = reader.optional(message, "content", str, where)
        if text:
            parts.append(_text(message, text, rest, where, reader))
    refusal = reader.optional(message, "refusal", str, where)
    if refusal:
        parts.append(Refusal(text=refusal))
    if message.get("audio"):
        _add_audio(message, parts, rest, where, reader)
    parts += [image_of(image, place, reader) for image, place in reader.objects(message, "images", where)]
    parts += [
        calls.call_of(call, index, place, reader)
        for index, (call, place) in enumerate(reader.objects(message, "tool_calls", where))
    ]
    legacy = reader.optional(message, "function_call", dict, where)
    if legacy:
        if legacy.get("name"):
            parts.append(calls.legacy_call_of(legacy, at(where, "function_call"), reader))
        else:
            rest["function_call"] = legacy
    if not any(isinstance(part, Text) for part in parts):
        rest |= {name: message[name] for name in ("annotations", calls.SIGNED) if message.get(name)}
    return parts, rest


def _text(message: JSON, text: str, rest: JSON, where: str, reader: Reader) -> Text:
    """The text with what stands beside it in the message."""
    found, unsaid = citations.citations_of(message, where, reader) if message.get("annotations") else ((), {})
    rest |= unsaid
    signature, signed = calls.signature_of(message)
    return Text(text=text, citations=found, signature=signature, extra={NAME: signed} if signed else {})


def audio_of(audio: JSON, where: str, reader: Reader) -> Media | None:
    """Generated audio, or the id of audio generated earlier; None where nothing is said."""
    audio_id = reader.optional(audio, "id", str, where)
    data = reader.optional(audio, "data", str, where)
    transcript = reader.optional(audio, "transcript", str, where)
    if not (audio_id or data or transcript):
        return None
    notes = {name: value for name, value in audio.items() if name not in ("data", "transcript") or is_empty(value)}
    if data or transcript:
        return Media(kind="audio", data=data or None, transcript=transcript or None, extra={NAME: {AUDIO: notes}})
    return Media(kind="audio", file_id=audio_id, extra={NAME: {AUDIO: notes}})


def _add_audio(message: JSON, parts: list[Part], rest: JSON, where: str, reader: Reader) -> None:
    told = reader.required(message, "audio", dict, where)
    part = audio_of(told, at(where, "audio"), reader)
    if part is None:
        rest["audio"] = told
    else:
        parts.append(part)


def image_of(image: JSON, where: str, reader: Reader) -> Part:
    part = content.part_of(image, where, reader)
    if isinstance(part, Media):
        return replace(part, extra={NAME: {**own(part.extra), IMAGES: True}})
    return part


# ── back again ──────────────────────────────────────────────────────────────────────────────────────────────────────


def written(parts: Sequence[Part], rest: JSON, *, legacy: bool = False) -> JSON:
    """The message for a client. Parts it has no words for are left out, except those of this dialect."""
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    texts = [part for part in parts if isinstance(part, Text)]
    message: JSON = {"role": "assistant", "content": _content(parts)}
    if thoughts:
        message |= reasoning.written(thoughts)
    refusal = "".join([part.text for part in parts if isinstance(part, Refusal) and CHUNK not in own(part.extra)])
    if refusal:
        message["refusal"] = refusal
    if any(text.citations for text in texts):
        message["annotations"] = citations.written(texts)
    for text in texts:
        if text.signature is not None:
            message[calls.SIGNED] = calls.signed(text.signature, own(text.extra))
    _add_generated(message, parts)
    said_calls = called(parts)
    if said_calls:
        legacy = legacy or any(is_legacy(part) for part in parts)
        message |= legacy_calls(parts) if legacy else {"tool_calls": [_call(part) for part in said_calls]}
    return with_rest(message, rest)


def with_rest(message: JSON, rest: JSON) -> JSON:
    """The message with its members that were noted as they came."""
    if rest:
        message |= rest
        for name in message.pop(ABSENT, ()):
            if message.get(name) is None:
                message.pop(name, None)
    return message


def _content(parts: Sequence[Part]) -> Any:
    chunks = [part for part in parts if _is_chunk(part)]
    if chunks:
        return [
            content.said(part) if isinstance(part, Text | Refusal | Reasoning) else _whole(part)
            for part in parts
            if _is_chunk(part) or isinstance(part, Text)
        ]
    return "".join([part.text for part in parts if isinstance(part, Text)]) or None


def _is_chunk(part: Part) -> bool:
    if isinstance(part, Native):
        return part.dialect == NAME and not calls.is_native(part)
    notes = own(part.extra)
    return CHUNK in notes and IMAGES not in notes


def _whole(part: Part) -> JSON:
    return part.data if isinstance(part, Native) else media.shown(part) if isinstance(part, Media) else {}


def _add_generated(message: JSON, parts: Sequence[Part]) -> None:
    for part in parts:
        if not isinstance(part, Media) or _is_chunk(part):
            continue
        if part.kind == "audio":
            message["audio"] = audio(part)
        elif part.kind == "image":
            message.setdefault("images", []).append(media.shown(part))


def audio(part: Media) -> JSON:
    """`message.audio`. Its id is the vendor's: without one the client cannot refer to it later, but can play it."""
    said: JSON = {}
    if part.data is not None:
        said["data"] = part.data
    if part.transcript is not None or part.data is not None:
        said["transcript"] = part.transcript or ""
    return {**said, **own(part.extra).get(AUDIO, {"id": part.file_id or "", "expires_at": 0})}


def called(parts: Sequence[Part]) -> list[ToolCall | Native]:
    """The parts that are calls of the caller's tools."""
    return [
        part for part in parts if isinstance(part, ToolCall) or (isinstance(part, Native) and calls.is_native(part))
    ]


def _call(part: ToolCall | Native) -> JSON:
    return part.data if isinstance(part, Native) else calls.written(part, to_vendor=False)


def legacy_calls(parts: Sequence[Part]) -> JSON:
    """`function_call`, which is one call at most."""
    for part in parts:
        if isinstance(part, ToolCall):
            return {"function_call": {"name": part.name, "arguments": part.arguments}}
    return {}


def is_legacy(part: Part) -> bool:
    return bool(own(part.extra).get(LEGACY))
