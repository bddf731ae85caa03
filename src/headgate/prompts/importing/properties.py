"""Prompty's properties, as inputs and outputs are written in its front matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from headgate.prompts.importing.written import Field, schema_of

HISTORY: Final = "thread"
MEDIA: Final = frozenset({"image", "file", "audio"})

_KINDS: Final = {
    "string": "string", "integer": "integer", "float": "number", "number": "number", "boolean": "boolean",
    "image": "string", "file": "string", "audio": "string",
}  # fmt: skip
_DESCRIBES: Final = frozenset({"kind", "type", "default", "description", "required", "sample", "example", "enumValues"})
_SCALARS: Final[Mapping[type, str]] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def fields_of(given: Any, *, samples: bool) -> tuple[dict[str, Field], dict[str, Any]]:
    """Properties by name, and their defaults. `samples`: a bare value is one for trying out, and no default."""
    fields: dict[str, Field] = {}
    defaults: dict[str, Any] = {}
    for name, value in _listed(given):
        fields[name] = field_of(value)
        if isinstance(value, dict):
            if value.get("default") is not None and _DESCRIBES & value.keys():
                defaults[name] = value["default"]
        elif not samples and value is not None:
            defaults[name] = value
    return fields, defaults


def kinds_of(given: Any) -> dict[str, str]:
    """What kinds properties say they are of."""
    return {name: _kind(value) for name, value in _listed(given)}


def typed(given: Any) -> set[str]:
    """Names of properties of which all is known."""
    fields, _ = fields_of(given, samples=False)
    return {name for name, field in fields.items() if not str(field.kind).startswith("any")}


def _listed(given: Any) -> Iterator[tuple[str, Any]]:
    """Properties are a mapping by name, or a list of mappings with a name."""
    if isinstance(given, Mapping):
        properties = given.get("properties")
        if isinstance(properties, list | dict) and given.get("kind", given.get("type", "object")) == "object":
            yield from _listed(properties)
            return
        yield from ((str(name), value) for name, value in given.items())
    elif isinstance(given, list):
        yield from ((str(each["name"]), each) for each in given if isinstance(each, dict) and "name" in each)


def _kind(given: Any) -> str:
    return str(given.get("kind", given.get("type", ""))) if isinstance(given, dict) else ""


def field_of(given: Any) -> Field:
    """What a property is in Picoschema."""
    if not isinstance(given, dict) or not _DESCRIBES & given.keys():
        container = "array" if isinstance(given, list) else ""
        return Field(_scalar(given), container=container)
    described = str(given.get("description") or "").replace("\n", " ").strip()
    behind = f", {described}" if described else ""
    optional = given.get("required") is False
    kind = _kind(given)
    values = given.get("enumValues", given.get("enum"))
    if isinstance(values, list) and values:
        return Field(values, optional, f"enum{behind}")
    if kind == "array":
        return Field(
            field_of(given["items"]).kind if isinstance(given.get("items"), dict) else "any", optional, f"array{behind}"
        )
    if kind == "object" and given.get("properties"):
        inner, _ = fields_of(given["properties"], samples=False)
        return Field(schema_of(inner), optional, f"object{behind}")
    plain = _KINDS.get(kind) or _scalar(given.get("default", given.get("sample")))
    return Field(f"{plain}{behind}", optional)


def _scalar(value: object) -> str:
    """The kind of a value; `any` where it is none of one kind."""
    return _SCALARS.get(type(value), "any")
