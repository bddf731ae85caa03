"""The only thing policies read of a body: its texts, with where they stand, who wrote them, and a way to change them.

Every string of a body is text unless a dialect's table says it is not: a field nobody has heard of is read, not
skipped.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from headgate.types import JSON, Path, Payload

Provenance = Literal[
    "system", "user", "assistant", "reasoning", "tool_definition", "tool_call", "tool_result", "document", "parameter"
]
"""Who wrote a text: `system` covers developer messages and instructions; `document` is retrieved or attached text;
`parameter` is any other field that can carry text (a stop sequence, a user name, metadata)."""


class TextNode(msgspec.Struct, frozen=True):
    """One text of a body."""

    path: Path
    role: str
    """The role of the message it stands in, as the dialect calls it; empty outside messages."""
    provenance: Provenance
    text: str


def strings(value: Any, path: Path, role: str, provenance: Provenance) -> Iterator[TextNode]:
    """Every string in a JSON value of any shape, object keys excepted."""
    if isinstance(value, str):
        yield TextNode(path, role, provenance, value)
    elif isinstance(value, list):
        for index, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from strings(item, (*path, index), role, provenance)
    elif isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from strings(item, (*path, key), role, provenance)


def get(tree: JSON, path: Path) -> Any:
    """The value at `path`."""
    value: Any = tree
    for step in path:
        value = value[step]
    return value


def replace_texts(payload: Payload, changes: Mapping[Path, str]) -> Payload:
    """A copy of `payload` with the strings at some paths replaced; unknown fields survive.

    The original payload and its tree stay as they are.
    """
    if not changes:
        return payload
    tree = copy.deepcopy(payload.tree)
    for path, text in changes.items():
        get(tree, path[:-1])[path[-1]] = text
    return payload.with_tree(tree)
