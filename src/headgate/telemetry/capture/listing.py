"""Looking up what is kept of calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from headgate.storage.database import Database
from headgate.storage.records import Content
from headgate.telemetry.capture.storing import COLUMNS

PAGE = 50
"""Rows read at a time: they may be large."""

_LISTED = ", ".join(COLUMNS)


class ContentFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which content; what is None does not matter."""

    organisation: str
    id: str | None = None
    """The call's."""
    model: str | None = None
    key_id: str | None = None
    team_id: str | None = None
    end_user: str | None = None
    operation: str | None = None
    code: str | None = None
    failed: bool | None = None
    whole: bool = False
    """Whether only what is complete: nothing cut, nothing missing."""
    from_us: int | None = None
    until_us: int | None = None
    """Captured before this time."""
    rated: bool = False
    """Whether only of calls that somebody has said something of."""


_EQUAL = ("organisation", "id", "model", "key_id", "team_id", "end_user", "operation", "code")
_RATED = "EXISTS (SELECT 1 FROM feedback f WHERE f.organisation = contents.organisation AND f.call_id = contents.id)"


class ContentQueries:
    """The table `contents` of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, filters: ContentFilters) -> Content | None:
        """The first that fits."""
        async for rows in self.pages(filters):
            return rows[0]
        return None

    async def pages(self, filters: ContentFilters) -> AsyncGenerator[Sequence[Content], None]:
        """All that fits, the oldest first, some at a time.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        where, values = _where(filters)
        after: tuple[int, str] = (-1, "")
        number = len(values)
        statement = (
            f"SELECT {_LISTED} FROM contents WHERE {where} AND (captured_us, id) > (${number + 1}, ${number + 2}) "  # noqa: S608
            f"ORDER BY captured_us, id LIMIT {PAGE}"
        )
        while True:
            found = await self._database.fetch(statement, *values, *after)
            rows = [Content(*columns) for columns in found]
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            after = rows[-1].captured_us, rows[-1].id

    async def number(self, filters: ContentFilters) -> int:
        """How many there are that fit."""
        where, values = _where(filters)
        [[number]] = await self._database.fetch(f"SELECT count(*) FROM contents WHERE {where}", *values)  # noqa: S608
        return int(number)


def _where(filters: ContentFilters) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []

    def need(condition: str, value: Any) -> None:
        if value is not None:
            values.append(value)
            conditions.append(condition.replace("?", f"${len(values)}"))

    for name in _EQUAL:
        need(f"{name} = ?", getattr(filters, name))
    need("captured_us >= ?", filters.from_us)
    need("captured_us < ?", filters.until_us)
    if filters.failed is not None:
        conditions.append("code IS NOT NULL" if filters.failed else "code IS NULL")
    if filters.whole:
        conditions.append("truncated = 0 AND missing = ''")
    if filters.rated:
        conditions.append(_RATED)
    return " AND ".join(conditions), values
