"""Typed reading of a vendor's parsed JSON: what is there has the right type, or the error says where it has not."""

from __future__ import annotations

from typing import TypeVar

import jiter

from headgate.errors import MalformedOutput
from headgate.types import JSON, json_type

ValueT = TypeVar("ValueT")


def optional(members: JSON, name: str, kind: type[ValueT], where: str) -> ValueT | None:
    """A member that may be absent or null. `True` is no whole number.

    Raises:
        MalformedOutput: it is of another type.
    """
    value = members.get(name)
    if value is None or type(value) is kind:
        return value
    raise MalformedOutput(f"{where}.{name} is {json_type(value)}")


def required(members: JSON, name: str, kind: type[ValueT], where: str) -> ValueT:
    """A member that has to be there.

    Raises:
        MalformedOutput: it is absent, null or of another type.
    """
    value = optional(members, name, kind, where)
    if value is None:
        raise MalformedOutput(f"{where}.{name} is missing")
    return value


def as_object(value: object, where: str) -> JSON:
    """An item of a list, or any other value, that has to be an object.

    Raises:
        MalformedOutput: it is not.
    """
    if isinstance(value, dict):
        return value
    raise MalformedOutput(f"{where} is {json_type(value)}, not an object")


def parsed(data: bytes, where: str) -> JSON:
    """The JSON object in a frame.

    Raises:
        MalformedOutput: it is not JSON, not an object, or nested deeper than 200.
    """
    try:
        value = jiter.from_json(data)
    except ValueError as error:
        raise MalformedOutput(f"{where} is not JSON: {error}") from None
    return as_object(value, where)
