"""`headgate storage`: the database of records, its shape and its copies."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from headgate import __version__
from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.cli.files import check_database, check_new, reading
from headgate.clock import SystemClock
from headgate.errors import StoreUnavailable
from headgate.storage.backup import back_up, without_password
from headgate.storage.backup import restore as put_back
from headgate.storage.lock import FileLock
from headgate.storage.migrating import MigratedDatabase, applied_to, compare, known
from headgate.storage.migrating import migrate as bring_up
from headgate.storage.opening import MEMORY, SQLITE, connect, located, sqlite_path

T = TypeVar("T")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a database stands to this release."""

    database: str
    """Its URL, without a password."""
    migration: int
    """The last one applied; 0 for a database that is empty or not there yet."""
    known: int
    """The last one of this release."""
    pending: list[str]
    """What 'headgate storage migrate' would apply."""
    newer: list[str]
    """What a newer release has applied, and this one can run with."""
    problem: str | None = None
    """Why this release cannot run on it."""
    in_use_by: str | None = None
    """The process that serves from an SQLite file."""


def status(*, config: ConfigFile = None, json: Json = False) -> int:
    """Show how the database stands to this release. Fails if it has to be migrated, or is too new.

    Parameters
    ----------
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    found = _done(_status(_url(config)), "Check 'storage' in headgate.yaml: it says where the database is.")
    if json:
        output.json(found)
    else:
        output.table(("", ""), _lines(found))
    if found.problem:
        output.complain(f"headgate: {found.problem}")
    elif found.pending:
        output.complain("Try 'headgate storage migrate'.")
    return FAILED if found.problem or found.pending else OK


def migrate(*, config: ConfigFile = None, json: Json = False) -> int:
    """Bring the database to the shape this release works with. PostgreSQL may be in use meanwhile.

    Parameters
    ----------
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    applied = _done(_migrate(_url(config)))
    if json:
        output.json({"applied": applied})
    else:
        output.say("\n".join(f"{name} is applied" for name in applied) or "The database is up to date.")
    return OK


def backup(file: Path, /, *, config: ConfigFile = None) -> int:
    """Copy the database to a file, whether it is in use or not.

    Parameters
    ----------
    file
        A file that is not there yet.
    config
        The file that says where the database is; else HEADGATE_CONFIG, else ./headgate.yaml.
    """
    url = _url(config)
    if url.startswith(SQLITE) and not Path(sqlite_path(url)).exists():
        raise CannotRun(f"there is no {sqlite_path(url)}", "A database begins with 'headgate serve'.")
    check_new(file)
    _done(back_up(url, file))
    output.say(f"{file} is written. To put it back: 'headgate storage restore {file}'.")
    return OK


def restore(file: Path, /, *, config: ConfigFile = None) -> int:
    """Put a copy of the database in its place. Nobody may be using it.

    Parameters
    ----------
    file
        What 'headgate storage backup' wrote.
    config
        The file that says where the database is; else HEADGATE_CONFIG, else ./headgate.yaml.
    """
    with reading():
        file.open("rb").close()
    hint = "It takes what 'headgate storage backup' wrote, while nobody serves."
    former = _done(put_back(_url(config), file, SystemClock()), hint)
    output.say(f"The database is that of {file}.{f' The former one is {former}.' if former else ''}")
    return OK


async def _status(url: str) -> Status:
    database, shown, holder = await _as_it_is(url)
    try:
        applied = await applied_to(database)
    finally:
        await database.close()
    ours = known(database.kind)
    pending: list[str] = []
    newer: list[str] = []
    problem = None
    try:
        found = compare(applied, ours)
    except StoreUnavailable as error:
        problem = error.message
    else:
        pending, newer = [str(each) for each in found.pending], [str(each) for each in found.newer]
    return Status(
        database=shown,
        migration=applied[-1].number if applied else 0,
        known=ours[-1].number,
        pending=pending,
        newer=newer,
        problem=problem,
        in_use_by=holder,
    )


async def _as_it_is(url: str) -> tuple[MigratedDatabase, str, str | None]:
    """The database of a URL, how to show that, and who serves from it."""
    if not url.startswith(SQLITE):
        return await connect(url, connections=1), without_password(url)[0], None
    path = sqlite_path(url)
    if not Path(path).exists():  # noqa: ASYNC240 - nothing else is going on
        return await connect(f"{SQLITE}{MEMORY}"), url, None
    return await connect(url, lock=False), url, FileLock.holder(path)


async def _migrate(url: str) -> list[str]:
    database = await connect(url, connections=1)
    try:
        return [str(each) for each in await bring_up(database, known(database.kind), __version__, SystemClock())]
    finally:
        await database.close()


def _url(config: Path | None) -> str:
    loaded, path = load_or_starter(config)
    url = located(loaded.storage.database, path.parent if path else Path())
    check_database(url)
    return url


def _done(work: Coroutine[Any, Any, T], hint: str = "Try 'headgate storage status'.") -> T:
    try:
        return asyncio.run(work)
    except StoreUnavailable as error:
        raise CannotRun(error.message, hint) from None


def _lines(found: Status) -> list[list[str]]:
    named = {
        "database": found.database,
        "migration": f"{found.migration} of {found.known}",
        "pending": ", ".join(found.pending) or "nothing",
        "newer": ", ".join(found.newer) or "nothing",
        "in use by": f"process {found.in_use_by}" if found.in_use_by else "",
    }
    return [[name, value] for name, value in named.items() if value]
