"""From a URL to a database that is ready for use.

sqlite:///headgate.db       a file, from the folder of the configuration
sqlite:////var/lib/x.db     a file by its whole path
sqlite:///:memory:          nothing that lasts
postgresql://user:password@host:5432/name?sslmode=verify-full
"""

from __future__ import annotations

import logging
from pathlib import Path

from headgate import __version__
from headgate.clock import Clock, SystemClock
from headgate.errors import ConfigError, StoreUnavailable
from headgate.storage.migrating import MigratedDatabase, applied_to, compare, known, migrate

log = logging.getLogger("headgate.storage")

SQLITE = "sqlite:///"
MEMORY = ":memory:"
DEFAULT = f"{SQLITE}headgate.db"
POSTGRES = ("postgresql://", "postgres://")


async def open_database(
    url: str,
    *,
    migrated: bool = True,
    lock: bool = True,
    connections: int = 5,
    clock: Clock | None = None,
    release: str = __version__,
) -> MigratedDatabase:
    """Open the database of `url` in the shape this release works with.

    `migrated` brings an older one there, otherwise it is an error. `lock` is for whoever serves from an SQLite file or
    replaces it. `connections` is how many there may be to PostgreSQL.

    Raises:
        ConfigError: the URL is none, or what its kind needs is not installed.
        StoreUnavailable: it cannot be reached, is in use, or this release cannot run on it.
    """
    database = await connect(url, lock=lock, connections=connections)
    try:
        await _prepare(database, migrated, release, clock or SystemClock())
    except BaseException:
        await database.close()
        raise
    return database


async def connect(url: str, *, lock: bool = True, connections: int = 5) -> MigratedDatabase:
    """Open the database of `url` as it is.

    Raises:
        ConfigError, StoreUnavailable: as `open_database`.
    """
    if url.startswith(SQLITE):
        from headgate.storage.sqlite import SqliteDatabase  # a driver is loaded when it is needed

        return await SqliteDatabase.open(sqlite_path(url), lock=lock)
    if url.startswith(POSTGRES):
        try:
            from headgate.storage.postgres import PostgresDatabase
        except ModuleNotFoundError:
            raise ConfigError(
                ["storage.database: PostgreSQL needs a driver; pip install 'headgate[postgres]'"]
            ) from None
        return PostgresDatabase(url, connections=connections)
    raise ConfigError(
        ["storage.database: is neither SQLite nor PostgreSQL; write sqlite:///headgate.db or postgresql://…"]
    )


def located(url: str | None, folder: Path) -> str:
    """The URL of a configuration in `folder`: its file with the whole path; what is served from where none is given."""
    url = url or DEFAULT
    if not url.startswith(SQLITE) or url == f"{SQLITE}{MEMORY}":
        return url
    return f"{SQLITE}{folder.absolute() / sqlite_path(url)}"


def sqlite_path(url: str) -> str:
    """The file of an SQLite URL.

    Raises:
        ConfigError: it names none.
    """
    path = url.removeprefix(SQLITE)
    if not path:
        raise ConfigError(["storage.database: names no file; write sqlite:///headgate.db"])
    return path


async def _prepare(database: MigratedDatabase, migrated: bool, release: str, clock: Clock) -> None:
    migrations = known(database.kind)
    applied = await applied_to(database)
    found = compare(applied, migrations)
    if found.pending and migrated:
        await migrate(database, migrations, release, clock)
    elif found.pending:
        raise StoreUnavailable(
            f"the database is at migration {applied[-1].number if applied else 0}, this release needs "
            f"{migrations[-1].number}; run 'headgate storage migrate'"
        )
    if found.newer:
        newest = found.newer[-1]
        log.warning("the database is of Headgate %s, which this one can run on: migration %s", newest.release, newest)
