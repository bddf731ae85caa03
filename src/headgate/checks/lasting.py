"""The part of a schema that what has come of a document has to fit already, whatever is still to come.

A wrong type or a property too many lasts. A missing property may still come, and which alternative a document takes
may not be decided yet.
"""

from __future__ import annotations

from typing import Any

_CURABLE = frozenset(
    {
        "anyOf", "contains", "dependencies", "dependentRequired", "else", "if", "maxContains", "minContains",
        "minItems", "minLength", "minProperties", "not", "oneOf", "required", "then", "unevaluatedItems",
        "unevaluatedProperties", "uniqueItems",
    }
)  # fmt: skip
"""Keywords that a document may break now and fit later. Of two equal items the second may still grow."""

_PARTS = frozenset({"additionalItems", "additionalProperties", "items", "propertyNames"})
_LISTS = frozenset({"allOf", "items", "prefixItems"})
_MAPS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})


def lasting(schema: Any) -> Any:
    """A schema that every beginning of a document fits whose whole fits `schema`, as long as its strings and numbers
    are whole. Parts keep their places, so references still find them.
    """
    if not isinstance(schema, dict):
        return schema
    return {word: _kept(word, value) for word, value in schema.items() if not _is_curable(word, value)}


def _is_curable(word: str, value: Any) -> bool:
    """A list or object that is under way may still become one of the values that are possible."""
    values = value if word == "enum" and isinstance(value, list) else [value] if word == "const" else ()
    return word in _CURABLE or any(isinstance(each, dict | list) for each in values)


def _kept(word: str, value: Any) -> Any:
    if word in _MAPS and isinstance(value, dict):
        return {name: lasting(each) for name, each in value.items()}
    if word in _LISTS and isinstance(value, list):
        return [lasting(each) for each in value]
    return lasting(value) if word in _PARTS else value
