"""Whether every value that fits one JSON Schema fits another: what callers of something would notice when it goes from
one schema to another.

It errs on the safe side: where it cannot tell, it says so as a gap. Names that only one of two open mappings knows are
the exception; nobody could add an optional one to a schema that allows any others without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import compiled

Kind = Literal["type", "value", "only", "required", "gone", "closed", "bound", "other"]

MAX_DEPTH: Final = 40

_TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_ANNOTATIONS: Final = frozenset({
    "title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly", "format", "$defs",
    "definitions", "$schema", "$id", "$anchor",
})  # fmt: skip
_LEAST: Final = {"minimum": "number", "exclusiveMinimum": "number", "minLength": "string", "minItems": "array",
                 "minProperties": "object"}  # fmt: skip
_MOST: Final = {"maximum": "number", "exclusiveMaximum": "number", "maxLength": "string", "maxItems": "array",
                "maxProperties": "object"}  # fmt: skip
_SEEN: Final = frozenset({
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf",
    "$ref", *_LEAST, *_MOST,
})  # fmt: skip


class Gap(msgspec.Struct, frozen=True):
    """Values of the inner schema that do not fit the outer one."""

    place: str
    """Where: `orders[].id`, empty for the whole."""
    kind: Kind
    detail: str = ""
    """Of `type` the types, of `value` the value, of `only` those there are, of `bound` and `other` the keyword."""


def gaps(inner: Any, outer: Any, *, growing: bool = False) -> list[Gap]:
    """Where values of `inner` do not fit `outer`, in the order of the schemas; empty where all of them do.

    Args:
        growing: whether mappings may have names the outer schema does not know, and names that it does know have to be
            among the inner one's, required or not: what is asked of answers, of which callers read what they know.
    """
    found: dict[Gap, None] = {}
    for each in _Walk(inner, outer, growing).gaps(inner, outer, "", 0):
        found[each] = None
    return list(found)


class _Walk:
    def __init__(self, inner: Any, outer: Any, growing: bool) -> None:
        self._inner = inner
        self._outer = outer
        self._growing = growing

    def gaps(self, inner: Any, outer: Any, place: str, depth: int) -> Iterator[Gap]:
        if depth > MAX_DEPTH:
            yield Gap(place, "other", "$ref")
            return
        inner, outer = _resolved(inner, self._inner), _resolved(outer, self._outer)
        if outer is True or inner is False:
            return
        inner = {} if inner is True else inner
        if not isinstance(inner, dict) or not isinstance(outer, dict):
            yield Gap(place, "other", "false")
            return
        inner, outer = _bare(inner), _bare(outer)
        if not outer or (inner == outer and "$ref" not in outer):
            return
        for key in ("anyOf", "oneOf"):
            if key in inner:
                for member in inner[key]:
                    yield from self.gaps(_with(inner, key, member), outer, place, depth + 1)
                return
        if "allOf" in inner:
            parts = [_without(inner, "allOf"), *inner["allOf"]]
            if any(not list(self.gaps(each, outer, place, depth + 1)) for each in parts):
                return
            inner = parts[0]
        for member in outer.get("allOf", ()):
            yield from self.gaps(inner, member, place, depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in outer:
                fits = [not list(self.gaps(inner, _with(outer, key, each), place, depth + 1)) for each in outer[key]]
                if not any(fits) or key == "oneOf":
                    yield Gap(place, "other", key)
                return
        yield from self._plain(inner, outer, place, depth)

    def _plain(self, inner: Mapping[str, Any], outer: Mapping[str, Any], place: str, depth: int) -> Iterator[Gap]:
        values = _values(inner)
        if values is not None:
            for value in values:
                if not self._fits(value, outer):
                    yield Gap(place, "value", _shown(value))
            return
        if (known := _values(outer)) is not None:
            yield Gap(place, "only", ", ".join(map(_shown, known)))
            return
        types, taken = _types(inner), _types(outer)
        if "number" in taken:
            taken |= {"integer"}
        if missing := types - taken:
            yield Gap(place, "type", ", ".join(sorted(missing)))
        types &= taken
        if "object" in types:
            yield from self._object(inner, outer, place, depth)
        if "array" in types and "items" in outer:
            yield from self.gaps(inner.get("items", True), outer["items"], f"{place}[]", depth + 1)
        yield from _bounds(inner, outer, place, types)
        for key in sorted({*outer, *(("patternProperties",) if "patternProperties" in inner else ())} - _SEEN):
            if inner.get(key) != outer.get(key):
                yield Gap(place, "other", key)

    def _object(self, inner: Mapping[str, Any], outer: Mapping[str, Any], place: str, depth: int) -> Iterator[Gap]:
        has, knows = inner.get("properties", {}), outer.get("properties", {})
        others, allowed = inner.get("additionalProperties", True), outer.get("additionalProperties", True)
        for name in knows:
            if self._growing and name not in has and others is False:
                yield Gap(_within(place, name), "gone")
        for name in outer.get("required", ()):
            told = self._growing and name in knows and name not in has and others is False
            if name not in inner.get("required", ()) and not told:
                yield Gap(_within(place, name), "required")
        for name, schema in has.items():
            if name in knows:
                yield from self.gaps(schema, knows[name], _within(place, name), depth + 1)
            elif allowed is False and not self._growing:
                yield Gap(_within(place, name), "gone")
            elif allowed not in (True, False):
                yield from self.gaps(schema, allowed, _within(place, name), depth + 1)
        for name, schema in knows.items():
            if name not in has and isinstance(others, dict):
                yield from self.gaps(others, schema, _within(place, name), depth + 1)
        if others is not False and allowed is False and not self._growing:
            yield Gap(place, "closed")
        elif others is not False and allowed not in (True, False):
            yield from self.gaps(others, allowed, _within(place, "*"), depth + 1)

    def _fits(self, value: Any, outer: Mapping[str, Any]) -> bool:
        whole = self._outer if isinstance(self._outer, dict) else {}
        named = {key: whole[key] for key in ("$defs", "definitions") if key in whole}
        try:
            return not compiled({**named, **outer}).faults(_shown(value), value)
        except Uncheckable:
            return False


def _bounds(inner: Mapping[str, Any], outer: Mapping[str, Any], place: str, types: frozenset[str]) -> Iterator[Gap]:
    for bounds, sign in ((_LEAST, 1), (_MOST, -1)):
        for key, kind in bounds.items():
            applies = kind in types or (kind == "number" and "integer" in types)
            if key not in outer or not applies or (sign == 1 and kind != "number" and outer[key] == 0):
                continue
            if key not in inner or sign * inner[key] < sign * outer[key]:
                yield Gap(place, "bound", f"{key} {outer[key]}")


def _resolved(schema: Any, root: Any) -> Any:
    """A schema with what `$ref` stands for in its place, as far as that is within the whole."""
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            return schema
        target = _pointed(root, schema["$ref"])
        if target is None:
            return schema
        if target is True or not isinstance(target, dict):
            return target
        schema = {**target, **_without(schema, "$ref")}
    return schema


def _pointed(root: Any, reference: str) -> Any:
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return None
    for step in reference[2:].split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        root = root.get(step) if isinstance(root, dict) else None
    return root


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in _ANNOTATIONS}


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _with(schema: Mapping[str, Any], key: str, member: Any) -> Any:
    """A schema with one of its alternatives; both have to hold where both say something of the same."""
    rest = _without(schema, key)
    if not isinstance(member, dict):
        return rest if member is True else False
    if set(rest) & set(member):
        return {"allOf": [rest, member]}
    return {**rest, **member}


def _values(schema: Mapping[str, Any]) -> Sequence[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    kind = schema.get("type")
    if isinstance(kind, str):
        return frozenset({kind})
    return frozenset(kind) if isinstance(kind, list) else _TYPES - {"integer"}


def _within(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()
