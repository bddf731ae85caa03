"""Audit logs to look at and to tamper with."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from headgate.audit import AuditLog, Report, Signer, Verifier, verify
from headgate.audit.keys import read_signer
from headgate.audit.leaves import leaf
from headgate.audit.merkle import Frontier, leaf_hash
from headgate.clock import ManualClock
from headgate.storage.database import Database
from headgate.storage.opening import open_database
from headgate.storage.records import AuditRecord

SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
"""The first test vector of RFC 8032, section 7.1."""
OTHER_SEED = "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs="
"""The second."""
ORIGIN = "gateway.example/audit"

START_US = 1_800_000_000_000_000


def signer(seed: str = SEED, origin: str = ORIGIN) -> Signer:
    return read_signer(seed, origin)


def record(number: int = 0, **fields: Any) -> AuditRecord:
    """One record; those of different numbers differ."""
    return AuditRecord(
        **{
            "id": f"aud_{number:06}",
            "at_us": START_US + number * 1_000_000,
            "organisation": "default",
            "actor": "key:admin",
            "address": "192.0.2.7",
            "action": "keys.create",
            "subject": f"key:{number}",
            "detail": {"name": f"key {number}"},
            **fields,
        }
    )


class Kept:
    """A log in a database, with its checkpoint file."""

    def __init__(self, database: Database, file: Path, clock: ManualClock) -> None:
        self.database = database
        self.file = file
        self.clock = clock
        self.log = self.opened()
        self.count = 0

    def opened(self, seed: str = SEED, earlier: Sequence[Verifier] = ()) -> AuditLog:
        """The log as another process has it."""
        return AuditLog(self.database, signer(seed), self.clock, file=self.file, earlier=earlier)

    async def write(self, *records: AuditRecord, log: AuditLog | None = None) -> None:
        async with self.database.transaction() as transaction:
            await (log or self.log).append(transaction, records)

    async def grow(self, count: int) -> None:
        """More records."""
        await self.write(*(record(number) for number in range(self.count, self.count + count)))
        self.count += count

    async def change(self, sql: str, *parameters: Any) -> None:
        """What whoever has the database can do."""
        async with self.database.transaction() as transaction:
            await transaction.execute(sql, *parameters)

    async def verify(self, seed: str = SEED, others: Sequence[Path] = (), file: bool = True) -> Report:
        keys = [signer(seed).verifier]
        return await verify(self.database, keys, self.clock, file=self.file if file else None, others=others)

    async def rewrite(self, position: int, changed: AuditRecord) -> None:
        """Put another record in place of one, all of its row to match."""
        line = leaf(changed)
        await self.change(
            "UPDATE audit_records SET id = $2, at_us = $3, organisation = $4, actor = $5, action = $6, subject = $7, "
            "outcome = $8, leaf = $9, leaf_hash = $10 WHERE position = $1",
            position,
            changed.id,
            changed.at_us,
            changed.organisation,
            changed.actor,
            changed.action,
            changed.subject,
            changed.outcome,
            line,
            leaf_hash(line.encode()).hex(),
        )

    async def renumber(self) -> None:
        """Let positions have no gaps."""
        rows = await self.database.fetch("SELECT position FROM audit_records ORDER BY position")
        for position, (old,) in enumerate(rows):
            await self.change("UPDATE audit_records SET position = $1 WHERE position = $2", position, old)

    async def replant(self) -> None:
        """Make the tree's row what the records make."""
        frontier = Frontier()
        for (line,) in await self.database.fetch("SELECT leaf FROM audit_records ORDER BY position"):
            frontier.add(leaf_hash(line.encode()))
        await self.change("UPDATE audit_tree SET size = $1, frontier = $2", frontier.size, frontier.text)

    async def leaves(self) -> list[bytes]:
        rows = await self.database.fetch("SELECT leaf FROM audit_records ORDER BY position")
        return [line.encode() for (line,) in rows]

    async def content(self) -> str:
        """A digest of all that the database has of the log."""
        digest = hashlib.sha256()
        for table in ("audit_records", "audit_tree", "audit_checkpoints"):
            digest.update(repr(await self.database.fetch(f"SELECT * FROM {table} ORDER BY 1")).encode())
        return digest.hexdigest()


@asynccontextmanager
async def kept(folder: Path, url: str = "sqlite:///:memory:") -> AsyncGenerator[Kept, None]:
    """A log that is empty."""
    database = await open_database(url)
    try:
        yield Kept(database, folder / "audit.checkpoints", ManualClock(START_US))
    finally:
        await database.close()


@asynccontextmanager
async def signed(folder: Path, url: str = "sqlite:///:memory:") -> AsyncGenerator[Kept, None]:
    """A log of 40 records, signed at 10, 25 and 40."""
    async with kept(folder, url) as log:
        for count in (10, 15, 15):
            await log.grow(count)
            assert await log.log.checkpoint()
        yield log
