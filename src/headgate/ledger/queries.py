"""Looking the ledger up: its rows page by page, and what they add up to."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headgate.errors import BadRequest
from headgate.ledger.table import LISTED, USAGE, unflatten
from headgate.storage.database import Database
from headgate.storage.records import LedgerRow
from headgate.types import Usage

MOST_ROWS = 1000
"""Of one page."""

_COLUMNS: dict[str, str] = {
    "key": "key_id",
    "team": "team_id",
    "project": "project_id",
    "user": "user_id",
    "customer": "end_user",
    "model": "model",
    "target": "target",
    "operation": "operation",
    "prompt": "prompt_version",
    "cause": "cause",
    "day": "started_us / 86400000000",
}
_TAG = "tag:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows; what is None does not matter."""

    organisation: str | None = None
    call_id: str | None = None
    key_id: str | None = None
    team_id: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    model: str | None = None
    target: str | None = None
    operation: str | None = None
    code: str | None = None
    """The error's code; the empty text for attempts that succeeded."""
    cause: str | None = None
    payer: str | None = None
    tag: tuple[str, str] | None = None
    """A name and its value."""
    from_us: int | None = None
    until_us: int | None = None
    """Attempts begun before this time."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What some rows add up to. Money is picodollars, exact whatever the number of rows."""

    group: dict[str, str | None]
    """What they have in common, by dimension; days as `2026-11-01`."""
    calls: int
    attempts: int
    """Upstream calls. Answers from the cache and corrections are none."""
    usage: Usage
    cost_picodollars: int
    """Of those whose cost is known."""
    saving_picodollars: int
    unpriced: int
    """Attempts whose cost is not known."""
    estimated: int
    """Attempts whose vendor did not report what they used."""


class LedgerQueries:
    """The table `ledger` of one database, and the counters beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, filters: Filters, cursor: str | None = None, limit: int = 100, *, oldest_first: bool = False
    ) -> tuple[Sequence[LedgerRow], str | None]:
        """Rows from the newest on, or the oldest, and the cursor that the next page begins at; None at the end.

        Raises:
            BadRequest: `cursor` is none that a page gave.
        """
        where = _Where(filters, self._database.kind)
        if cursor is not None:
            started_us, name = _position(cursor)
            relation = ">" if oldest_first else "<"
            where.add(f"(started_us, id) {relation} ({where.place(started_us)}, {where.place(name)})")
        order = "ASC" if oldest_first else "DESC"
        limit = max(1, min(limit, MOST_ROWS))
        found = await self._database.fetch(
            f"SELECT {LISTED} FROM ledger {where} ORDER BY started_us {order}, id {order} "  # noqa: S608
            f"LIMIT {where.place(limit + 1)}",
            *where.values,
        )
        rows = [unflatten(columns) for columns in found[:limit]]
        return rows, _cursor(rows[-1]) if len(found) > limit else None

    async def every(self, filters: Filters) -> AsyncIterator[LedgerRow]:
        """All rows from the oldest on, a page at a time in memory."""
        cursor: str | None = None
        while True:
            rows, cursor = await self.page(filters, cursor, MOST_ROWS, oldest_first=True)
            for row in rows:
                yield row
            if cursor is None:
                return

    async def totals(self, filters: Filters, by: Sequence[str] = ()) -> Sequence[Totals]:
        """What rows add up to, for each group there is; without `by` always one.

        Raises:
            BadRequest: `by` holds what is neither a dimension nor `tag:<name>`.
        """
        where = _Where(filters, self._database.kind)
        groups = [_group(name, where) for name in by]
        listed = "".join(f"{group} AS g{number}, " for number, group in enumerate(groups))
        names = [f"g{number}" for number in range(len(groups))]
        grouped = f"GROUP BY {', '.join(names)} ORDER BY {', '.join(f'{name} NULLS FIRST' for name in names)}"
        found = await self._database.fetch(
            f"SELECT {listed}{_SUMS} FROM ledger {where} {grouped if groups else ''}",  # noqa: S608
            *where.values,
        )
        return [_totals(by, columns) for columns in found]

    async def spent(self, counter: str) -> int:
        """Picodollars settled for a budget's counter."""
        rows = await self._database.fetch("SELECT picodollars FROM spend WHERE counter = $1", counter)
        return rows[0][0] if rows else 0


