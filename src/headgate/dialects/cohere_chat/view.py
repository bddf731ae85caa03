"""The texts of Cohere's bodies. Every string is text unless its place says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headgate.dialects.schemas import is_schema_word
from headgate.dialects.view import Provenance, TextNode
from headgate.types import JSON, Path

_NOT_TEXT = frozenset({"detail", "id", "name", "role", "tool_call_id", "type"})
"""Members of messages, contents, calls and tools whose strings are not text."""

_ENUMS = frozenset({"model", "safety_mode", "tool_choice", "reasoning_effort"})
"""Members of the body that are not text."""

_MESSAGE_PROVENANCE: dict[str, Provenance] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool_result",
}


def request_texts(tree: JSON) -> Iterator[TextNode]:
    for path, text in _leaves(tree, ()):
        found = _place(path, tree, text)
        if found is not None:
            yield TextNode(path, found[0], found[1], text)


def answer_texts(tree: JSON) -> Iterator[TextNode]:
    yield from _message_texts(tree.get("message"), ("message",))


def frame_texts(tree: JSON) -> Iterator[TextNode]:
    """The texts of one event. The block it continues is its `type` and `index`."""
    delta = tree.get("delta")
    yield from _message_texts(delta.get("message") if isinstance(delta, dict) else None, ("delta", "message"))


def is_not_text(path: Path, tree: JSON) -> bool:
    return _place(path, tree, _string(tree, path)) is None


def _message_texts(message: Any, path: Path) -> Iterator[TextNode]:
    for place, text in _leaves(message, ()):
        if _is_message_text(place, text):
            yield TextNode((*path, *place), "assistant", _provenance(place, "assistant"), text)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))


def _place(path: Path, tree: JSON, text: str) -> tuple[str, Provenance] | None:
    """Role and provenance of the string at `path` of a request; None where it is not text."""
    top = path[0]
    if top == "messages":
        if not _is_message_text(path[2:], text):
            return None
        role = _string(tree, (*path[:2], "role"))
        return role, _provenance(path[2:], role)
    if top == "tools":
        return ("", "tool_definition") if _is_definition(path) else None
    if top == "response_format":
        if path[1:2] == ("json_schema",):
            return None if is_schema_word(path[2:]) else ("", "parameter")
        return None if path[-1] == "type" else ("", "parameter")
    if top == "documents":
        return None if len(path) == 3 and path[2] == "id" else ("", "document")
    if top in _ENUMS and len(path) == 1:
        return None
    if top in ("thinking", "citation_options"):
        return None if path[-1] in ("type", "mode") else ("", "parameter")
    return "", "parameter"


def _is_message_text(path: Path, text: str) -> bool:
    """Whether the string at `path` of a message is text. Documents are the caller's own objects."""
    for step in ("document", "tool_output"):
        if step in path[:-1]:
            return path[path.index(step) + 1 :] != ("id",)
    if path[-1:] == ("url",) and "image_url" in path:
        return not text.startswith("data:")
    return not path or path[-1] not in _NOT_TEXT


def _provenance(path: Path, role: str) -> Provenance:
    if "document" in path or "sources" in path:
        return "document"
    if "image_url" in path:
        return "parameter"
    if path[:1] == ("tool_calls",):
        return "tool_call"
    if path[:1] == ("tool_plan",) or path[-1:] == ("thinking",):
        return "reasoning"
    return _MESSAGE_PROVENANCE.get(role, "user")


def _is_definition(path: Path) -> bool:
    if "parameters" in path:
        return not is_schema_word(path[path.index("parameters") + 1 :])
    return path[-1] not in _NOT_TEXT


def _string(tree: Any, path: Path) -> str:
    """The string at `path`; empty where there is none."""
    value = tree
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return ""
    return value if isinstance(value, str) else ""
