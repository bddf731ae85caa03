"""The messages of a client's request as the hub's (Messages API reference, "messages" and "system").

What another form of the same thing would lose (a string for one text, an explicit `is_error: false`) is noted in
`extra`, so that the request can be written back as it came.
"""

from __future__ import annotations

from typing import Any

from headgate.dialects.anthropic_messages.blocks import cache_mark, native, odd_control, part_of, text
from headgate.dialects.anthropic_messages.names import NAME, beyond
from headgate.dialects.hub import Extra, Media, Message, Native, Part, Role, Text, ToolCall, ToolResult, extra_of
from headgate.dialects.reading import CLIENT
from headgate.dialects.signatures import attach
from headgate.types import JSON, json_type

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_MESSAGE = frozenset({"role", "content"})
_IMAGE = frozenset({"type", "source", "cache_control"})
_DOCUMENT = frozenset({"type", "source", "cache_control", "title"})
_SOURCES = {
    "base64": frozenset({"type", "media_type", "data"}),
    "text": frozenset({"type", "media_type", "data"}),
    "url": frozenset({"type", "url"}),
    "file": frozenset({"type", "file_id"}),
}
_RESULT = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})

AS_STRING: JSON = {"content": "string"}
"""The note in `extra` that content came as a bare string."""


def system_of(value: Any) -> tuple[Message, ...]:
    """The `system` member as a message at the front; none where it is absent or empty.

    Raises:
        BadRequest: it is neither a string nor a list of text blocks.
    """
    if value is None or value == []:
        return ()
    if isinstance(value, str):
        return (Message(role="system", parts=(Text(text=value),), extra={NAME: AS_STRING}),)
    if not isinstance(value, list):
        raise CLIENT.fail("system", f"must be a string or an array of text blocks, not {json_type(value)}")
    return (Message(role="system", parts=tuple(_system_part(each, index) for index, each in enumerate(value))),)


def messages_of(values: list[Any]) -> tuple[Message, ...]:
    """The `messages` member. Results are given the names of the tools they answer for.

    Raises:
        BadRequest: a message or block is malformed, or a tool result answers a call nobody made.
    """
    names: dict[str, str] = {}
    return tuple(_message(each, f"messages[{index}]", names) for index, each in enumerate(values))


def _system_part(value: Any, index: int) -> Part:
    where = f"system[{index}]"
    block = CLIENT.object(value, where)
    if CLIENT.required(block, "type", str, where) != "text":
        raise CLIENT.fail(f"{where}.type", "must be 'text'")
    return text(block, where, CLIENT)


def _message(value: Any, where: str, names: dict[str, str]) -> Message:
    members = CLIENT.object(value, where)
    role = _ROLES.get(CLIENT.required(members, "role", str, where))
    if role is None:
        raise CLIENT.fail(f"{where}.role", "must be 'user', 'assistant' or 'system'")
    content = members.get("content")
    extra = beyond(members, _MESSAGE)
    if isinstance(content, str):
        return Message(role=role, parts=(Text(text=content),), extra=extra_of(NAME, {**extra, **AS_STRING}))
    if content is None and extra:  # a system message may hold settings only
        return Message(role=role, parts=(), extra=extra_of(NAME, extra))
    if not isinstance(content, list):
        raise CLIENT.fail(f"{where}.content", f"must be a string or an array, not {json_type(content)}")
    parts = [_part(each, f"{where}.content[{index}]", names) for index, each in enumerate(content)]
    return Message(role=role, parts=attach(parts), extra=extra_of(NAME, extra))


def _part(value: Any, where: str, names: dict[str, str]) -> Part:
    block = CLIENT.object(value, where)
    match CLIENT.required(block, "type", str, where):
        case "image":
            return _media(block, where)
        case "document":
            return _document(block, where)
        case "tool_result":
            return _result(block, where, names)
        case _:
            part = part_of(block, where, CLIENT)
            if isinstance(part, ToolCall):
                names[part.id] = part.name
            return part


def _media(block: JSON, where: str) -> Part:
    source, kind = _source(block, where)
    if kind not in ("base64", "url", "file"):
        return native(block)
    return Media(
        kind="image",
        data=CLIENT.required(source, "data", str, f"{where}.source") if kind == "base64" else None,
        url=CLIENT.required(source, "url", str, f"{where}.source") if kind == "url" else None,
        file_id=CLIENT.required(source, "file_id", str, f"{where}.source") if kind == "file" else None,
        media_type=CLIENT.optional(source, "media_type", str, f"{where}.source"),
        cache=cache_mark(block, where, CLIENT),
        extra=_media_extra(block, _IMAGE, source, kind),
    )


def _document(block: JSON, where: str) -> Part:
    """A document; one made of blocks is like nothing other dialects have, so it stays as it is."""
    source, kind = _source(block, where)
    if kind == "content" or kind not in _SOURCES:
        return _of_blocks(block, source)
    at = f"{where}.source"
    return Media(
        kind="file",
        data=CLIENT.required(source, "data", str, at) if kind == "base64" else None,
        text=CLIENT.required(source, "data", str, at) if kind == "text" else None,
        url=CLIENT.required(source, "url", str, at) if kind == "url" else None,
        file_id=CLIENT.required(source, "file_id", str, at) if kind == "file" else None,
        media_type=CLIENT.optional(source, "media_type", str, at),
        filename=CLIENT.optional(block, "title", str, where),
        cache=cache_mark(block, where, CLIENT),
        extra=_media_extra(block, _DOCUMENT, source, kind),
    )


def _source(block: JSON, where: str) -> tuple[JSON, str]:
    source = CLIENT.required(block, "source", dict, where)
    return source, CLIENT.required(source, "type", str, f"{where}.source")


def _media_extra(block: JSON, known: frozenset[str], source: JSON, kind: str) -> Extra:
    members = {**beyond(block, known), **odd_control(block)}
    beside = beyond(source, _SOURCES[kind])
    return extra_of(NAME, {**members, "source": beside} if beside else members)


def _of_blocks(block: JSON, source: JSON) -> Native:
    content = source.get("content")
    if isinstance(content, str):
        return Native(dialect=NAME, data=block, text=content)
    texts = [each["text"] for each in content or () if isinstance(each, dict) and isinstance(each.get("text"), str)]
    return Native(dialect=NAME, data=block, text="\n".join(texts))


def _result(block: JSON, where: str, names: dict[str, str]) -> ToolResult:
    call_id = CLIENT.required(block, "tool_use_id", str, where)
    if call_id not in names:
        raise CLIENT.fail(f"{where}.tool_use_id", f"answers the tool call '{call_id[:100]}', which nobody made")
    content = block.get("content")
    members = {**beyond(block, _RESULT), **odd_control(block)}
    parts: tuple[Part, ...] = ()
    if isinstance(content, str):
        parts = (Text(text=content),)
        members = {**members, **AS_STRING}
    elif isinstance(content, list):
        parts = tuple(_part(each, f"{where}.content[{index}]", {}) for index, each in enumerate(content))
        if not content:
            members = {**members, "content": []}
    elif content is not None:
        raise CLIENT.fail(f"{where}.content", f"must be a string or an array, not {json_type(content)}")
    is_error = CLIENT.optional(block, "is_error", bool, where)
    if is_error is False:
        members = {**members, "is_error": False}
    return ToolResult(
        call_id=call_id,
        parts=parts,
        is_error=bool(is_error),
        name=names[call_id],
        cache=cache_mark(block, where, CLIENT),
        extra=extra_of(NAME, members),
    )
