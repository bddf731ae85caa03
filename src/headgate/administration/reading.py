"""From a parsed JSON body, or a query, to a request: strictly, and with every mistake told at once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any, TypeVar

import jiter
import msgspec
from msgspec import inspect

from headgate.administration.problems import Invalid, Path, Problem, problem, shown
from headgate.administration.requests import Request
from headgate.administration.values import Time
from headgate.errors import BadRequest
from headgate.registry import suggest
from headgate.types import JSON, json_type

T = TypeVar("T", bound=Request)

MAX_DEPTH = 12
"""Deepest nesting of a request's body."""

MAX_PROBLEMS = 50
"""Mistakes told at most: looking for more in a body full of them is time calls do not get."""

_ABSENT = object()


def parse(raw: bytes) -> JSON:
    """A body as a tree whose numbers have lost nothing: integers and `Decimal`s, the non-finite ones too, so that they
    can be refused by the name of their field.

    Raises:
        BadRequest: no JSON object, a duplicate key, bad UTF-8, nested too deep.
    """
    try:
        tree = jiter.from_json(raw, catch_duplicate_keys=True, float_mode="decimal")
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    if type(tree) is not dict:
        raise BadRequest(f"The body must be a JSON object, not {json_type(tree)}.")
    if _depth(tree) > MAX_DEPTH:
        raise BadRequest(f"The body is nested deeper than {MAX_DEPTH}.")
    return tree


def read(kind: type[T], tree: JSON) -> T:
    """The request of a kind that a body makes.

    Raises:
        Invalid: with all that is wrong in it.
    """
    reader = _Reader()
    request = reader.struct(_struct(kind), tree, ())
    if reader.problems:
        raise Invalid(reader.problems)
    return request


def read_query(kind: type[T], query: Mapping[str, Sequence[str]]) -> T:
    """The request of a kind that a query makes: texts, and numbers as digits. What may be repeated is a list.

    Raises:
        Invalid: with all that is wrong in it.
    """
    reader = _Reader()
    fields = {field.encode_name: _bare(field.type)[0] for field in _struct(kind).fields}
    tree: JSON = {}
    for name, values in query.items():
        if isinstance(fields.get(name), inspect.ListType):
            tree[name] = list(values)
        elif len(values) > 1:
            reader.problems.append(problem((name,), "invalid_value", "is there more than once"))
        else:
            tree[name] = _from_text(fields.get(name), values[0])
    request = reader.struct(_struct(kind), tree, ())
    if reader.problems:
        raise Invalid(reader.problems)
    return request


def _from_text(kind: inspect.Type | None, text: str) -> Any:
    match kind:
        case inspect.IntType() if text.isascii() and text.isdigit() and len(text) <= 20:
            return int(text)
        case inspect.BoolType() if text in ("true", "false"):
            return text == "true"
        case inspect.FloatType() if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text, re.ASCII):
            return float(text)
        case _:
            return text


@cache
def _struct(kind: type[Any]) -> inspect.StructType:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return found


def _depth(value: Any) -> int:
    """How deep a tree is nested; its parser has bounded that already."""
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
        case _:
            return 0


