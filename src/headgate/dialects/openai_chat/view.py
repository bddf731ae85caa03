"""The texts of chat completions.

One table says what is not text: ids, enums, formats, base64, signatures, names of tools. It mirrors the bodies' shape
with lists left out. Everything it does not mention is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from headgate.dialects.schemas import is_schema_word
from headgate.dialects.view import Provenance, TextNode
from headgate.types import JSON, Path

_Table = dict[str, Any]
_NOT = "not text"
_SCHEMA = "a JSON Schema"
_URL = "a URL"
"""Text, unless the data itself stands in it."""
_BYTES = "base64"
"""Text, unless it looks like data: some vendors take a URL there."""
_DATA = re.compile(r"data:.*|[A-Za-z0-9+/_=\s]*", re.DOTALL)

_LOCATED: _Table = {"url": _URL, "detail": _NOT, "": _URL}  # "": the value of the member is itself a string
_PART: _Table = {
    "type": _NOT,
    "image_url": _LOCATED,
    "video_url": _LOCATED,
    "audio_url": _LOCATED,
    "document_url": _URL,
    "input_audio": {"data": _BYTES, "format": _NOT, "": _BYTES},
    "file": {"file_id": _NOT, "file_data": _BYTES},
    "cache_control": {"type": _NOT, "ttl": _NOT},
    "prompt_cache_breakpoint": {"mode": _NOT, "ttl": _NOT},
    "thinking": {"type": _NOT},
}
_SIGNED: _Table = {"google": {"thought_signature": _NOT}}
_CALL: _Table = {
    "id": _NOT,
    "type": _NOT,
    "function": {"name": _NOT},
    "custom": {"name": _NOT},
    "extra_content": _SIGNED,
}
_MESSAGE: _Table = {
    "role": _NOT,
    "content": _PART,
    "tool_call_id": _NOT,
    "tool_calls": _CALL,
    "function_call": {"name": _NOT},
    "audio": {"id": _NOT, "data": _NOT},
    "images": _PART,
    "reasoning_details": {"type": _NOT, "format": _NOT, "id": _NOT, "signature": _NOT, "data": _NOT},
    "annotations": {"type": _NOT},
    "extra_content": _SIGNED,
}
_FUNCTION: _Table = {"name": _NOT, "parameters": _SCHEMA}
_NAMED: _Table = {"type": _NOT, "function": {"name": _NOT}, "custom": {"name": _NOT}, "": _NOT}
_REQUEST: _Table = {
    "model": _NOT,
    "messages": _MESSAGE,
    "tools": {
        "type": _NOT,
        "function": _FUNCTION,
        "custom": {"name": _NOT, "format": {"type": _NOT, "grammar": {"syntax": _NOT}}},
        "cache_control": {"type": _NOT, "ttl": _NOT},
    },
    "functions": _FUNCTION,
    "tool_choice": {**_NAMED, "allowed_tools": {"mode": _NOT, "tools": _NAMED}},
    "function_call": {"name": _NOT, "": _NOT},
    "response_format": {"type": _NOT, "json_schema": {"name": _NOT, "schema": _SCHEMA}, "schema": _SCHEMA},
    "reasoning_effort": _NOT,
    "reasoning": {"effort": _NOT},
    "thinking": {"type": _NOT},
    "verbosity": _NOT,
    "modalities": _NOT,
    "service_tier": _NOT,
    "audio": {"voice": _NOT, "format": _NOT},
    "prediction": {"type": _NOT, "content": _PART},
    "prompt_cache_retention": _NOT,
    "prompt_cache_options": {"mode": _NOT, "ttl": _NOT},
    "web_search_options": {"search_context_size": _NOT, "user_location": {"type": _NOT}},
    "moderation": {"model": _NOT, "policy": {"input": {"mode": _NOT}, "output": {"mode": _NOT}}},
}
_ROLES: dict[str, Provenance] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool_result",
    "function": "tool_result",
}
_MEMBERS: dict[str, Provenance] = {
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "reasoning": "reasoning",
    "reasoning_content": "reasoning",
    "reasoning_details": "reasoning",
    "annotations": "document",
    "name": "parameter",
}
_PARTS: dict[str, Provenance] = {
    "thinking": "reasoning",
    "file": "document",
    "image_url": "parameter",
    "video_url": "parameter",
    "audio_url": "parameter",
    "document_url": "parameter",
    "input_audio": "parameter",
}


def request_texts(body: JSON) -> Iterator[TextNode]:
    for name, value in body.items():
        if name == "messages" and isinstance(value, list):
            for index, message in enumerate(value):
                yield from _message(message, (name, index))
        else:
            provenance: Provenance = "tool_definition" if name in ("tools", "functions") else "parameter"
            yield from _texts(value, (name,), _REQUEST.get(name), "", provenance)


def answer_texts(tree: JSON) -> Iterator[TextNode]:
    yield from _choices(tree, "message")


def frame_texts(tree: JSON) -> Iterator[TextNode]:
    """The texts of one chunk. A block is told by the entry's `index`, the member, and of a call its own `index`."""
    yield from _choices(tree, "delta")


