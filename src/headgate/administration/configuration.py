"""The configuration as it may be shown."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import inspect

from headgate.config.references import REFERRED
from headgate.types import JSON

HIDDEN = "***"

_USER = re.compile(r"(?<=://)[^/@\s]*@")


def shown(value: Any) -> JSON:
    """A part of the configuration as a tree, with `***` where something secret is."""
    found = inspect.type_info(type(value))
    assert isinstance(found, inspect.StructType)
    return _struct(value, found)


def _struct(value: Any, kind: inspect.StructType) -> JSON:
    told = dict(value.__rich_repr__()) if hasattr(value, "__rich_repr__") else {}
    tree: JSON = {}
    for field in kind.fields:
        member = getattr(value, field.name)
        if field.encode_name in told and told[field.encode_name] != member:
            tree[field.encode_name] = _plain(msgspec.to_builtins(told[field.encode_name]))
        else:
            tree[field.encode_name] = _value(member, field.type)
    return tree


def _value(value: Any, kind: inspect.Type) -> Any:
    if value is None:
        return None
    match kind:
        case inspect.Metadata(type=inner):
            return HIDDEN if (kind.extra or {}).get("secret") else _value(value, inner)
        case inspect.UnionType(types=types):
            return _value(value, next((each for each in types if _fits(value, each)), inspect.AnyType()))
        case inspect.StructType():
            return _struct(value, kind)
        case inspect.ListType(item_type=item):
            return [_value(each, item) for each in value]
        case inspect.DictType(value_type=item):
            return {str(name): _value(each, item) for name, each in value.items()}
        case _ if isinstance(value, str):
            return _text(value)
        case _:
            return _plain(msgspec.to_builtins(value))


_LEAST = 6
"""Characters of what a reference gave, from which on it is looked for within longer texts too."""


def _text(text: str) -> str:
    """A text without users and passwords in URLs, and without what references to the environment, files and commands
    gave: that may be a secret wherever it stands.
    """
    if text in REFERRED:
        return HIDDEN
    for value in REFERRED:
        if len(value) >= _LEAST and value in text:
            text = text.replace(value, HIDDEN)
    return _USER.sub(f"{HIDDEN}@", text)


def _plain(value: Any) -> Any:
    """What is no field of its own, as `_text` has it."""
    match value:
        case str():
            return _text(value)
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case bool() | None:
            return value
        case _:
            return HIDDEN if str(value) in REFERRED else value


def _fits(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StructType(cls=struct):
            return isinstance(value, struct)
        case inspect.ListType():
            return isinstance(value, list)
        case inspect.DictType():
            return isinstance(value, dict)
        case inspect.NoneType():
            return False
        case _:
            return not isinstance(value, list | dict | msgspec.Struct)
