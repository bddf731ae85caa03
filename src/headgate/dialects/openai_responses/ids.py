"""The ids in a body that name something in an account at a vendor: whoever shares the account could use them.

Each is told with its path and what it names: `response`, `conversation`, `file`, `container`, `vector_store`, and
`item` where a request refers to a stored item by nothing but its id, or a summary beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headgate.dialects.base import AccountId
from headgate.types import JSON, Path

_BY_NAME = {
    "comparison_response_id": "response",
    "container_id": "container",
    "conversation_id": "conversation",
    "file_id": "file",
    "file_ids": "file",
    "previous_response_id": "response",
    "vector_store_ids": "vector_store",
}
_FREE = frozenset({"arguments", "metadata", "parameters", "schema", "text", "variables"})
"""Members whose content is the caller's own, whatever its names say."""

_BARE = frozenset({"type", "id"})

_ITEM_EVENTS = frozenset(
    {
        "response.content_part.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.annotation.added",
    }
)


def request_ids(tree: JSON) -> Iterator[AccountId]:
    """The ids in a request."""
    yield from _conversation(tree)
    yield from _containers(tree.get("tools"), ("tools",))
    yield from _references(tree.get("input"), ("input",))
    for name, value in tree.items():
        if name not in _FREE:
            yield from _named(name, value, (name,))


def refers_to_items(tree: JSON) -> bool:
    """Whether a request has items in it that its vendor has to look up."""
    return any(True for _ in _references(tree.get("input"), ()))


def answer_ids(tree: JSON) -> Iterator[AccountId]:
    """The ids in a whole response: its own first, then those it names."""
    known = tree.get("id")
    if isinstance(known, str):
        yield ("id",), "response", known
    yield from request_ids(tree)


def frame_ids(tree: JSON) -> Iterator[AccountId]:
    """The ids in one parsed event of a stream: those of the response it holds, or of an item."""
    response = tree.get("response")
    if isinstance(response, dict):
        for path, kind, known in answer_ids(response):
            yield ("response", *path), kind, known
    elif tree.get("type") in _ITEM_EVENTS:
        for name in ("item", "annotation", "part"):
            yield from _named(name, tree.get(name), (name,))


def _conversation(tree: JSON) -> Iterator[AccountId]:
    """`conversation` is an id, or an object that holds one."""
    told = tree.get("conversation")
    if isinstance(told, str):
        yield ("conversation",), "conversation", told
    elif isinstance(told, dict) and isinstance(told.get("id"), str):
        yield ("conversation", "id"), "conversation", told["id"]


def _containers(tools: Any, path: Path) -> Iterator[AccountId]:
    """A code interpreter's `container` is an id, or an object that describes a new one."""
    if isinstance(tools, list):
        for index, tool in enumerate(tools):
            if isinstance(tool, dict) and isinstance(tool.get("container"), str):
                yield (*path, index, "container"), "container", tool["container"]


def _references(items: Any, path: Path) -> Iterator[AccountId]:
    """References to stored items, whose type may be left out, and reasoning that is told without what was thought."""
    if isinstance(items, list):
        for index, item in enumerate(items):
            if (
                isinstance(item, dict)
                and isinstance(item.get("id"), str)
                and (item.keys() <= _BARE or _is_hidden(item))
            ):
                yield (*path, index, "id"), "item", item["id"]


def _is_hidden(item: JSON) -> bool:
    return item.get("type") == "reasoning" and not item.get("encrypted_content") and not item.get("content")


def _named(name: str, value: Any, path: Path) -> Iterator[AccountId]:
    """The ids in a value and below, by the names of the members they stand in."""
    if isinstance(value, str):
        kind = _BY_NAME.get(name)
        if kind is not None:
            yield path, kind, value
    elif isinstance(value, dict):
        for inner, each in value.items():
            if inner not in _FREE:
                yield from _named(inner, each, (*path, inner))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _named(name, each, (*path, index))
