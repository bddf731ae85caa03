"""Looking up feedback, and what evaluators found."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from headgate.errors import BadRequest
from headgate.quality.table import columns_of, record_of
from headgate.storage.database import Database
from headgate.storage.records import CalledAt, Evaluation, Feedback

R = TypeVar("R", Feedback, Evaluation)

_TABLES: Mapping[type[CalledAt], str] = {Feedback: "feedback", Evaluation: "evaluations"}


async def page(
    database: Database,
    kind: type[R],
    equal: Mapping[str, Any],
    *,
    from_us: int | None = None,
    until_us: int | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> tuple[Sequence[R], str | None]:
    """Records from the newest on, and the cursor that the next page begins at; None at the end. `equal` says by column
    what they have; what is None there does not matter.

    Raises:
        BadRequest: `cursor` is none that a page gave.
        StoreUnavailable: the database cannot be reached.
    """
    conditions: list[str] = []
    values: list[Any] = []

    def need(condition: str, value: Any) -> None:
        if value is not None:
            values.append(value)
            conditions.append(condition.replace("?", f"${len(values)}"))

    for column, value in equal.items():
        need(f"{column} = ?", value)
    need("at_us >= ?", from_us)
    need("at_us < ?", until_us)
    if cursor is not None:
        at_us, id_ = _position(cursor)
        values += [at_us, id_]
        conditions.append(f"(at_us, id) < (${len(values) - 1}, ${len(values)})")
    values.append(limit + 1)
    found = await database.fetch(
        f"SELECT {', '.join(columns_of(kind))} FROM {_TABLES[kind]} WHERE {' AND '.join(conditions)} "  # noqa: S608
        f"ORDER BY at_us DESC, id DESC LIMIT ${len(values)}",
        *values,
    )
    rows: list[R] = [record_of(kind, columns) for columns in found[:limit]]
    return rows, _cursor(rows[-1].at_us, rows[-1].id) if len(found) > limit else None


def _cursor(at_us: int, id_: str) -> str:
    return urlsafe_b64encode(f"{at_us} {id_}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[int, str]:
    try:
        at_us, _, id_ = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        return int(at_us), id_
    except ValueError:
        raise BadRequest("The cursor is none that a page gave.") from None