def _bare(kind: inspect.Type) -> tuple[inspect.Type, dict[str, Any], bool]:
    """A type without what stands around it, that, and whether it may be null."""
    extra: dict[str, Any] = {}
    null = False
    while True:
        match kind:
            case inspect.Metadata(type=inner):
                extra |= kind.extra or {}
                kind = inner
            case inspect.UnionType(types=types):
                null = null or any(isinstance(each, inspect.NoneType) for each in types)
                [kind] = [each for each in types if not isinstance(each, inspect.NoneType)]
            case _:
                return kind, extra, null


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def struct(self, kind: inspect.StructType, tree: Any, path: Path) -> Any:
        """The struct that a tree makes; of no use once there are problems."""
        if not isinstance(tree, dict):
            return self._wrong(path, "must be an object", tree)
        before = len(self.problems)
        fields = {field.encode_name: field for field in kind.fields}
        members: dict[str, Any] = {}
        for name, value in tree.items():
            if len(self.problems) >= MAX_PROBLEMS:
                return None
            field = fields.get(name)
            if field is None:
                what = f"is not a field here{suggest(name[:100], fields) or '; /openapi.json lists them'}"
                self.problems.append(problem((*path, name), "unknown_field", what))
            else:
                members[field.name] = self._value(field.type, value, (*path, name))
        for name, field in fields.items():
            if field.required and name not in tree:
                self.problems.append(problem((*path, name), "required", "is missing"))
        if len(self.problems) > before:
            return None
        made = kind.cls(**members)
        assert isinstance(made, Request)
        self.problems += made.problems(path)
        return made

    def _value(self, kind: inspect.Type, value: Any, path: Path) -> Any:
        bare, extra, null = _bare(kind)
        if value is None and null:
            return None
        before = len(self.problems)
        told = "a secret" if extra.get("secret") else _ABSENT
        if extra.get("file") and isinstance(value, str):
            return value  # what is in a file may be anything; who reads it says what is wrong
        value = self._plain(bare, value, path, told)
        if "read" in extra and len(self.problems) == before:
            try:
                value = extra["read"](value)
            except ValueError as error:
                return self._add(path, "invalid_value", f"{error}, not {shown(value)}", value)
        return value

    def _plain(self, kind: inspect.Type, value: Any, path: Path, told: Any) -> Any:
        match kind:
            case inspect.StructType():
                return self.struct(kind, value, path)
            case inspect.ListType():
                return self._list(kind, value, path)
            case inspect.DictType():
                return self._dict(kind, value, path)
            case inspect.StrType():
                return self._text(kind, value, path, told)
            case inspect.IntType():
                return self._integer(kind, value, path)
            case inspect.FloatType():
                return self._number(kind, value, path)
            case inspect.BoolType():
                return value if isinstance(value, bool) else self._wrong(path, "must be true or false", value)
            case inspect.LiteralType(values=options):
                if isinstance(value, str) and value in options:
                    return value
                return self._add(path, "invalid_value", f"must be {' or '.join(map(str, options))}, not {shown(value)}")
            case inspect.AnyType():
                return value
            case inspect.DecimalType():
                wanted = 'must be a decimal number of dollars; write "12.50"'
                fits = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
                return value if fits else self._wrong(path, wanted, value)
            case inspect.DateTimeType():
                return self._time(value, path)
            case _:
                raise TypeError(f"requests hold no {kind}")

    def _list(self, kind: inspect.ListType, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            return self._wrong(path, "must be a list", value)
        if not self._fits(len(value), kind.min_length, kind.max_length, path, "entries"):
            return None
        return [self._value(kind.item_type, each, (*path, index)) for index, each in enumerate(value)]

    def _dict(self, kind: inspect.DictType, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return self._wrong(path, "must be an object of names and values", value)
        if not self._fits(len(value), kind.min_length, kind.max_length, path, "entries"):
            return None
        return {
            self._value(kind.key_type, name, (*path, name)): self._value(kind.value_type, each, (*path, name))
            for name, each in value.items()
        }

    def _text(self, kind: inspect.StrType, value: Any, path: Path, told: Any) -> Any:
        if not isinstance(value, str):
            return self._wrong(path, "must be a string", value if told is _ABSENT else told)
        if not value.isprintable():
            return self._add(path, "invalid_value", "holds a control character or another that cannot be seen")
        if not self._fits(len(value), kind.min_length, kind.max_length, path, "characters"):
            return None
        if kind.pattern is not None and not re.search(kind.pattern, value):
            return self._add(path, "invalid_value", f"must fit {kind.pattern}, not {shown(value)}")
        return value

    def _integer(self, kind: inspect.IntType, value: Any, path: Path) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            return self._wrong(path, f"must be a whole number{_between(kind)}", value)
        if (kind.ge is not None and value < kind.ge) or (kind.le is not None and value > kind.le):
            return self._add(path, "out_of_range", f"must be a whole number{_between(kind)}, not {shown(value)}")
        return value

    def _number(self, kind: inspect.FloatType, value: Any, path: Path) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return self._wrong(path, "must be a number", value)
        if not isfinite(value) or (kind.ge is not None and value < kind.ge):
            least = "" if kind.ge is None else f" of at least {kind.ge:,g}"
            return self._add(path, "out_of_range", f"must be a number{least}, not {shown(value)}")
        return float(value)

    def _time(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            with contextlib.suppress(msgspec.ValidationError):
                return msgspec.convert(value, Time)
        return self._wrong(path, "must be a time with its zone (RFC 3339); write 2027-12-31T23:59:59Z", value)

    def _fits(self, length: int, least: int | None, most: int | None, path: Path, what: str) -> bool:
        if (least or 0) <= length and (most is None or length <= most):
            return True
        allowed = f"at least {least}"
        if most is not None:
            allowed = f"{least} to {most:,}" if least else f"at most {most:,}"
        self._add(path, "out_of_range", f"must have {allowed} {what}, not {length:,}")
        return False

    def _wrong(self, path: Path, what: str, value: Any) -> Any:
        return self._add(path, "wrong_type", f"{what}, not {shown(value)}")

    def _add(self, path: Path, code: Any, what: str, value: Any = None) -> Any:
        self.problems.append(problem(path, code, what))
        return value


def _between(kind: inspect.IntType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge:,} to {kind.le:,}"
    return f" of at least {kind.ge:,}" if kind.ge is not None else ""
