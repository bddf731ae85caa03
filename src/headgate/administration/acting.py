"""Who acts, and what an act is: one transaction that holds what changed and the audit record of it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from headgate.access.roles import Roles
from headgate.clock import Clock
from headgate.errors import Conflict, Forbidden, StoreUnavailable
from headgate.ledger.sink import LedgerSink
from headgate.storage.database import Database, Transaction
from headgate.storage.records import AuditRecord, Entity
from headgate.storage.tables import next_revision
from headgate.telemetry.capture.storing import ContentTable
from headgate.types import Identity

log = logging.getLogger("headgate.administration")

ANYWHERE = "organisations.write"
"""The scope that lets act in any organisation."""

Detail = Mapping[str, str | int | bool | None]

E = TypeVar("E", bound=Entity)


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, and where."""

    identity: Identity
    organisation: str
    """The organisation acted in; the identity's own unless it may act in all."""
    name: str
    """What the audit log calls it."""
    address: str | None = None

    @property
    def team_id(self) -> str | None:
        """The one team it may act in; None for the whole organisation."""
        return self.identity.team_id


class Stale(Conflict):
    """Somebody else has changed it since."""

    code = "version_conflict"

    def __init__(self, message: str, version: int | None = None) -> None:
        super().__init__(message)
        self.version = version
        """The version there is now."""


class AuditLog(Protocol):
    """Where acts are written down."""

    async def append(self, transaction: Transaction, records: Sequence[AuditRecord]) -> None:
        """Write records as a part of a transaction; raises where that cannot be done."""
        ...


class Directory(Protocol):
    """Whoever has to know at once of what changed."""

    async def refresh(self) -> None: ...


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """What administration stands on."""

    database: Database
    audit: AuditLog
    directory: Directory
    roles: Callable[[], Roles]
    """The roles there are now: a reload may bring others."""
    clock: Clock
    caught_up: Callable[[], Awaitable[None]] | None = None
    """Waits until what this process has settled is in the database."""
    ledger: LedgerSink = LedgerSink()
    """Stores rows that are no attempts, and counts them."""
    summed_up: Callable[[], Awaitable[None]] | None = None
    """Waits until what is in the database is in the sums of calls too."""
    deliver: Callable[[str], Awaitable[None]] | None = None
    """Sends the notice of that id, which is claimed already."""
    contents: ContentTable | None = None
    """What this process has captured of calls; None where it captures nothing."""
    captured: Callable[[], Awaitable[None]] | None = None
    """Waits until what this process has captured so far is in the database."""


class Act:
    """An act under way."""

    def __init__(self, actor: Actor, transaction: Transaction, revision: int, at_us: int) -> None:
        self.actor = actor
        self.transaction = transaction
        self.at_us = at_us
        self.records: list[AuditRecord] = []
        self._revision = revision

    def record(self, action: str, subject: str, detail: Detail | None = None) -> None:
        """Have it written down that the actor did something."""
        actor = self.actor
        told = dict(detail or {})
        if actor.organisation != actor.identity.organisation:
            told["actor_organisation"] = actor.identity.organisation
        self.records.append(
            AuditRecord(
                id=new_id("aud"),
                at_us=self.at_us,
                organisation=actor.organisation,
                actor=actor.name,
                address=actor.address,
                action=action,
                subject=subject,
                detail=told,
            )
        )

    def common(self, prefix: str, id: str | None = None) -> dict[str, Any]:
        """What every new row has."""
        return {
            "id": id or new_id(prefix),
            "organisation": self.actor.organisation,
            "revision": self._revision,
            "created_us": self.at_us,
            "updated_us": self.at_us,
        }

    def changed(self, row: E, **fields: Any) -> E:
        """The row with other values, to be put in its place: the table counts its version up."""
        return replace(row, revision=self._revision, updated_us=self.at_us, **fields)


class Acts:
    """Makes acts."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    @asynccontextmanager
    async def begin(self, actor: Actor) -> AsyncGenerator[Act, None]:
        """An act that has happened, and is known in this process, once the block has ended. It has not happened at all
        where the block raises, or where the audit records cannot be written.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        ports = self._ports
        async with ports.database.transaction() as transaction:
            revision = await next_revision(transaction)
            act = Act(actor, transaction, revision, ports.clock.now_us())
            yield act
            if act.records:
                await ports.audit.append(transaction, act.records)
        try:
            await ports.directory.refresh()
        except StoreUnavailable as error:  # it has happened all the same; who polls will see it
            log.warning("a change is not known here yet: %s", error.message)


def new_id(prefix: str) -> str:
    """An id nobody can guess: `key_` and 24 hexadecimal digits."""
    return f"{prefix}_{secrets.token_hex(12)}"


def expect(row: Entity, version: int | None) -> None:
    """Raise `Stale` unless the row is as the actor saw it."""
    if version is not None and row.version != version:
        raise Stale(
            f"It has been changed since: version {version} was seen, it is {row.version} now. Read it and try again.",
            row.version,
        )


def within_organisation(actor: Actor, what: str) -> None:
    """Raise `Forbidden` for somebody who may act in one team only."""
    if actor.team_id is not None:
        raise Forbidden(f"This key belongs to a team, and {what} is not the team's alone.")


def differences(before: Entity, after: Entity, names: Sequence[str], hidden: Sequence[str] = ()) -> dict[str, str]:
    """What changed from one row to another, for an audit record; of what is hidden only that it did."""
    found: dict[str, str] = {}
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found[name] = "changed" if name in hidden else f"{told(old)} -> {told(new)}"
    return found


def told(value: Any) -> str | int | bool:
    """A field's value in an audit record."""
    match value:
        case bool() | int():
            return value
        case None:
            return "none"
        case list():
            return ", ".join(map(str, value)) or "nothing"
        case dict():
            return ", ".join(f"{name}={each}" for name, each in value.items()) or "nothing"
        case _:
            return str(value)
