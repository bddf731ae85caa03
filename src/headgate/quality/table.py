"""A record of quality as columns of its table, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple

from headgate.quality.called import PLACE, fields_of
from headgate.storage.database import Row
from headgate.storage.records import CalledAt

R = TypeVar("R", bound=CalledAt)

_json = msgspec.json.Encoder().encode


def columns_of(kind: type[CalledAt]) -> tuple[str, ...]:
    """The columns of a kind of record: the call's place first."""
    return kind.__struct_fields__


def row_of(record: CalledAt) -> Row:
    """A record's values in the order of its columns."""
    values: list[Any] = list(astuple(record))
    at = PLACE.index("tags")
    values[at] = _json(dict(record.tags)).decode() if record.tags else "{}"
    return tuple(values)


def record_of(kind: type[R], columns: Sequence[Any]) -> R:
    """The record whose values in the order of its columns these are."""
    size = len(PLACE)
    rest: dict[str, Any] = dict(zip(kind.__struct_fields__[size:], columns[size:], strict=True))
    return kind(**fields_of(columns[:size]), **rest)
