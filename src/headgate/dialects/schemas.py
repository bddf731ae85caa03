"""Which strings of a JSON Schema are words of its vocabulary, and which are text that people wrote."""

from __future__ import annotations

from headgate.types import Path

_MEMBERS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_VALUES = frozenset({"default", "const", "enum", "examples", "example"})
_WORDS = frozenset({"type", "format", "$ref", "$schema", "required"})


def is_schema_word(path: Path) -> bool:
    """Whether the string at `path` of a schema is the value of a keyword that carries no text, such as `type`.

    A keyword's name below `properties` is the name of a member, and below `default` or `enum` part of a value.
    """
    names_a_member = False
    for step in path:
        if isinstance(step, int):
            continue
        if names_a_member:
            names_a_member = False
        elif step in _MEMBERS:
            names_a_member = True
        elif step in _VALUES:
            return False
        elif step in _WORDS:
            return True
    return False
