"""Looking records up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from headgate.audit.checkpoints import Checkpoint
from headgate.audit.leaves import parse
from headgate.audit.pages import leaves
from headgate.storage.database import Database


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which records; what is None does not matter. The newest come first."""

    organisation: str | None = None
    actor: str | None = None
    action: str | None = None
    """All of it, or its beginning with a `*` at the end: `keys.*`."""
    subject: str | None = None
    outcome: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    """Up to and without this time."""
    before: int | None = None
    """Only records of a smaller position: the last one of a page asks for the next."""
    limit: int = 100


class Listed(msgspec.Struct, frozen=True):
    """A record, and where it stands in the log."""

    position: int
    record: dict[str, Any]


async def listed(database: Database, query: Query) -> list[Listed]:
    """The records of a query.

    Raises:
        Malformed: one is none any more; 'headgate audit verify' tells more.
    """
    conditions, values = _conditions(query)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    limit = f"${len(values) + 1}"
    sql = f"SELECT position, leaf FROM audit_records {where} ORDER BY position DESC LIMIT {limit}"  # noqa: S608
    rows = await database.fetch(sql, *values, query.limit)
    return [Listed(position, parse(leaf)) for position, leaf in rows]


async def exported(database: Database) -> tuple[Checkpoint | None, int, AsyncIterator[list[str]]]:
    """The newest checkpoint, which nobody has checked, the number of records, and all their leaves in pages."""
    sql = "SELECT size, (SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1) FROM audit_tree WHERE id = 1"
    rows = await database.fetch(sql)
    size, note = rows[0] if rows else (0, None)
    return Checkpoint.read(note) if note is not None else None, size, _pages(database, size)


async def newest_checkpoint(database: Database) -> Checkpoint | None:
    """The last one, nobody having checked its signature."""
    rows = await database.fetch("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1")
    return Checkpoint.read(rows[0][0]) if rows else None


async def position_of(database: Database, id: str) -> int | None:
    """Where the record of an id stands."""
    rows = await database.fetch("SELECT position FROM audit_records WHERE id = $1", id)
    return rows[0][0] if rows else None


async def _pages(database: Database, size: int) -> AsyncIterator[list[str]]:
    async for page in leaves(database, 0, size):
        yield [leaf for _, leaf, _ in page]


def _conditions(query: Query) -> tuple[list[str], list[Any]]:
    values: list[Any] = []

    def place(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    conditions = [
        f"{name} = {place(wanted)}"
        for name in ("organisation", "actor", "subject", "outcome")
        if (wanted := getattr(query, name)) is not None
    ]
    if query.action is not None and query.action.endswith("*"):
        beginning = query.action[:-1]
        conditions.append(f"substr(action, 1, {place(len(beginning))}) = {place(beginning)}")
    elif query.action is not None:
        conditions.append(f"action = {place(query.action)}")
    for column, relation, bound in (
        ("at_us", ">=", query.since_us),
        ("at_us", "<", query.until_us),
        ("position", "<", query.before),
    ):
        if bound is not None:
            conditions.append(f"{column} {relation} {place(bound)}")
    return conditions, values
