"""The texts of Gemini's bodies.

One table says what is not text: ids, enums, MIME types, base64, signatures, names of tools. It mirrors the bodies'
shape with lists left out, so that it fits `tools` given as one object too; its names are in camelCase and stand for
their snake_case too, since the vendor takes both. Everything it does not mention is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headgate.dialects.schemas import is_schema_word
from headgate.dialects.view import Provenance, TextNode, strings
from headgate.types import JSON, Path

_Table = dict[str, Any]
_NOT = "not text"
_SCHEMA = "a JSON Schema"

_BLOB: _Table = {"mimeType": _NOT, "data": _NOT}
_FILE: _Table = {"mimeType": _NOT}
_PART: _Table = {
    "thoughtSignature": _NOT,
    "inlineData": _BLOB,
    "fileData": _FILE,
    "functionCall": {"id": _NOT, "name": _NOT},
    "functionResponse": {
        "id": _NOT,
        "name": _NOT,
        "scheduling": _NOT,
        "parts": {"inlineData": _BLOB, "fileData": _FILE},
    },
    "executableCode": {"id": _NOT, "language": _NOT},
    "codeExecutionResult": {"id": _NOT, "outcome": _NOT},
    "toolCall": {"id": _NOT, "toolType": _NOT},
    "toolResponse": {"id": _NOT, "toolType": _NOT},
    "videoMetadata": {"startOffset": _NOT, "endOffset": _NOT},
    "mediaResolution": {"level": _NOT},
}
_CONTENT: _Table = {"role": _NOT, "parts": _PART}
_REQUEST: _Table = {
    "contents": _CONTENT,
    "systemInstruction": _CONTENT,
    "tools": {
        "functionDeclarations": {
            "name": _NOT,
            "behavior": _NOT,
            "parameters": _SCHEMA,
            "parametersJsonSchema": _SCHEMA,
            "response": _SCHEMA,
            "responseJsonSchema": _SCHEMA,
        }
    },
    "toolConfig": {"functionCallingConfig": {"mode": _NOT, "allowedFunctionNames": _NOT}},
    "generationConfig": {
        "responseMimeType": _NOT,
        "responseModalities": _NOT,
        "responseSchema": _SCHEMA,
        "responseJsonSchema": _SCHEMA,
        "mediaResolution": _NOT,
        "thinkingConfig": {"thinkingLevel": _NOT},
    },
    "safetySettings": {"category": _NOT, "threshold": _NOT, "method": _NOT},
    "cachedContent": _NOT,
}
_PROVENANCE: dict[str, Provenance] = {
    "functionCall": "tool_call",
    "functionResponse": "tool_result",
    "executableCode": "tool_call",
    "codeExecutionResult": "tool_result",
    "toolCall": "tool_call",
    "toolResponse": "tool_result",
    "fileData": "parameter",
    "inlineData": "parameter",
}


def request_texts(tree: JSON) -> Iterator[TextNode]:
    for name, value in tree.items():
        known = camel(name)
        table = _REQUEST.get(known)
        if known == "contents":
            for number, content in _items(value):
                yield from _content(content, (name, *number))
        elif known == "systemInstruction":
            yield from _texts(value, (name,), table, "system", "system")
        else:
            yield from _texts(value, (name,), table, "", "tool_definition" if known == "tools" else "parameter")


def answer_texts(tree: JSON) -> Iterator[TextNode]:
    """Of a whole answer, or of a frame: a text continues the block of its candidate that is under way."""
    for number, candidate in _items(tree.get("candidates")):
        if isinstance(candidate, dict):
            yield from _content(candidate.get("content"), ("candidates", *number, "content"))
            grounding = candidate.get("groundingMetadata")
            yield from strings(grounding, ("candidates", *number, "groundingMetadata"), "model", "document")


def is_not_text(path: Path) -> bool:
    table: Any = _REQUEST
    for depth, step in enumerate(path):
        if table == _SCHEMA:
            return is_schema_word(path[depth:])
        if isinstance(step, str):
            table = table.get(camel(step)) if isinstance(table, dict) else None
    return table == _NOT


def _content(content: Any, path: Path) -> Iterator[TextNode]:
    """A turn: what its texts are depends on its role and on the kind of part they stand in."""
    if not isinstance(content, dict):
        yield from _texts(content, path, None, "", "parameter")
        return
    told = content.get("role")
    role = told if isinstance(told, str) else "user"
    mine: Provenance = "assistant" if role == "model" else "user"
    for name, value in content.items():
        if name == "parts":
            for number, part in _items(value):
                yield from _part(part, (*path, name, *number), role, mine)
        else:
            yield from _texts(value, (*path, name), _CONTENT.get(camel(name)), role, "parameter")


def _part(part: Any, path: Path, role: str, mine: Provenance) -> Iterator[TextNode]:
    if not isinstance(part, dict):
        yield from _texts(part, path, None, role, mine)
        return
    if part.get("thought") is True:
        mine = "reasoning"
    for name, value in part.items():
        known = camel(name)
        yield from _texts(value, (*path, name), _PART.get(known), role, _PROVENANCE.get(known, mine))


def _texts(value: Any, path: Path, table: Any, role: str, provenance: Provenance) -> Iterator[TextNode]:
    if table is None:
        yield from strings(value, path, role, provenance)
    elif table == _SCHEMA:
        for node in strings(value, path, role, provenance):
            if not is_schema_word(node.path[len(path) :]):
                yield node
    elif isinstance(value, str):
        if table != _NOT:
            yield TextNode(path, role, provenance, value)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number), table, role, provenance)
    elif isinstance(value, dict):
        for name, item in value.items():
            inner = table.get(camel(name)) if isinstance(table, dict) else None
            yield from _texts(item, (*path, name), inner, role, provenance)


def _items(value: Any) -> Iterator[tuple[Path, Any]]:
    """The items of a list with their place in it; anything else itself: the vendor may take it for a list of one."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield (number,), item
    elif value is not None:
        yield (), value


def camel(name: str) -> str:
    """A member's name as the table has it."""
    if "_" not in name:
        return name
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
