"""Records as lines of CSV that a spreadsheet takes for texts, never for formulas."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.audit.leaves import canonical, escaped

CSV_COLUMNS = (
    "position",
    "id",
    "at",
    "organisation",
    "actor",
    "address",
    "action",
    "subject",
    "outcome",
    "detail",
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMULA = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")


def csv_line(position: int, record: dict[str, Any]) -> str:
    """A record's line, with its line end."""
    return _line(
        [
            str(position),
            *(
                _cell(value)
                for value in (
                    record.get("id"),
                    moment(record.get("at_us")),
                    *(record.get(name) for name in CSV_COLUMNS[3:9]),
                    canonical(record.get("detail") or {}),
                )
            ),
        ]
    )


def csv_head() -> str:
    return _line(list(CSV_COLUMNS))


def moment(at_us: Any) -> str:
    """A time as RFC 3339 in UTC; what no calendar has as its number."""
    try:
        return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (OverflowError, TypeError):
        return str(at_us)


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> str:
    """A cell with nothing unseen in it, and with an apostrophe before what a spreadsheet would reckon with."""
    text = escaped("" if value is None else str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
