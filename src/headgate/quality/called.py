"""Finding where a call stands: in the list of calls, else by its attempts in the ledger."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from headgate.storage.database import Row
from headgate.storage.records import CalledAt
from headgate.telemetry.rollups.cell import MINUTE_US, Cell, Cells, Place


class Reads(Protocol):
    """A database, or a transaction of one."""

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]: ...


class Found(msgspec.Struct, frozen=True):
    """A call that is known."""

    at: CalledAt
    end_user: str | None
    """Whom it was made for, hashed."""


PLACE = CalledAt.__struct_fields__
"""What a call is counted by, as columns: the same in every table."""

_LISTED = ", ".join(PLACE)
_tags = msgspec.json.Decoder(dict[str, str]).decode

LISTED_CALL = f"SELECT {_LISTED}, end_user FROM calls WHERE id = $1 AND organisation = $2"  # noqa: S608
"""Of a call in the list: what it is counted by, and its end user."""

_ATTEMPTS = (
    "SELECT started_us, model, target, operation, key_id, team_id, project_id, prompt_version, tags, end_user, code "
    "FROM ledger WHERE call_id = $1 AND organisation = $2 AND cause <> 'correction' ORDER BY started_us, id LIMIT 100"
)


async def find(database: Reads, organisation: str, call_id: str) -> Found | None:
    """Where a call stands; None where nobody knows it. One that is not listed is known by its attempts, and begins with
    the first of them.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    rows = await database.fetch(LISTED_CALL, call_id, organisation)
    if rows:
        *columns, end_user = rows[0]
        return Found(place_of(columns), end_user)
    attempts = await database.fetch(_ATTEMPTS, call_id, organisation)
    if not attempts:
        return None
    answered = next((each for each in reversed(attempts) if each[-1] is None), attempts[-1])
    _, model, target, operation, key_id, team_id, project_id, prompt_version, tags, end_user, _ = answered
    at = CalledAt(
        started_us=attempts[0][0],
        model=model,
        target=target,
        operation=operation,
        key_id=key_id,
        team_id=team_id,
        project_id=project_id,
        prompt_version=prompt_version,
        tags=tuple(_tags(tags).items()),
    )
    return Found(at, end_user)


def place_of(columns: Any) -> CalledAt:
    """The place whose columns, in the order of `PLACE`, these are."""
    return CalledAt(**fields_of(columns))


def fields_of(columns: Any) -> dict[str, Any]:
    fields: dict[str, Any] = dict(zip(PLACE, columns, strict=True))
    fields["tags"] = tuple(_tags(fields["tags"]).items())
    return fields


def cell_at(cells: Cells, organisation: str, at: CalledAt) -> Cell:
    """The cell a call is counted in."""
    place = Place(
        at.started_us // MINUTE_US,
        organisation,
        at.model,
        at.target,
        at.operation,
        at.key_id,
        at.team_id or "",
        at.project_id or "",
        at.prompt_version or "",
        at.arm or "",
        at.tags,
    )
    cell = cells.get(place)
    if cell is None:
        cell = cells[place] = Cell()
    return cell
