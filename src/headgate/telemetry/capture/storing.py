"""The tables `contents` and `content_erasures`: storing, keeping within bounds, erasing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from headgate.storage.database import Database, Transaction
from headgate.storage.inserting import insertions
from headgate.storage.records import Content
from headgate.telemetry.capture.config import CaptureConfig

log = logging.getLogger("headgate.telemetry")

COLUMNS = Content.__struct_fields__

LOCK = 0x68656164_636F6E74
"""PostgreSQL's advisory lock of who stores or erases content: of two, one after the other, so that nothing is stored
beside its own erasure.
"""

DAY_US = 86_400_000_000

PORTION = 500
"""Rows deleted at once: what is to be written waits no longer than that takes."""

ERASURES_KEPT_US = DAY_US
"""How long an erasure holds for what comes late; nothing waits that long to be stored."""

DEFAULT_DAYS = 14
"""Days content is kept that was captured by a configuration that captures nothing any more."""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What of an organisation's content is erased: what all that is given fits."""

    id: str
    organisation: str
    at_us: int
    until_us: int
    """Captured up to this time."""
    call_id: str | None = None
    end_user: str | None = None
    key_id: str | None = None
    team_id: str | None = None


_ERASED = ("call_id", "id"), ("end_user", "end_user"), ("key_id", "key_id"), ("team_id", "team_id")
"""Members of an erasure, and the columns of content they are about."""

_LATE = (
    "DELETE FROM contents WHERE id = $1 AND EXISTS (SELECT 1 FROM content_erasures e "  # noqa: S608
    "WHERE e.organisation = contents.organisation AND contents.captured_us <= e.until_us AND "
    + " AND ".join(f"(e.{given} IS NULL OR e.{given} = contents.{column})" for given, column in _ERASED)
    + ")"
)
_TOTAL = "SELECT coalesce(sum(bytes), 0) FROM contents WHERE organisation = $1"
_SHRINK = (
    "DELETE FROM contents WHERE id IN (SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY captured_us DESC, id DESC) "
    "AS held FROM contents WHERE organisation = $1) newest WHERE held > $2) RETURNING bytes"
)


class ContentTable:
    """Content in one database."""

    def __init__(self, database: Database) -> None:
        self.pushed_out = 0
        """Rows that went before their time, because their organisation had too much."""
        self._database = database
        self._held: dict[str, int] = {}
        """Bytes of an organisation, as far as this process knows: others may have added some."""

    async def store(self, rows: Sequence[Content], config: CaptureConfig) -> None:
        """Store rows, but for those that have been erased meanwhile.

        Raises:
            StoreUnavailable: none is stored.
        """
        async with self._database.transaction() as transaction:
            await _in_turn(transaction)
            await transaction.fetch_each(insertions("contents", COLUMNS, [astuple(row) for row in rows]))
            if await transaction.fetch("SELECT 1 FROM content_erasures LIMIT 1"):
                await transaction.fetch_each((_LATE, [row.id]) for row in rows)
            held = dict(self._held)
            for row in rows:
                if row.organisation in held:
                    held[row.organisation] += row.bytes
            for organisation in {row.organisation for row in rows}:
                held[organisation] = await self._within(transaction, organisation, held.get(organisation), config)
        self._held = held

    async def _within(
        self, transaction: Transaction, organisation: str, held: int | None, config: CaptureConfig
    ) -> int:
        """What an organisation has, once it is within its bound."""
        most = config.max_mb * 1024 * 1024
        if held is not None and held <= most:
            return held
        [[total]] = await transaction.fetch(_TOTAL, organisation)
        if total > most:
            gone = await transaction.fetch(_SHRINK, organisation, most * 9 // 10)  # so that it is not done each time
            self.pushed_out += len(gone)
            total -= sum(size for (size,) in gone)
        return int(total)

    async def age(self, now_us: int, config: CaptureConfig | None) -> int:
        """Delete what has been kept long enough, and what organisations have too much; how many rows.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        days = DEFAULT_DAYS if config is None else config.keep_days
        deleted = await self._delete("captured_us < $1", [now_us - days * DAY_US])
        async with self._database.transaction() as transaction:
            await transaction.execute("DELETE FROM content_erasures WHERE at_us < $1", now_us - ERASURES_KEPT_US)
            if config is None:
                return deleted
            await _in_turn(transaction)
            before = self.pushed_out
            for (organisation,) in await transaction.fetch("SELECT DISTINCT organisation FROM contents"):
                self._held[organisation] = await self._within(transaction, organisation, None, config)
        return deleted + self.pushed_out - before

    async def erase(self, transaction: Transaction, erasure: Erasure) -> int:
        """Erase content as a part of a transaction, also what comes late; how many rows there were."""
        await _in_turn(transaction)
        if transaction.kind == "sqlite":
            await transaction.execute("PRAGMA secure_delete = ON")  # overwrites what the file would keep for later use
        columns = ", ".join(Erasure.__struct_fields__)
        places = ", ".join(f"${number}" for number in range(1, len(Erasure.__struct_fields__) + 1))
        await transaction.execute(
            f"INSERT INTO content_erasures ({columns}) VALUES ({places})",  # noqa: S608
            *astuple(erasure),
        )
        conditions, values = ["organisation = $1", "captured_us <= $2"], [erasure.organisation, erasure.until_us]
        for given, column in _ERASED:
            value = getattr(erasure, given)
            if value is not None:
                values.append(value)
                conditions.append(f"{column} = ${len(values)}")
        gone = await transaction.fetch(f"DELETE FROM contents WHERE {' AND '.join(conditions)} RETURNING 1", *values)  # noqa: S608
        if transaction.kind == "sqlite":
            await transaction.execute("PRAGMA secure_delete = OFF")
        self._held.pop(erasure.organisation, None)
        return len(gone)

    async def _delete(self, condition: str, values: Sequence[Any]) -> int:
        total, deleted = 0, PORTION
        while deleted == PORTION:
            async with self._database.transaction() as transaction:
                deleted = len(
                    await transaction.fetch(
                        f"DELETE FROM contents WHERE id IN (SELECT id FROM contents WHERE {condition} LIMIT {PORTION}) "  # noqa: S608
                        "RETURNING 1",
                        *values,
                    )
                )
            total += deleted
        if total:
            self._held.clear()
        return total


async def _in_turn(transaction: Transaction) -> None:
    if transaction.kind == "postgres":
        await transaction.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
