"""Reading the audit log. Who reads it sees what was done in the organisation acted in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import msgspec

from headgate.administration.acting import ANYWHERE, Actor, Ports, within_organisation
from headgate.administration.problems import invalid
from headgate.administration.requests import AuditAsked, AuditListing
from headgate.administration.values import microseconds, moment
from headgate.administration.views import Page
from headgate.audit.leaves import parse
from headgate.storage.database import Row

OPERATORS = "default"
"""The organisation that runs the gateway: it sees what belongs to none, such as keys that nobody knows."""

_PAGE = 500


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the log."""

    position: int
    """Its place in the log, counted from 0: what `headgate audit prove` takes."""
    id: str
    at: datetime
    organisation: str
    actor: str
    address: str | None
    action: str
    subject: str
    outcome: str
    detail: dict[str, str | int | bool | None]


class AuditReading:
    def __init__(self, ports: Ports) -> None:
        self._database = ports.database

    async def list(self, actor: Actor, request: AuditListing) -> Page[AuditView]:
        """A page, the newest first."""
        cursor = request.cursor
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
            raise invalid("cursor", "is none that a list gave; begin without one")
        below = None if cursor is None else int(cursor)
        rows = await self._rows(actor, request, below, request.limit + 1)
        views = [_view(row) for row in rows[: request.limit]]
        return Page(views, str(views[-1].position) if len(rows) > request.limit else None)

    async def export(self, actor: Actor, request: AuditAsked) -> AsyncGenerator[bytes, None]:
        """All of it as lines of JSON, the newest first."""
        within_organisation(actor, "the audit log")
        return self._lines(actor, request)

    async def _lines(self, actor: Actor, request: AuditAsked) -> AsyncGenerator[bytes, None]:
        below: int | None = None
        while rows := await self._rows(actor, request, below, _PAGE):
            yield b"".join(msgspec.json.encode(_view(row)) + b"\n" for row in rows)
            below = rows[-1][0]

    async def _rows(self, actor: Actor, request: AuditAsked, below: int | None, limit: int) -> list[Row]:
        within_organisation(actor, "the audit log")
        everything = actor.organisation == OPERATORS or ANYWHERE in actor.identity.scopes
        values: list[Any] = [actor.organisation]
        conditions = ["organisation IN ($1, '')" if everything else "organisation = $1"]

        def need(condition: str, value: Any) -> None:
            if value is not None:
                values.append(value)
                conditions.append(condition.replace("?", f"${len(values)}"))

        for name in ("actor", "subject", "outcome"):
            need(f"{name} = ?", getattr(request, name))
        beginning = request.action[:-1] if request.action is not None and request.action.endswith("*") else None
        need("action = ?", request.action if beginning is None else None)
        need("substr(action, 1, length(?)) = ?", beginning)
        need("at_us >= ?", None if request.from_ is None else microseconds(request.from_))
        need("at_us < ?", None if request.to is None else microseconds(request.to))
        need("position < ?", below)
        values.append(limit)
        return await self._database.fetch(
            f"SELECT position, leaf FROM audit_records WHERE {' AND '.join(conditions)} "  # noqa: S608
            f"ORDER BY position DESC LIMIT ${len(values)}",
            *values,
        )


def _view(row: Row) -> AuditView:
    position, leaf = row
    members = parse(leaf)
    return AuditView(
        position=position,
        id=members["id"],
        at=moment(members["at_us"]),
        organisation=members["organisation"],
        actor=members["actor"],
        address=members.get("address"),
        action=members["action"],
        subject=members["subject"],
        outcome=members["outcome"],
        detail=members.get("detail", {}),
    )