_ATTEMPTED = "cause NOT IN ('cache_hit', 'correction')"


def _whole(sum_of: str) -> str:
    return f"CAST(coalesce(sum({sum_of}), 0) AS BIGINT)"


_SUMS = ", ".join(
    [
        "count(DISTINCT CASE WHEN cause <> 'correction' THEN call_id END)",
        f"count(CASE WHEN {_ATTEMPTED} THEN 1 END)",
        f"count(CASE WHEN {_ATTEMPTED} AND cost_picodollars IS NULL THEN 1 END)",
        f"count(CASE WHEN {_ATTEMPTED} AND usage_source = 'estimated' THEN 1 END)",
        # Sums of picodollars do not fit into 64 bits.
        _whole("cost_picodollars / 1000000"),
        _whole("cost_picodollars % 1000000"),
        _whole("saving_picodollars / 1000000"),
        _whole("saving_picodollars % 1000000"),
        *map(_whole, USAGE),
    ]
)


def _totals(by: Sequence[str], columns: Sequence[Any]) -> Totals:
    groups, sums = columns[: len(by)], columns[len(by) :]
    calls, attempts, unpriced, estimated, cost, cost_rest, saving, saving_rest, *usage = sums
    return Totals(
        group={name: _day(value) if name == "day" else value for name, value in zip(by, groups, strict=True)},
        calls=calls,
        attempts=attempts,
        usage=Usage(*usage),
        cost_picodollars=cost * 1_000_000 + cost_rest,
        saving_picodollars=saving * 1_000_000 + saving_rest,
        unpriced=unpriced,
        estimated=estimated,
    )


def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _group(name: str, where: _Where) -> str:
    if name.startswith(_TAG):
        return where.tag(name.removeprefix(_TAG))
    if name not in _COLUMNS:
        raise BadRequest(f"'{name}' is nothing to group by; use {', '.join(_COLUMNS)} or tag:<name>.", param="by")
    return _COLUMNS[name]


class _Where:
    """A condition on rows, and the values of its statement's parameters."""

    def __init__(self, filters: Filters, kind: str) -> None:
        self.values: list[Any] = []
        self._kind = kind
        self._conditions: list[str] = []
        for name in (
            "organisation", "call_id", "key_id", "team_id", "project_id", "user_id", "end_user", "model", "target",
            "operation", "cause", "payer",
        ):  # fmt: skip
            value = getattr(filters, name)
            if value is not None:
                self.add(f"{name} = {self.place(value)}")
        if filters.code is not None:
            self.add(f"code = {self.place(filters.code)}" if filters.code else "code IS NULL")
        if filters.from_us is not None:
            self.add(f"started_us >= {self.place(filters.from_us)}")
        if filters.until_us is not None:
            self.add(f"started_us < {self.place(filters.until_us)}")
        if filters.tag is not None:
            name, value = filters.tag
            self.add(f"{self.tag(name)} = {self.place(value)}")

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""

    def add(self, condition: str) -> None:
        self._conditions.append(condition)

    def place(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def tag(self, name: str) -> str:
        """A tag's value."""
        place = self.place(name)
        if self._kind == "sqlite":
            return f"(SELECT value FROM json_each(ledger.tags) WHERE key = {place})"  # noqa: S608
        return f"(CAST(tags AS json) ->> CAST({place} AS text))"


def _cursor(row: LedgerRow) -> str:
    return urlsafe_b64encode(f"{row.started_us} {row.id}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[int, str]:
    """After which row a page begins."""
    try:
        started, _, name = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        position = int(started)
    except ValueError:
        position, name = -1, ""
    if not name or "\0" in name or not 0 <= position < 2**63:
        raise BadRequest("'cursor' is none that a page gave; begin without one.", param="cursor")
    return position, name
