"""Looking up the list of calls."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.errors import BadRequest
from headgate.storage.database import Database, Row
from headgate.storage.records import CallRow
from headgate.telemetry.rollups.sink import COLUMNS

LISTED = ", ".join(COLUMNS)


class CallFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls; what is None does not matter."""

    organisation: str
    key_id: str | None = None
    team_id: str | None = None
    model: str | None = None
    target: str | None = None
    operation: str | None = None
    code: str | None = None
    """The error's code."""
    failed: bool | None = None
    trace_id: str | None = None
    at_least_us: int | None = None
    """How long they took."""
    from_us: int | None = None
    until_us: int | None = None
    """Begun before this time."""


_EQUAL = ("organisation", "key_id", "team_id", "model", "target", "operation", "code", "trace_id")


class CallQueries:
    """The table `calls` of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, filters: CallFilters, cursor: str | None = None, limit: int = 100
    ) -> tuple[Sequence[CallRow], str | None]:
        """Calls from the newest on, and the cursor that the next page begins at; None at the end.

        Raises:
            BadRequest: `cursor` is none that a page gave.
        """
        conditions: list[str] = []
        values: list[Any] = []

        def add(condition: str, *given: Any) -> None:
            places = [f"${len(values) + at}" for at in range(1, len(given) + 1)]
            values.extend(given)
            conditions.append(condition.format(*places))

        for name in _EQUAL:
            value = getattr(filters, name)
            if value is not None:
                add(f"{name} = {{}}", value)
        if filters.failed is not None:
            add("code IS NOT NULL" if filters.failed else "code IS NULL")
        if filters.at_least_us is not None:
            add("duration_us >= {}", filters.at_least_us)
        if filters.from_us is not None:
            add("started_us >= {}", filters.from_us)
        if filters.until_us is not None:
            add("started_us < {}", filters.until_us)
        if cursor is not None:
            add("(started_us, id) < ({}, {})", *_position(cursor))
        values.append(limit + 1)
        found = await self._database.fetch(
            f"SELECT {LISTED} FROM calls WHERE {' AND '.join(conditions)} "  # noqa: S608
            f"ORDER BY started_us DESC, id DESC LIMIT ${len(values)}",
            *values,
        )
        rows = [_row(columns) for columns in found[:limit]]
        return rows, _cursor(rows[-1]) if len(found) > limit else None

    async def find(self, organisation: str, name: str, team_id: str | None = None) -> CallRow | None:
        """The call of an id, or the newest of a trace; only those of a team, where one is given."""
        for column in ("id", "trace_id"):
            found = await self._database.fetch(
                f"SELECT {LISTED} FROM calls WHERE organisation = $1 AND {column} = $2 "  # noqa: S608
                f"{'' if team_id is None else 'AND team_id = $3 '}ORDER BY started_us DESC LIMIT 1",
                organisation,
                name,
                *(() if team_id is None else (team_id,)),
            )
            if found:
                return _row(found[0])
        return None


_tags = msgspec.json.Decoder(dict[str, str]).decode
_events = msgspec.json.Decoder(tuple[tuple[str, ...], ...]).decode


def _row(columns: Row) -> CallRow:
    fields: dict[str, Any] = dict(zip(COLUMNS, columns, strict=True))
    fields["tags"], fields["events"] = tuple(_tags(fields["tags"]).items()), _events(fields["events"])
    return CallRow(owner="", number=0, **fields)


def _cursor(row: CallRow) -> str:
    return urlsafe_b64encode(f"{row.started_us} {row.id}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[int, str]:
    """
    Raises:
        BadRequest: it is no cursor.
    """
    try:
        started_us, _, name = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        position = int(started_us)
    except ValueError:
        position, name = -1, ""
    if not name or "\0" in name or not 0 <= position < 2**63:
        raise BadRequest("The cursor is none that a page gave.")
    return position, name
