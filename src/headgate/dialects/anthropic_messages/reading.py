"""Typed reading of parsed JSON, with the error of whoever sent it: the same blocks come from clients and vendors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from headgate.errors import BadRequest, HeadgateError, MalformedOutput
from headgate.types import JSON, json_type

ValueT = TypeVar("ValueT")

_NAMES: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    dict: "an object",
    list: "an array",
}


class Reader:
    """Reads members of objects; `fail` makes the error from a field and what is wrong with it."""

    def __init__(self, fail: Callable[[str, str], HeadgateError]) -> None:
        self.fail = fail

    def optional(self, members: JSON, name: str, kind: type[ValueT], where: str) -> ValueT | None:
        """A member that may be absent or null. `True` is no whole number.

        Raises:
            HeadgateError: it is of another type.
        """
        value = members.get(name)
        if value is None or type(value) is kind:
            return value
        raise self.fail(f"{where}{name}", f"must be {_NAMES[kind]}, not {json_type(value)}")

    def required(self, members: JSON, name: str, kind: type[ValueT], where: str) -> ValueT:
        """A member that has to be there.

        Raises:
            HeadgateError: it is absent, null or of another type.
        """
        value = self.optional(members, name, kind, where)
        if value is None:
            raise self.fail(f"{where}{name}", "is missing")
        return value

    def number(self, members: JSON, name: str) -> float | None:
        """An optional member at the top that is any number.

        Raises:
            HeadgateError: it is of another type.
        """
        value = members.get(name)
        if value is None or type(value) in (int, float):
            return value
        raise self.fail(name, f"must be a number, not {json_type(value)}")

    def object(self, value: object, where: str) -> JSON:
        """An item of a list that has to be an object.

        Raises:
            HeadgateError: it is not.
        """
        if isinstance(value, dict):
            return value
        raise self.fail(where, f"must be an object, not {json_type(value)}")


def _of_client(field: str, what: str) -> HeadgateError:
    return BadRequest(f"'{field}' {what}.", param=field)


def _of_vendor(field: str, what: str) -> HeadgateError:
    return MalformedOutput(f"the vendor's answer: {field} {what}")


CLIENT = Reader(_of_client)
VENDOR = Reader(_of_vendor)


def left(members: JSON, known: frozenset[str]) -> JSON:
    """The members beyond the known ones."""
    if members.keys() <= known:
        return {}
    return {name: value for name, value in members.items() if name not in known}