def is_not_text(path: Path, tree: JSON) -> bool:
    table: Any = _REQUEST
    value: Any = tree
    for depth, step in enumerate(path):
        if table == _SCHEMA:
            return is_schema_word(path[depth:])
        value = value[step]
        if isinstance(step, str):
            table = table.get(step) if isinstance(table, dict) else None
            if path[:1] == ("messages",) and depth == 2 and step == "name":
                table = _NOT if tree["messages"][path[1]].get("role") in ("tool", "function") else None
    return isinstance(value, str) and _is_not_text(value, table)


def _choices(tree: JSON, member: str) -> Iterator[TextNode]:
    choices = tree.get("choices")
    for index, choice in enumerate(choices if isinstance(choices, list) else ()):
        message = choice.get(member) if isinstance(choice, dict) else None
        if isinstance(message, dict):
            yield from _message({**message, "role": "assistant"}, ("choices", index, member))


def _message(message: Any, path: Path) -> Iterator[TextNode]:
    if not isinstance(message, dict):
        yield from _texts(message, path, None, "", "user")
        return
    told = message.get("role")
    role = told if isinstance(told, str) else ""
    mine = _ROLES.get(role, "user")
    for name, value in message.items():
        if name == "content":
            if isinstance(value, str):
                yield TextNode((*path, name), role, mine, value)
            else:
                yield from _parts(value, (*path, name), role, mine)
        elif name == "name" and mine == "tool_result":
            continue
        else:
            yield from _texts(value, (*path, name), _MESSAGE.get(name), role, _MEMBERS.get(name, mine))


def _parts(value: Any, path: Path, role: str, mine: Provenance) -> Iterator[TextNode]:
    for index, part in enumerate(value) if isinstance(value, list) else ():
        if isinstance(part, dict):
            for name, inner in part.items():
                yield from _texts(inner, (*path, index, name), _PART.get(name), role, _PARTS.get(name, mine))
        else:
            yield from _texts(part, (*path, index), None, role, mine)
    if isinstance(value, dict):
        yield from _texts(value, path, _PART, role, mine)


def _texts(value: Any, path: Path, table: Any, role: str, provenance: Provenance) -> Iterator[TextNode]:
    if isinstance(value, str):
        if not _is_not_text(value, table):
            yield TextNode(path, role, provenance, value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index), table, role, provenance)
    elif isinstance(value, dict):
        if table == _SCHEMA:
            yield from _schema(value, path, (), role, provenance)
            return
        for name, item in value.items():
            inner = table.get(name) if isinstance(table, dict) and name else None
            yield from _texts(item, (*path, name), inner, role, provenance)


def _schema(value: Any, path: Path, inside: Path, role: str, provenance: Provenance) -> Iterator[TextNode]:
    if isinstance(value, str):
        if not is_schema_word(inside):
            yield TextNode((*path, *inside), role, provenance, value)
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from _schema(item, path, (*inside, step), role, provenance)


def _is_not_text(value: str, table: Any) -> bool:
    if isinstance(table, dict):
        table = table.get("")
    if table == _URL:
        return value.startswith("data:")
    if table == _BYTES:
        return _DATA.fullmatch(value, 0, 64) is not None
    return table == _NOT
