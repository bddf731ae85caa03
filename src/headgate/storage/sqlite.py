"""Records in an SQLite file, through apsw: one connection that writes, and others that read beside it (WAL).

Every connection works in a thread, so that no disk holds up the event loop.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, TypeVar

import apsw

from headgate.errors import Conflict, HeadgateError, StoreUnavailable
from headgate.storage.database import Row, Statement
from headgate.storage.lock import FileLock

MEMORY = ":memory:"

BUSY_S = 5.0
"""How long to wait for another process that is writing, a shell's say."""

T = TypeVar("T")

_PARAMETER = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|--[^\n]*|\$([0-9]+)""")

# What is committed is on the disk (synchronous=FULL): the journal is let go of once it is drained, and a key that was
# revoked must not come back after a power failure.
_WRITER = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA journal_size_limit = 67108864;
"""
_READER = """
PRAGMA query_only = ON;
"""


class SqliteDatabase:
    """A database in one file, or in memory where the path is `:memory:`.

    In memory there is one connection for everything, so reads wait for the transaction under way.
    """

    kind: Literal["sqlite"] = "sqlite"

    def __init__(self, path: str | Path, writer: apsw.Connection, readers: Sequence[apsw.Connection]) -> None:
        self.path = str(path)
        self._writer = writer
        self._writing = ThreadPoolExecutor(1, "headgate-sqlite-writer")
        self._readers = readers
        self._free = SimpleQueue[apsw.Connection]()
        for reader in readers:
            self._free.put(reader)
        self._reading = ThreadPoolExecutor(len(readers), "headgate-sqlite-reader") if readers else None
        self._turn = asyncio.Lock()
        self._owner: asyncio.Task[Any] | None = None
        self._lock: FileLock | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: str | Path, *, lock: bool = True, readers: int = 2) -> SqliteDatabase:
        """Open a database file, or make it. With `lock`, as the one process that serves from it or replaces it.

        Raises:
            StoreUnavailable: it is in use by another Headgate, cannot be opened, or is no database.
        """
        return await asyncio.to_thread(cls._open, str(path), lock, readers)

    @classmethod
    def _open(cls, path: str, lock: bool, readers: int) -> SqliteDatabase:
        if path == MEMORY:
            writer = apsw.Connection(MEMORY)
            writer.execute("PRAGMA foreign_keys = ON")
            return cls(path, writer, [])
        path = os.path.realpath(path)  # one lock, by whichever link
        held = FileLock.take(path) if lock else None
        connections: list[apsw.Connection] = []
        try:
            _make(path)
            for setting in (_WRITER, *[_READER] * readers):
                connections.append(connection := apsw.Connection(path))
                connection.set_busy_timeout(round(BUSY_S * 1000))
                connection.execute(setting).fetchall()
        except (apsw.Error, OSError) as error:
            for connection in connections:
                connection.close()
            if held:
                held.release()
            raise told(error, path) from None
        database = cls(path, connections[0], connections[1:])
        database._lock = held
        return database

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]:
        if self._reading is not None:
            return await asyncio.wrap_future(self._submit(self._reading, lambda: self._read(sql, parameters)))
        if self._owner is asyncio.current_task():
            raise RuntimeError("a read inside a transaction goes through the transaction")
        async with self._turn:
            return await self._run(lambda: self._rows(self._writer, sql, parameters))

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[SqliteTransaction]:
        async with self._held("BEGIN IMMEDIATE") as transaction:
            yield transaction

    @asynccontextmanager
    async def migration(self) -> AsyncGenerator[SqliteTransaction]:
        """A transaction that no other process's writes or migrations are beside."""
        async with self._held("BEGIN EXCLUSIVE") as transaction:
            yield transaction

    async def close(self) -> None:
        """Close the file once the transactions begun are over; reads are broken off. Again is fine."""
        async with self._turn:
            if not self._closed:
                self._closed = True
                await asyncio.shield(self._run(self._close))
                self._writing.shutdown(wait=False)

    @asynccontextmanager
    async def _held(self, begin: str) -> AsyncGenerator[SqliteTransaction]:
        async with self._turn:
            transaction = SqliteTransaction(self)
            self._owner = asyncio.current_task()
            try:
                await self._run(lambda: self._rows(self._writer, begin, ()))
                yield transaction
                transaction.check()
            except BaseException:
                # Nothing is awaited here: the thread does one thing after the other, and a task that is being cancelled
                # has no time.
                self._submit(self._writing, self._roll_back)
                raise
            else:
                await asyncio.shield(self._run(self._commit))
            finally:
                transaction.over = True
                self._owner = None

    def _run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.wrap_future(self._submit(self._writing, work))

    def _submit(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
        try:
            return thread.submit(work)
        except RuntimeError:
            raise StoreUnavailable(f"{self.path} is closed") from None

    def _read(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        reader = self._free.get()
        try:
            return self._rows(reader, sql, parameters)
        finally:
            self._free.put(reader)

    def _rows(self, connection: apsw.Connection, sql: str, parameters: Sequence[Any]) -> list[Row]:
        try:
            return connection.execute(numbered(sql), parameters or None).fetchall()
        except (apsw.Error, OSError) as error:
            if connection is not self._writer and getattr(error, "extendedresult", 0) == apsw.SQLITE_READONLY:
                raise RuntimeError("a change goes through a transaction") from None
            raise told(error, self.path) from None

    def _commit(self) -> None:
        try:
            self._rows(self._writer, "COMMIT", ())
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._writer.in_transaction:  # SQLite itself rolls back where the disk is full
            self._rows(self._writer, "ROLLBACK", ())

    def _close(self) -> None:
        if self._reading is not None:
            self._reading.shutdown(wait=False, cancel_futures=True)
            for reader in self._readers:
                reader.interrupt()
            self._reading.shutdown(wait=True)
        for connection in (*self._readers, self._writer):
            connection.close()
        if self._lock:
            self._lock.release()


class SqliteTransaction:
    """The statements of one block."""

    kind: Literal["sqlite"] = "sqlite"

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._failed = False
        self.over = False

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]:
        return (await self.fetch_each([(sql, parameters)]))[0]

    async def fetch_each(self, statements: Iterable[Statement]) -> list[list[Row]]:
        self.check()
        database = self._database
        try:
            return await database._run(lambda: [database._rows(database._writer, *each) for each in statements])
        except BaseException:
            self._failed = True
            raise

    def check(self) -> None:
        """SQLite would go on after a statement that failed; PostgreSQL does not."""
        if self._failed:
            raise RuntimeError("a statement of this transaction has failed: nothing of it happens")
        if self.over:
            raise RuntimeError("this transaction is over")

    async def execute(self, sql: str, *parameters: Any) -> None:
        await self.fetch(sql, *parameters)


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """A statement with `?1` where PostgreSQL has `$1`: to SQLite that is a name, counted as it first turns up."""
    return _PARAMETER.sub(lambda match: f"?{match[1]}" if match[1] else match[0], sql)


def told(error: apsw.Error | OSError, path: str) -> HeadgateError | apsw.Error:
    """What an error of SQLite's means to the operator; the error itself where it is a statement's own fault."""
    match error:
        case apsw.ConstraintError(extendedresult=apsw.SQLITE_CONSTRAINT_UNIQUE | apsw.SQLITE_CONSTRAINT_PRIMARYKEY):
            return Conflict(f"There is one like it already ({str(error).rpartition(': ')[2]}).")
        case apsw.ConstraintError(extendedresult=apsw.SQLITE_CONSTRAINT_FOREIGNKEY):
            return Conflict("It refers to something that is not there.")
        case apsw.FullError():
            return StoreUnavailable(f"{path}: the disk is full, nothing was written; free some space")
        case apsw.ReadOnlyError() | apsw.PermissionsError() | PermissionError():
            return StoreUnavailable(f"{path}: may not be written ({error}); check who owns the file and its folder")
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreUnavailable(
                f"{path}: is damaged or no database ({error}); put it aside and 'headgate storage restore' a backup"
            )
        case apsw.CantOpenError() | FileNotFoundError() | IsADirectoryError() | NotADirectoryError():
            return StoreUnavailable(f"{path}: cannot be opened ({error}); its folder has to be there and writable")
        case apsw.BusyError() | apsw.LockedError():
            return StoreUnavailable(f"{path}: another process has been writing for {BUSY_S:g} s; end it, or try again")
        case apsw.IOError() | apsw.NoMemError() | apsw.NoLFSError() | OSError():
            return StoreUnavailable(f"{path}: the disk fails ({error}); see the system's log")
        case apsw.ConnectionClosedError() | apsw.InterruptError():
            return StoreUnavailable(f"{path} is closed")
        case _:
            return error


def _make(path: str) -> None:
    """Make the file where it is not there: for its owner alone. SQLite gives what stands beside it the same rights."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
