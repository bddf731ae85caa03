"""The texts of Converse's bodies.

Every string is text unless its place says otherwise: ids, enums, base64, signatures, and names of tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headgate.dialects.schemas import is_schema_word
from headgate.dialects.view import Provenance, TextNode
from headgate.types import JSON, Path

_NOT_TEXT = frozenset(
    {
        "bytes",
        "bucketOwner",
        "format",
        "guardrailIdentifier",
        "guardrailVersion",
        "latency",
        "name",
        "redactedContent",
        "role",
        "serverName",
        "signature",
        "status",
        "streamProcessingMode",
        "toolUseId",
        "trace",
        "ttl",
        "type",
    }
)
"""Members whose strings are not text wherever they stand in a content block or a configuration."""


def request_texts(tree: JSON) -> Iterator[TextNode]:
    for path, text in _leaves(tree, ()):
        found = _place(path, tree)
        if found is not None:
            yield TextNode(path, found[0], found[1], text)


def answer_texts(tree: JSON) -> Iterator[TextNode]:
    output = tree.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    for path, text in _leaves(content, ("output", "message", "content")):
        if _is_content_text(path[3:]):
            yield TextNode(path, "assistant", _block_provenance(path[3:], "assistant"), text)


def frame_texts(tree: JSON) -> Iterator[TextNode]:
    """The texts of one event. The block it continues is its `contentBlockIndex`."""
    for path, text in _leaves(tree.get("delta"), ("delta",)):
        if _is_content_text(path[1:]):
            yield TextNode(path, "assistant", _block_provenance(path, "assistant"), text)


def is_not_text(path: Path) -> bool:
    return _place(path, {}) is None


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))


def _place(path: Path, tree: JSON) -> tuple[str, Provenance] | None:
    """Role and provenance of the string at `path` of a request; None where it is not text."""
    top = path[0]
    if top == "messages":
        return _message_place(path, tree)
    if top == "system":
        return ("system", "system") if _is_content_text(path[2:]) else None
    if top == "toolConfig":
        return ("", "tool_definition") if _is_definition(path) else None
    if top == "outputConfig":
        return None if path[-1] in ("type", "effort", "name") else ("", "parameter")
    if top == "guardrailConfig" or top == "serviceTier" or top == "performanceConfig":
        return None if path[-1] in _NOT_TEXT else ("", "parameter")
    return "", "parameter"


def _message_place(path: Path, tree: JSON) -> tuple[str, Provenance] | None:
    if path[2:3] != ("content",):
        return None if path[-1] in _NOT_TEXT else ("", "parameter")
    if not _is_content_text(path[3:]):
        return None
    role = _role(tree, path[1])
    return role, _block_provenance(path[3:], role)


def _role(tree: JSON, number: str | int) -> str:
    messages = tree.get("messages")
    message = messages[number] if isinstance(messages, list) and isinstance(number, int) else None
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else ""


def _is_content_text(path: Path) -> bool:
    """Whether the string at `path` below a list of content blocks is text. A tool's input is the caller's own object:
    its member names mean nothing here.
    """
    for kind in ("input", "json"):
        if kind in path[:-1] and _is_free(path, path.index(kind)):
            return True
    last = path[-1] if path else ""
    if last == "name" and "document" in path:
        return True
    return last not in _NOT_TEXT and "qualifiers" not in path


def _is_free(path: Path, at: int) -> bool:
    """Whether `input` belongs to a `toolUse`, or `json` to a `toolResult`."""
    return (path[at] == "input" and path[at - 1] == "toolUse") or (path[at] == "json" and "toolResult" in path[:at])


def _block_provenance(path: Path, role: str) -> Provenance:
    for step in path[:3]:
        if step == "toolUse":
            return "tool_call"
        if step == "toolResult":
            return "tool_result"
        if step == "reasoningContent":
            return "reasoning"
        if step in ("document", "searchResult", "citation"):
            return "document"
        if step in ("image", "video", "audio"):
            return "parameter"
    if role == "system":
        return "system"
    return "assistant" if role == "assistant" else "user"


def _is_definition(path: Path) -> bool:
    """Whether a string of `toolConfig` is text: descriptions, and what a schema says in words or values."""
    if "inputSchema" in path:
        at = path.index("inputSchema") + 2
        return not is_schema_word(path[at:])
    return path[-1] not in _NOT_TEXT
