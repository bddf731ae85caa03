"""One part of Gemini's output as a part of the hub (Gemini API reference, Content, Part)."""

from __future__ import annotations

from typing import Literal

import msgspec

from headgate.dialects.gemini_generate.names import NAME, ORIGIN
from headgate.dialects.hub import Media, Native, Part, Reasoning, Signature, Text, ToolCall, extra_of
from headgate.dialects.members import optional, required
from headgate.types import JSON

_encode = msgspec.json.encode

_TEXT = frozenset({"text", "thought", "thoughtSignature"})
_CALL = frozenset({"functionCall", "thoughtSignature"})
_CALL_MEMBERS = frozenset({"id", "name", "args"})
_DATA_MEMBERS = frozenset({"mimeType", "data", "fileUri", "displayName"})


def decode(part: JSON, where: str) -> Part | None:
    """The hub's part; None for one that says nothing. A call the vendor gave no id has an empty one.

    Raises:
        MalformedOutput: a member that is known has the wrong type.
    """
    if part.keys() <= _TEXT:
        return _text(part, where)
    if "text" in part:
        return _text(part, where)
    if "functionCall" in part:
        return _call(part, where)
    if "inlineData" in part and part.get("thought") is not True:  # a picture thought up on the way is no answer
        return _media(part, "inlineData", where)
    if "fileData" in part:
        return _media(part, "fileData", where)
    return Native(dialect=NAME, data=part, text=_readable(part))


def kind_of(media_type: str) -> Literal["image", "audio", "video", "file"]:
    """The hub's kind of media for a MIME type."""
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "file"


def _text(part: JSON, where: str) -> Part | None:
    text = optional(part, "text", str, where) or ""
    signature = _signature(part, where)
    rest = {name: value for name, value in part.items() if name not in _TEXT}
    if not text and signature is None and not rest:
        return None
    if optional(part, "thought", bool, where):
        return Reasoning(text=text, summarised=True, signature=signature, extra=extra_of(NAME, rest))
    return Text(text=text, signature=signature, extra=extra_of(NAME, rest))


def _call(part: JSON, where: str) -> ToolCall:
    call = required(part, "functionCall", dict, where)
    where = f"{where}.functionCall"
    rest = {name: value for name, value in part.items() if name not in _CALL}
    inner = {name: value for name, value in call.items() if name not in _CALL_MEMBERS}
    if inner:
        rest["functionCall"] = inner
    return ToolCall(
        id=optional(call, "id", str, where) or "",
        name=required(call, "name", str, where),
        arguments=_encode(optional(call, "args", dict, where) or {}).decode(),
        signature=_signature(part, where),
        extra=extra_of(NAME, rest),
    )


def _media(part: JSON, member: Literal["inlineData", "fileData"], where: str) -> Media:
    inner = required(part, member, dict, where)
    where = f"{where}.{member}"
    media_type = optional(inner, "mimeType", str, where)
    rest = {name: value for name, value in part.items() if name != member}
    beyond = {name: value for name, value in inner.items() if name not in _DATA_MEMBERS}
    if beyond:
        rest[member] = beyond
    return Media(
        kind=kind_of(media_type or ""),
        data=required(inner, "data", str, where) if member == "inlineData" else None,
        url=required(inner, "fileUri", str, where) if member == "fileData" else None,
        media_type=media_type,
        filename=optional(inner, "displayName", str, where),
        extra=extra_of(NAME, rest),
    )


def _signature(part: JSON, where: str) -> Signature | None:
    value = optional(part, "thoughtSignature", str, where)
    return Signature(ORIGIN, value) if value else None


def _readable(part: JSON) -> str:
    for member, name in (("executableCode", "code"), ("codeExecutionResult", "output")):
        inner = part.get(member)
        if isinstance(inner, dict) and isinstance(inner.get(name), str):
            return inner[name]
    return ""
