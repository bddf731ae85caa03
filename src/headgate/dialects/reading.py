"""Typed reading of parsed JSON, with the error of whoever sent it: the same objects come from clients and vendors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from headgate.errors import BadRequest, HeadgateError, MalformedOutput
from headgate.types import JSON, json_type

ValueT = TypeVar("ValueT")

_KINDS: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    dict: "an object",
    list: "an array",
}


class Reader:
    """Reads members of objects. `fail` makes the error from a field and what is wrong with it.

    `where` is the path of the object a member stands in, empty at the top: `input[2].content[0]`.
    """

    def __init__(self, fail: Callable[[str, str], HeadgateError]) -> None:
        self.fail = fail

    def optional(self, members: JSON, name: str, kind: type[ValueT], where: str = "") -> ValueT | None:
        """A member that may be absent or null. `True` is no whole number.

        Raises:
            HeadgateError: it is of another type.
        """
        value = members.get(name)
        if value is None or type(value) is kind:
            return value
        raise self.fail(at(where, name), f"must be {_KINDS[kind]}, not {json_type(value)}")

    def required(self, members: JSON, name: str, kind: type[ValueT], where: str = "") -> ValueT:
        """A member that has to be there.

        Raises:
            HeadgateError: it is absent, null or of another type.
        """
        value = self.optional(members, name, kind, where)
        if value is None:
            raise self.fail(at(where, name), "is missing")
        return value

    def number(self, members: JSON, name: str, where: str = "") -> float | None:
        """An optional member that is any number.

        Raises:
            HeadgateError: it is of another type.
        """
        value = members.get(name)
        if value is None or type(value) in (int, float):
            return value
        raise self.fail(at(where, name), f"must be a number, not {json_type(value)}")

    def objects(self, members: JSON, name: str, where: str = "") -> list[tuple[JSON, str]]:
        """The objects of an optional list, each with its own path.

        Raises:
            HeadgateError: the member is no list, or holds something else than objects.
        """
        found = self.optional(members, name, list, where) or []
        inside = at(where, name)
        return [(self.object(each, f"{inside}[{index}]"), f"{inside}[{index}]") for index, each in enumerate(found)]

    def object(self, value: object, where: str) -> JSON:
        """A value that has to be an object.

        Raises:
            HeadgateError: it is not.
        """
        if isinstance(value, dict):
            return value
        raise self.fail(where, f"must be an object, not {json_type(value)}")


def at(where: str, name: str) -> str:
    """The path of a member of the object at `where`."""
    return f"{where}.{name}" if where else name


def left(members: JSON, known: frozenset[str]) -> JSON:
    """The members beyond the known ones, and those of the known that are null or empty and so say nothing."""
    return {name: value for name, value in members.items() if name not in known or value in _NOTHING}


_NOTHING: tuple[Any, ...] = (None, [], {})


def _of_client(field: str, what: str) -> HeadgateError:
    return BadRequest(f"'{field}' {what}.", param=field)


def _of_vendor(field: str, what: str) -> HeadgateError:
    return MalformedOutput(f"the vendor's answer: {field} {what}")


CLIENT = Reader(_of_client)
VENDOR = Reader(_of_vendor)
