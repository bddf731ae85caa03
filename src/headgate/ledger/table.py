"""The table `ledger`: a row's members as columns, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from headgate.storage.database import Row
from headgate.storage.records import LedgerRow, Tags
from headgate.types import Usage

USAGE = Usage.__struct_fields__

COLUMNS = tuple(
    column for member in LedgerRow.__struct_fields__ for column in (USAGE if member == "usage" else (member,))
)
"""In the order of `LedgerRow`'s members, with the usage's in its place."""

LISTED = ", ".join(COLUMNS)

encode = msgspec.json.Encoder().encode
"""A row as the journal has it."""

_tags = msgspec.json.Decoder(Tags).decode
_charged = msgspec.json.Decoder(tuple[str, ...]).decode

_USAGE_AT = LedgerRow.__struct_fields__.index("usage")
_AFTER_USAGE = _USAGE_AT + len(USAGE)


def flatten(row: LedgerRow) -> Sequence[Any]:
    """A row's values in the order of `COLUMNS`."""
    *members, tags, charged = astuple(row)
    members[_USAGE_AT : _USAGE_AT + 1] = astuple(members[_USAGE_AT])
    members.append(encode(dict(tags)).decode() if tags else "{}")
    members.append(encode(charged).decode() if charged else "[]")
    return members


def unflatten(columns: Row) -> LedgerRow:
    """The row whose values in the order of `COLUMNS` these are."""
    *values, tags, charged = columns
    usage = Usage(*values[_USAGE_AT:_AFTER_USAGE])
    members = [*values[:_USAGE_AT], usage, *values[_AFTER_USAGE:]]
    fields: dict[str, Any] = dict(zip(LedgerRow.__struct_fields__, members, strict=False))
    fields["streamed"] = bool(fields["streamed"])
    return LedgerRow(**fields, tags=tuple(_tags(tags).items()), charged=_charged(charged))
