"""Copies of a database, made while it is in use, and put back while it is not.

SQLite is copied by its online backup (https://www.sqlite.org/backup.html), into a file that is a database itself.
PostgreSQL is copied by its own `pg_dump`, in the custom format.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec.structs import fields

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.lock import FileLock
from headgate.storage.migrating import APPLIED, Applied, applied_to, compare, known
from headgate.storage.opening import SQLITE, connect, sqlite_path

CONNECT_S = 10

_COPIED_ROWS = re.compile(r"^COPY (?:\S+\.)?migrations \(.*?\) FROM stdin;\n(.+?)^\\\.$", re.DOTALL | re.MULTILINE)
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
  AND coalesce(backend_type, 'client backend') = 'client backend'
"""
"""Who else is connected. Of other users' sessions not everything can be seen, but that they are there."""


async def back_up(url: str, target: Path) -> None:
    """Copy the database of `url` to a new file, as it is at one moment. It appears when it is complete.

    Raises:
        ConfigError: the URL is none.
        StoreUnavailable: the database cannot be read, or the file not be written; nothing is left of it.
    """
    partial = target.with_name(f"{target.name}.partial")
    try:
        await asyncio.to_thread(_begin, partial, target)
        if url.startswith(SQLITE):
            await asyncio.to_thread(_copy, sqlite_path(url), str(partial))
        else:
            await _run(url, "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={partial}"])
        await asyncio.to_thread(_settle, partial, target)
    except OSError as error:
        raise StoreUnavailable(f"{target} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


async def restore(url: str, source: Path, clock: Clock) -> Path | None:
    """Put a copy that `back_up` made in the place of the database of `url`. Returns where the former SQLite file is
    now, if there was one; PostgreSQL's former rows are gone.

    Raises:
        ConfigError: the URL is none.
        StoreUnavailable: the database is in use, the copy is none or damaged, or of a release too new for this one;
            nothing has been changed.
    """
    if url.startswith(SQLITE):
        return await asyncio.to_thread(_put_back, sqlite_path(url), source, clock)
    copied = await _dumped(source)
    compare(copied, known("postgres"))
    await _check_restorable(url, copied)
    options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    await _run(url, "pg_restore", [*options, str(source)])
    return None


def _begin(partial: Path, target: Path) -> None:
    """An empty file, for its owner alone."""
    if target.exists():
        raise StoreUnavailable(f"{target} is there already; name another file")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))


# ── SQLite ──


def _copy(source: str, target: str) -> None:
    import apsw

    from headgate.storage.sqlite import BUSY_S, told

    where = source
    try:
        read = apsw.Connection(source, flags=apsw.SQLITE_OPEN_READONLY)
        read.set_busy_timeout(round(BUSY_S * 1000))
        written = apsw.Connection(target)
        try:
            with written.backup("main", read, "main") as copying:
                while not copying.done:
                    copying.step(-1)
            where = target
            if written.pragma("integrity_check") != "ok":
                raise StoreUnavailable(f"{source}: is damaged, its copy fails SQLite's integrity check")
            written.pragma("journal_mode", "delete")  # one file, without a log beside it
        finally:
            written.close()
            read.close()
    except apsw.Error as error:
        raise told(error, where) from None


def _put_back(path: str, source: Path, clock: Clock) -> Path | None:
    path = os.path.realpath(path)
    lock = FileLock.take(path)
    incoming = Path(f"{path}.restoring")
    try:
        os.close(os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        _copy(str(source), str(incoming))
        compare(_applied(str(incoming)), known("sqlite"))
        former = None
        if Path(path).exists():
            when = datetime.fromtimestamp(clock.now_us() // 1_000_000, UTC)
            former = Path(f"{path}.replaced-{when:%Y%m%dT%H%M%SZ}")
            Path(path).rename(former)
            log = Path(f"{path}-wal")
            if log.exists():  # what was committed last is in there
                log.rename(f"{former}-wal")
            Path(f"{path}-shm").unlink(missing_ok=True)
        _settle(incoming, Path(path))
        return former
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be replaced: {error.strerror}") from None
    finally:
        incoming.unlink(missing_ok=True)
        lock.release()


def _applied(path: str) -> Sequence[Applied]:
    import apsw

    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        if not connection.table_exists("main", "migrations"):
            raise StoreUnavailable("the file is an SQLite database, but not one of Headgate's")
        return [Applied(*row) for row in connection.execute(APPLIED)]
    finally:
        connection.close()


def _settle(partial: Path, target: Path) -> None:
    """Give a file its name once it is on the disk."""
    _sync(partial)
    partial.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ── PostgreSQL ──


async def _dumped(source: Path) -> Sequence[Applied]:
    """What had been applied to the database a copy is of."""
    text = await _run(None, "pg_restore", ["--data-only", "--table=migrations", "--file=-", str(source)])
    rows = _COPIED_ROWS.search(text)
    if rows is None:
        raise StoreUnavailable(f"{source} is no copy of a database of Headgate's")
    names = [field.name for field in fields(Applied)]
    found = [dict(zip(names, line.split("\t"), strict=True)) for line in rows[1].splitlines()]
    return msgspec.convert(found, list[Applied], strict=False)


async def _check_restorable(url: str, copied: Sequence[Applied]) -> None:
    """See that nobody is in the database, and that all that is there will be replaced."""
    database = await connect(url, connections=1)
    try:
        ((others,),) = await database.fetch(_OTHERS)
        there = await applied_to(database)
    finally:
        await database.close()
    if others:
        raise StoreUnavailable(f"the database is in use (connections of others: {others}); stop every Headgate first")
    if there and there[-1].number > copied[-1].number:
        raise StoreUnavailable(
            f"the database is at migration {there[-1].number}, the copy at {copied[-1].number}, and would not "
            "replace all of it; restore it into an empty database"
        )


async def _run(url: str | None, program: str, options: Sequence[str]) -> str:
    """Run one of PostgreSQL's programs, on the database of `url` if it needs one. Returns what it prints."""
    binary = shutil.which(program)
    if binary is None:
        raise StoreUnavailable(
            f"{program} is missing; install PostgreSQL's client programs (Debian: apt-get install postgresql-client)"
        )
    environ = {**os.environ, "PGCONNECT_TIMEOUT": str(CONNECT_S)}
    if url is not None:
        where, password = without_password(url)
        options = [f"--dbname={where}", "--no-password", *options]
        if password:
            environ["PGPASSWORD"] = password
    process = await asyncio.create_subprocess_exec(
        binary, *options, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environ
    )
    try:
        printed, complained = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise StoreUnavailable(complained.decode(errors="replace").strip() or f"{program} fails")
    return printed.decode(errors="replace")


def without_password(url: str) -> tuple[str, str]:
    """A PostgreSQL URL that other processes may see, and the password that is missing in it."""
    parts = urlsplit(url)
    account, _, host = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    query = parse_qsl(parts.query)
    passwords = [unquote(password), *(value for name, value in query if name == "password")]
    kept = urlencode([(name, value) for name, value in query if name != "password"])
    shown = parts._replace(netloc=f"{user}@{host}" if user else host, query=kept)
    return urlunsplit(shown), max(passwords, key=len)
