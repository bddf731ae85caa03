"""CSV (RFC 4180), one line per row under a line of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from headgate.ledger.exports.cells import Sheets, safe
from headgate.ledger.exports.columns import COLUMNS, Kind, rfc3339
from headgate.money import format_usd
from headgate.storage.records import LedgerRow

_json = msgspec.json.Encoder().encode


def _text(value: str | None) -> str | None:
    return None if value is None else safe(value)


def _money(picodollars: int | None) -> str | None:
    return None if picodollars is None else format_usd(picodollars)


_CELLS: dict[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "count": lambda value: value,
    "money": _money,
    "time": rfc3339,
    "truth": lambda value: "true" if value else "false",
    "tags": lambda value: _json(dict(value)).decode() if value else None,
    "list": lambda value: _json(value).decode() if value else None,
}


class Sheet:
    """Money is in exact decimal dollars; what is not known is an empty cell. Tags and lists are JSON texts."""

    media_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"

    def __init__(self) -> None:
        self._sheets = Sheets()
        self._begun = False
        self._cells = [(column.get, _CELLS[column.kind]) for column in COLUMNS]

    def feed(self, rows: Iterable[LedgerRow]) -> bytes:
        lines = [[write(get(row)) for get, write in self._cells] for row in rows]
        return self._head() + self._sheets.lines(lines)

    def close(self) -> bytes:
        return self._head()

    def _head(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._sheets.lines([[column.name for column in COLUMNS]])
