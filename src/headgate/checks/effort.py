"""What checking documents against a schema may cost, told from the schema alone.

A validator visits every part of a schema for every value it applies to. Where alternatives share definitions, or a
schema contains itself twice, that multiplies: one of a kilobyte, twenty levels of two references each to the next,
keeps it busy for minutes, in which nothing else of the process runs. So what could take long is not begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from headgate.types import JSON

MAX_VISITS = 10_000
"""Most parts a schema may have, each counted as often as it is reached, enumerated values included."""

MAX_DEPTH = 100
"""Most levels of parts within parts, references followed."""

MAX_PATTERNS = 16
"""Most regular expressions: a compiled one may take 128 KB."""

_PARTS = (
    "additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_LISTS = ("allOf", "anyOf", "items", "oneOf", "prefixItems")
_MAPS = ("dependencies", "dependentSchemas", "patternProperties", "properties")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Uncheckable(Exception):
    """Something cannot be checked, which is not to say that it is wrong. The message says why in a few words."""

    def __init__(self, message: str, place: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.place = place
        """Where in a schema that is none, as far as that is known."""


class Effort(msgspec.Struct, frozen=True):
    """What a schema may cost per value of a document."""

    visits: int
    """Its parts, counted as often as they are reached."""
    loops: int
    """Its references back to what contains them."""

    def steps(self, values: int, document: Any) -> int:
        """At most how many times a part meets a value, in a document of so many values."""
        return self.visits * values * (self.loops ** depth_of(document) if self.loops > 1 else 1)


def effort_of(schema: JSON) -> Effort:
    """What checking against a schema costs.

    Raises:
        Uncheckable: too much, whatever the document; or it cannot be told, because the schema refers to something
            else than a place in itself.
    """
    if _patterns(schema) > MAX_PATTERNS:
        raise Uncheckable(f"the schema has more than {MAX_PATTERNS} patterns")
    walk = _Walk(schema)
    walk.visit(schema, frozenset())
    return Effort(walk.visits, walk.loops)


def depth_of(document: Any) -> int:
    """How many levels of objects and lists a document has. It comes from a parser that bounds them."""
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


class _Walk:
    """Visits a schema the way a validator would, every alternative of it."""

    def __init__(self, root: JSON) -> None:
        self._root = root
        self.visits = 0
        self.loops = 0

    def visit(self, part: Any, above: frozenset[int]) -> None:
        self.visits += 1
        if self.visits > MAX_VISITS or len(above) > MAX_DEPTH:
            raise Uncheckable("the schema is too complex")
        if not isinstance(part, dict):
            return
        if id(part) in above:
            self.loops += 1
            return
        if "$id" in part and part is not self._root:
            raise Uncheckable("a part of the schema has an '$id' of its own")
        values = part.get("enum")
        self.visits += len(values) if isinstance(values, list) else 0
        here = above | {id(part)}
        for inner in _parts_of(part):
            self.visit(inner, here)
        for word in _REFERENCES:
            if isinstance(part.get(word), str):
                self.visit(self._target(part[word]), here)

    def _target(self, reference: str) -> Any:
        """What a JSON pointer in a fragment refers to (RFC 6901, section 6)."""
        if reference != "#" and not reference.startswith("#/"):
            raise Uncheckable(f"the schema refers to '{reference[:100]}', which is no place in itself")
        place: Any = self._root
        for step in reference.split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and name.isdecimal() and int(name) < len(place):
                place = place[int(name)]
            elif isinstance(place, dict) and name in place:
                place = place[name]
            else:
                raise Uncheckable(f"the schema refers to '{reference[:100]}', where there is nothing")
        return place


def _parts_of(part: JSON) -> Iterator[Any]:
    for word in _PARTS:
        if word in part:
            yield part[word]
    for word in _LISTS:
        if isinstance(part.get(word), list):
            yield from part[word]
    for word in _MAPS:
        if isinstance(part.get(word), dict):
            yield from part[word].values()


def _patterns(value: Any) -> int:
    """The regular expressions of a schema. Those in places nobody refers to are compiled too."""
    if isinstance(value, list):
        return sum(map(_patterns, value))
    if not isinstance(value, dict):
        return 0
    named = value.get("patternProperties")
    own = isinstance(value.get("pattern"), str) + (len(named) if isinstance(named, dict) else 0)
    return own + sum(map(_patterns, value.values()))
