"""An import in parts that the admin API takes, each a transaction: what is referred to before what refers to it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from headgate.administration.importing import KINDS, NewImport
from headgate.money import format_usd, from_decimal

MOST_BYTES = 900_000
"""Of one part, as JSON: a body of the admin API has a mebibyte."""

MOST_ROWS = 1000
"""Of one part: a transaction that others wait for is not to take long."""


def parts(whole: NewImport) -> Iterator[dict[str, Any]]:
    """The bodies of `POST /admin/imports` that a whole import comes to."""
    tree = {kind: [_plain(each) for each in getattr(whole, kind)] for kind in KINDS}
    part: dict[str, Any] = {"source": whole.source}
    size = rows = 0
    for kind in KINDS:
        for each in tree[kind]:
            bytes_ = len(msgspec.json.encode(each)) + 1
            if rows and (size + bytes_ > MOST_BYTES or rows == MOST_ROWS):
                yield part
                part, size, rows = {"source": whole.source}, 0, 0
            part.setdefault(kind, []).append(each)
            size, rows = size + bytes_, rows + 1
    if rows:
        yield part


def _plain(row: msgspec.Struct) -> dict[str, Any]:
    """A row as JSON has it, its money as plain decimal strings."""
    members: dict[str, Any] = msgspec.to_builtins(row, builtin_types=(Decimal,))
    return {
        name: format_usd(from_decimal(value)) if isinstance(value, Decimal) else value
        for name, value in members.items()
    }
