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
from collections.abc import Callable, Container
from typing import Any, Final

SCALARS: Final = ("any", "boolean", "integer", "null", "number", "string")
_TYPES: Final = (*SCALARS, "object", "array")
_DESCRIBED = re.compile(r"(.*?),\s*(.*)\Z", re.DOTALL)

Schema = dict[str, Any]
Steps = tuple[str | int, ...]
Named = Callable[[str], Schema]
"""A schema of the library by its name; raises `Unnamed`."""
Note = Callable[[Steps, str], None]
"""Is told what is wrong, and where."""

_TEXTS: Final = frozenset({"const", "default", "description", "format", "title", "type"})
"""Words of JSON Schema that a type's name may stand behind."""


class Unnamed(LookupError):
    """There is no schema of a name, or none that can be had here; the message says so."""


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
        for key in _properties(written):
            note(
                (key,),
                f"'type: {kind}' makes this JSON Schema, where '{key}' says nothing; write it under 'properties'",
            )
        return written
    if isinstance(written.get("properties"), dict):
        return {**written, "type": "object"}
    return parser.mapping(written, ())


def _properties(schema: Schema) -> list[str]:
    """What looks like properties of Picoschema in what is JSON Schema, because one of them is called `type`."""
    return [
        key
        for key, value in schema.items()
        if isinstance(value, str) and key not in _TEXTS and _described(value)[0] in SCALARS
    ]


class _Parser:
    def __init__(self, named: Named, note: Note) -> None:
        self._named = named
        self._note = note

    def any(self, written: Any, steps: Steps) -> Schema:
        if isinstance(written, str):
            return self.scalar(written, steps)
        if isinstance(written, dict):
            return self.mapping(written, steps)
        listed = "; a list is written 'name(array): type', a choice 'name(enum): [A, B]'"
        hint = listed if isinstance(written, list) else ""
        self._note(steps, f"a schema is made of names and mappings; write a type, as in 'name: string'{hint}")
        return {}

    def scalar(self, written: str, steps: Steps) -> Schema:
        kind, description = _described(written)
        described = {"description": description} if description else {}
        if kind == "any":
            return described
        if kind in SCALARS:
            return {"type": kind, **described}
        try:
            return {**self._named(kind), **described}
        except Unnamed as error:
            self._note(steps, str(error))
            return {}

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
            wrong = _wrong(key, name, properties)
            if wrong is not None:
                self._note(here, wrong)
                continue
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


def _wrong(key: str, name: str, known: Container[str]) -> str | None:
    """What is wrong with a property's key."""
    if name in known:
        return f"'{name}' is given a second time; keep one"
    if not name.strip():
        return f"'{key}' names nothing; write a name before it" if key else "a name is empty; write one"
    if name != name.strip():
        return f"'{key}' has a space before '?' or '('; write '{name.strip()}{key[len(name) :].strip()}'"
    if "(" in key and not key.rstrip().endswith(")"):
        return f"'{key}' is not closed; write ')' behind it"
    return None


def name_of(key: str) -> str:
    """The property that a key of Picoschema is about."""
    return _key(key)[0]


def _described(written: str) -> tuple[str, str | None]:
    found = _DESCRIBED.match(written)
    return (found.group(1).strip(), found.group(2).rstrip()) if found is not None else (written.strip(), None)


def _key(key: str) -> tuple[str, bool, str | None, str | None]:
    """Name, whether it is optional, type and description of a key."""
    name, _, rest = key.partition("(")
    optional = name.endswith("?")
    name = name.removesuffix("?")
    if not rest:
        return name, optional, None, None
    return name, optional, *_described(rest.rstrip().removesuffix(")"))
