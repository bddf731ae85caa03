"""Dotprompt's short way to write a schema, made into JSON Schema.

name: string, the customer's name       a scalar type or a named schema, and what it is
age?: integer                           optional: it may be missing, or null
tags(array, what it is about): string
order(object):
  id: string
mood(enum): [GLAD, SAD]
(*): any                                other names are allowed too
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

SCALARS: Final = ("any", "boolean", "integer", "null", "number", "string")
_TYPES: Final = (*SCALARS, "object", "array")
_DESCRIBED = re.compile(r"(.*?), *(.*)\Z")

Schema = dict[str, Any]
Steps = tuple[str | int, ...]
Named = Callable[[str], Schema | None]
"""A schema of the library by its name."""
Note = Callable[[Steps, str], None]
"""Is told what is wrong, and where."""


def json_schema(written: Any, named: Named, note: Note) -> Schema | None:
    """The JSON Schema that a file's `schema:` stands for: Picoschema, JSON Schema, or the name of one. None for none,
    and for what is neither.
    """
    if written is None:
        return None
    parser = _Parser(named, note)
    if isinstance(written, str):
        return parser.scalar(written, ())
    if not isinstance(written, dict):
        note((), "is no schema; write a mapping, or the name of one")
        return None
    kind = written.get("type")
    if (isinstance(kind, str) and kind in _TYPES) or isinstance(kind, list):
        return written
    if isinstance(written.get("properties"), dict):
        return {**written, "type": "object"}
    return parser.mapping(written, ())


class _Parser:
    def __init__(self, named: Named, note: Note) -> None:
        self._named = named
        self._note = note

    def any(self, written: Any, steps: Steps) -> Schema:
        if isinstance(written, str):
            return self.scalar(written, steps)
        if isinstance(written, dict):
            return self.mapping(written, steps)
        self._note(steps, "a schema is made of names and mappings; write a type, as in 'name: string'")
        return {}

    def scalar(self, written: str, steps: Steps) -> Schema:
        kind, description = _described(written)
        described = {"description": description} if description else {}
        if kind == "any":
            return described
        if kind in SCALARS:
            return {"type": kind, **described}
        found = self._named(kind)
        if found is None:
            self._note(steps, f"there is no type or schema '{kind}'; types: {', '.join(SCALARS)}")
            return {}
        return {**found, **described}

    def mapping(self, written: dict[str, Any], steps: Steps) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        others: Any = False
        for key, value in written.items():
            here = (*steps, key)
            if key == "(*)":
                others = self.any(value, here)
                continue
            name, optional, kind, description = _key(key)
            if name in properties:
                self._note(here, f"'{name}' is given a second time; keep one")
            schema = self._property(kind, value, here, optional=optional)
            properties[name] = {**schema, "description": description} if description else schema
            if not optional:
                required.append(name)
        schema = {"type": "object", "properties": properties, "additionalProperties": others}
        return {**schema, "required": required} if required else schema

    def _property(self, kind: str | None, value: Any, steps: Steps, *, optional: bool) -> Schema:
        if kind is None:
            return _nullable(self.any(value, steps), optional)
        if kind == "array":
            return _nullable({"type": "array", "items": self.any(value, steps)}, optional)
        if kind == "object":
            return _nullable(self.any(value, steps), optional)
        if kind == "enum" and isinstance(value, list):
            return {"enum": [*value, None] if optional and None not in value else list(value)}
        known = "write a list of values" if kind == "enum" else "write (array), (object) or (enum)"
        self._note(steps, f"'({kind})' cannot stand here; {known}")
        return {}


def _nullable(schema: Schema, optional: bool) -> Schema:
    kind = schema.get("type")
    return {**schema, "type": [kind, "null"]} if optional and isinstance(kind, str) else schema


def _described(written: str) -> tuple[str, str | None]:
    found = _DESCRIBED.match(written)
    return (found.group(1), found.group(2)) if found is not None else (written, None)


def _key(key: str) -> tuple[str, bool, str | None, str | None]:
    """Name, whether it is optional, type and description of a key."""
    name, _, rest = key.partition("(")
    optional = name.endswith("?")
    name = name.removesuffix("?")
    if not rest:
        return name, optional, None, None
    return name, optional, *_described(rest.removesuffix(")"))
