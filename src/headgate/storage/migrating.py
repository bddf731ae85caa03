"""Bringing a database to the shape this release works with, and telling whether it can work with one it does not know.

Migrations are SQL files, `migrations/<kind>/<number>_<name>.sql`. A file's first line, `-- compatible-from: N`, says
that releases which know the migrations up to N still run on a database with this one. So what takes something away
comes one release after the code that no longer needs it, and replicas can be replaced one by one, and back.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Protocol

import msgspec

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database, Transaction

log = logging.getLogger("headgate.storage")

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_HEADER = re.compile(r"-- compatible-from: (\d+)")

APPLIED = "SELECT number, name, checksum, compatible_from, release, applied_us FROM migrations ORDER BY number"

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    compatible_from BIGINT NOT NULL,
    release TEXT NOT NULL,
    applied_us BIGINT NOT NULL
)
"""


class MigratedDatabase(Database, Protocol):
    """A database that can be given another shape."""

    def migration(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that nobody else's migration is beside."""
        ...


class Migration(msgspec.Struct, frozen=True):
    """One file of this release."""

    number: int
    name: str
    sql: str
    compatible_from: int

    def __str__(self) -> str:
        return f"{self.number:04} {self.name}"

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


class Applied(msgspec.Struct, frozen=True):
    """One row of the table `migrations`."""

    number: int
    name: str
    checksum: str
    compatible_from: int
    release: str
    """Of the Headgate that applied it."""
    applied_us: int

    def __str__(self) -> str:
        return f"{self.number:04} {self.name}"


class Difference(msgspec.Struct, frozen=True):
    """Between a database and this release."""

    pending: list[Migration]
    """What is still to be applied."""
    newer: list[Applied]
    """What a newer release has applied, and this one can run with."""


@cache
def known(kind: str) -> Sequence[Migration]:
    """The migrations of this release for one kind of database, in their order."""
    folder = files("headgate.storage") / "migrations" / kind
    names = sorted(filter(None, (_FILE.fullmatch(file.name) for file in folder.iterdir())), key=lambda name: name[1])
    return [parse(int(name[1]), name[2], (folder / name[0]).read_text("utf-8")) for name in names]


def parse(number: int, name: str, sql: str) -> Migration:
    """The migration in a file's text."""
    header = _HEADER.match(sql)
    if header is None:
        raise ValueError(f"migration {number:04}_{name} does not begin with '-- compatible-from: <number>'")
    return Migration(number, name, sql, int(header[1]))


async def applied_to(database: Database) -> list[Applied]:
    """What has been applied to a database, in the order of their numbers."""
    there = (
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
        if database.kind == "sqlite"
        else "SELECT 1 WHERE to_regclass('migrations') IS NOT NULL"
    )
    return [Applied(*row) for row in await database.fetch(APPLIED)] if await database.fetch(there) else []


def compare(applied: Sequence[Applied], migrations: Sequence[Migration]) -> Difference:
    """What is still to be applied to a database, and what of it is not known.

    Raises:
        StoreUnavailable: this release cannot run on it: it is too new, or a migration has been changed since.
    """
    ours = {migration.number: migration for migration in migrations}
    newest = max(ours)
    newer = [each for each in applied if each.number > newest]
    for each in applied:
        mine = ours.get(each.number)
        if mine is not None and mine.checksum != each.checksum:
            raise StoreUnavailable(
                f"the migration '{each}' that Headgate {each.release} applied is not the '{mine}' of this release: a "
                "file has been changed after it was applied; use an unchanged release"
            )
    if too_new := [each for each in newer if each.compatible_from > newest]:
        raise StoreUnavailable(
            f"the database is too new for this release: it is at migration {applied[-1].number}, this release knows "
            f"those up to {newest}; use Headgate {too_new[-1].release} or newer"
        )
    there = {each.number for each in applied}
    pending = [migration for migration in migrations if migration.number not in there]
    if pending and applied and pending[0].number < applied[-1].number:
        raise StoreUnavailable(
            f"migration {pending[0].number} is missing from the database though {applied[-1].number} is there; "
            "restore a backup"
        )
    return Difference(pending, newer)


async def migrate(
    database: MigratedDatabase, migrations: Sequence[Migration], release: str, clock: Clock
) -> list[Migration]:
    """Apply what is pending, each in a transaction of its own, whoever else does the same. Returns what this call
    applied.

    Raises:
        StoreUnavailable: this release cannot run on the database; a migration fails, and has changed nothing.
    """
    done: list[Migration] = []
    while True:
        async with database.migration() as transaction:
            await transaction.execute(_TABLE)
            applied = [Applied(*row) for row in await transaction.fetch(APPLIED)]
            pending = compare(applied, migrations).pending
            if not pending:
                return done
            await _apply(transaction, pending[0], release, clock)
        done.append(pending[0])
        log.info("migration %s is applied", pending[0])


async def _apply(transaction: Transaction, migration: Migration, release: str, clock: Clock) -> None:
    await transaction.execute(migration.sql)
    await transaction.execute(
        "INSERT INTO migrations (number, name, checksum, compatible_from, release, applied_us) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        migration.number,
        migration.name,
        migration.checksum,
        migration.compatible_from,
        release,
        clock.now_us(),
    )
