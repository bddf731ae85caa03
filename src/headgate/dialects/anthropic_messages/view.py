"""The texts of Anthropic's bodies.

Every string is text unless its place says otherwise: ids, enums, base64, signatures, encrypted content, and names of
tools and servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headgate.dialects.schemas import is_schema_word
from headgate.dialects.view import Provenance, TextNode
from headgate.types import JSON, Path

_NOT_TEXT = frozenset(
    {
        "allowed_callers", "authorization_token", "caller", "clear_at", "data", "display", "effort",
        "encrypted_content", "encrypted_index", "encrypted_stdout", "error_code", "exclude_tools",
        "fallback_credit_token", "file_id", "id", "media_type", "mcp_server_name", "model", "name",
        "previous_message_id", "role", "server_name", "signature", "skill_id", "stop_reason", "tool_id", "tool_name",
        "tool_use_id", "toolset_name", "ttl", "type", "version",
    }
)  # fmt: skip
"""Members whose strings are not text wherever they stand, free objects excepted."""

_WORDS = frozenset({"betas", "inference_geo", "model", "service_tier", "speed", "thinking", "tool_choice"})
"""Members at the top in which nothing is text."""

_RESULTS = ("tool_result", "_tool_result")


def request_texts(tree: JSON) -> Iterator[TextNode]:
    for path, text in _leaves(tree, ()):
        found = _place(path, tree)
        if found is not None:
            yield TextNode(path, found[0], found[1], text)


def answer_texts(tree: JSON) -> Iterator[TextNode]:
    yield from _content_texts(tree, ("content",), "assistant")


def frame_texts(tree: JSON) -> Iterator[TextNode]:
    """The texts of one event. The block it continues is its `index`."""
    delta = tree.get("delta")
    kind = delta.get("type") if isinstance(delta, dict) else None
    if kind == "input_json_delta":
        yield from _delta_text(tree, "partial_json", "tool_call")
    elif kind == "thinking_delta":
        yield from _delta_text(tree, "thinking", "reasoning")
    elif kind is not None:
        yield from _content_texts(tree, ("delta",), "assistant")
    yield from _content_texts(tree, ("content_block",), "assistant")


def is_not_text(path: Path, tree: JSON) -> bool:
    return _place(path, tree) is None


def _delta_text(tree: JSON, name: str, provenance: Provenance) -> Iterator[TextNode]:
    text = tree["delta"].get(name)
    if isinstance(text, str):
        yield TextNode(("delta", name), "assistant", provenance, text)


def _content_texts(tree: JSON, root: Path, role: str) -> Iterator[TextNode]:
    for path, text in _leaves(tree.get(str(root[0])), root):
        found = _block_place(path, len(root), tree, role)
        if found is not None:
            yield TextNode(path, role, found, text)


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
    match path[0]:
        case "messages":
            return _message_place(path, tree)
        case "system":
            found = _block_place(path, 1, tree, "system")
            return ("system", found) if found is not None else None
        case "tools":
            return ("", "tool_definition") if _is_definition(path) else None
        case "output_config" | "output_format":
            return ("", "parameter") if _is_output_text(path) else None
        case "container":
            return None
        case "stop_sequences" | "metadata":
            return "", "parameter"
        case top if top in _WORDS:
            return None
        case _:
            return None if _last_name(path) in _NOT_TEXT or "allowed_tools" in path else ("", "parameter")


def _message_place(path: Path, tree: JSON) -> tuple[str, Provenance] | None:
    if len(path) < 3 or path[2] != "content":
        return None if _last_name(path) in _NOT_TEXT else ("", "parameter")
    message = tree["messages"][path[1]]
    role = message.get("role")
    role = role if isinstance(role, str) else ""
    found = _block_place(path, 3, tree, role)
    return (role, found) if found is not None else None


def _block_place(path: Path, start: int, tree: JSON, role: str) -> Provenance | None:
    """Whose the string at `path` is, in content that begins behind the first `start` steps; None where it is no text.

    Walks down from the content, since what a name means depends on the block it stands in: `data` is text in the
    source of a plain text, and below `input` all names are the caller's own.
    """
    whose: Provenance = _speaker(role)
    node: Any = tree
    for depth, step in enumerate(path):
        if depth >= start and isinstance(node, dict):
            kind = node.get("type")
            if isinstance(kind, str):
                if step == "input" and kind.endswith("tool_use"):
                    return "tool_call"
                whose = _provenance(kind, whose)
            if step == "caller" or (step in _NOT_TEXT and not (step == "data" and kind == "text")):
                return None
            if step == "url" or (step == "source" and isinstance(node[step], str)):
                return None if str(node[step]).startswith("data:") else "parameter"
        node = node[step]
    return whose


def _speaker(role: str) -> Provenance:
    if role == "system":
        return "system"
    return "assistant" if role == "assistant" else "user"


def _provenance(kind: str, outer: Provenance) -> Provenance:
    if kind.endswith(_RESULTS):
        return "tool_result"
    if kind == "thinking":
        return "reasoning"
    if kind in ("document", "search_result") or kind.endswith("_location"):
        return outer if outer == "tool_result" else "document"
    return outer


def _is_definition(path: Path) -> bool:
    """Whether a string of a tool is text: descriptions, examples, and what a schema says in words or values."""
    if len(path) > 3 and path[2] == "input_schema":
        return not is_schema_word(path[3:])
    if len(path) > 3 and path[2] == "input_examples":
        return True
    return not any(step in _NOT_TEXT for step in path[2:])


def _is_output_text(path: Path) -> bool:
    for at, step in enumerate(path):
        if step == "schema":
            return not is_schema_word(path[at + 1 :])
    return _last_name(path) not in _NOT_TEXT


def _last_name(path: Path) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")
