"""Records in PostgreSQL, through asyncpg (extra `postgres`): a few connections, made when needed and used again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from headgate.errors import BadRequest, ConfigError, Conflict, HeadgateError, StoreUnavailable
from headgate.storage.database import Row, Statement

T = TypeVar("T")

MIGRATION_LOCK = 0x6865_6164_6761_7465
"""The advisory lock that whoever migrates holds: `headgate` in ASCII."""

_IDLE_S = 60.0
"""A connection that was not needed for so long is not trusted: what stands between may have forgotten it."""
_ROLLBACK_S = 2.0

_NOT_NOW = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
"""What says nothing about the statement, and may be different the next time."""


class PostgresDatabase:
    """A database on a PostgreSQL server. After the server was away, the next call makes a new connection."""

    kind: Literal["postgres"] = "postgres"

    def __init__(self, url: str, *, connections: int = 5, connect_s: float = 3.0, statement_s: float = 10.0) -> None:
        """At most `connections` at a time: who finds none free waits up to `statement_s` for one. A connection has to
        come about within `connect_s`, a statement to be done within `statement_s`.
        """
        self._url = url
        self._name = _name(url)
        self._secrets = _secrets(url)
        self._connect_s = connect_s
        self._statement_s = statement_s
        self.patience_s = statement_s + 1.0
        """The server breaks off a statement first, and says so; this is for when it does not answer at all."""
        self._room = asyncio.Semaphore(connections)
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._closed = False

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]:
        connection = await self._take()
        try:
            return _rows(await self._ask(connection, connection.fetch(sql, *parameters, timeout=self.patience_s)))
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            self._give(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[PostgresTransaction]:
        async with self._held(self.patience_s) as transaction:
            yield transaction

    @asynccontextmanager
    async def migration(self) -> AsyncGenerator[PostgresTransaction]:
        """A transaction that holds the lock of migrations, and has all the time it needs. Only for locks on tables it
        waits no longer than a statement may take: everybody else waits behind it.
        """
        async with self._held(None) as transaction:
            await transaction.execute("SET LOCAL statement_timeout = 0")
            await transaction.fetch("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            await transaction.execute(f"SET LOCAL lock_timeout = {_ms(self._statement_s)}")
            yield transaction

    async def close(self) -> None:
        """Close the connections that are free, and those in use when they are given back. Again is fine."""
        self._closed = True
        while self._idle:
            connection, _ = self._idle.pop()
            try:
                await connection.close(timeout=_ROLLBACK_S)
            except (*_NOT_NOW, asyncpg.InterfaceError):
                connection.terminate()

    @asynccontextmanager
    async def _held(self, timeout_s: float | None) -> AsyncGenerator[PostgresTransaction]:
        connection = await self._take()
        transaction = PostgresTransaction(self, connection, timeout_s)
        try:
            await transaction.execute("BEGIN")
            yield transaction
            await transaction.execute("COMMIT")  # of one that has failed it would be a rollback that says nothing
        except BaseException as error:
            await self._abandon(connection, error)
            raise
        finally:
            transaction.over = True
            self._give(connection)

    async def _abandon(self, connection: asyncpg.Connection, error: BaseException) -> None:
        """Undo a transaction: with a word to the server, or where there is no time for one by hanging up."""
        if isinstance(error, Exception) and not connection.is_closed():
            try:
                await connection.execute("ROLLBACK", timeout=_ROLLBACK_S)
            except (*_NOT_NOW, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()
        else:
            connection.terminate()

    async def _ask(self, connection: asyncpg.Connection, work: Awaitable[T]) -> T:
        """What `work` gives, or what its error means to the operator."""
        try:
            return await work
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes on
            lost = connection.is_closed()
            if isinstance(error, TimeoutError):
                connection.terminate()
            raise self._meaning(error, lost) from None

    async def _take(self) -> asyncpg.Connection:
        try:
            async with asyncio.timeout(self._statement_s):
                await self._room.acquire()
        except TimeoutError:
            raise StoreUnavailable(
                f"{self._name}: no connection has become free for {self._statement_s:g} s; there are too many slow "
                "statements for so few"
            ) from None
        try:
            if self._closed:
                raise StoreUnavailable(f"{self._name} is closed")
            return self._free() or await self._connect()
        except BaseException:
            self._room.release()
            raise

    def _free(self) -> asyncpg.Connection | None:
        now = time.monotonic()
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed():
                if now - since < _IDLE_S:
                    return connection
                connection.terminate()
        return None

    async def _connect(self) -> asyncpg.Connection:
        settings = {
            "application_name": "headgate",
            "statement_timeout": _ms(self._statement_s),
            "idle_in_transaction_session_timeout": _ms(2 * self._statement_s),
            "timezone": "UTC",
        }
        try:
            limit: Any = self._connect_s  # typed as whole seconds, and is not
            return await asyncpg.connect(self._url, timeout=limit, server_settings=settings)
        except ValueError as error:  # the URL's, asyncpg's own among them
            raise ConfigError([f"storage.database: cannot be used: {self._shown(error)}"]) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes on
            raise self._meaning(error, lost=True) from None

    def _give(self, connection: asyncpg.Connection) -> None:
        if self._closed:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append((connection, time.monotonic()))
        self._room.release()

    def _meaning(self, error: Exception, lost: bool) -> Exception:
        what = self._shown(error)
        match error:
            case asyncpg.UniqueViolationError():
                return Conflict(f"There is one like it already ({getattr(error, 'constraint_name', '?')}).")
            case asyncpg.ForeignKeyViolationError():
                return Conflict("It refers to something that is not there.")
            case asyncpg.CharacterNotInRepertoireError() | asyncpg.UntranslatableCharacterError():
                return BadRequest("A text must not hold the character U+0000.")
            case asyncpg.InvalidCatalogNameError():
                return self._unavailable(f"{what}; make it with 'createdb'")
            case asyncpg.InvalidAuthorizationSpecificationError():
                return self._unavailable(f"{what}; check user and password in storage.database")
            case asyncpg.InsufficientPrivilegeError():
                return self._unavailable(f"{what}; Headgate's user needs the right to create and use its own tables")
            case asyncpg.QueryCanceledError() | TimeoutError():
                return self._unavailable(f"does not answer in time ({what})")
            case _ if lost or isinstance(error, _NOT_NOW):
                return self._unavailable(f"{what}")
            case _:
                return error

    def _shown(self, error: Exception) -> str:
        """What an error says, without the password."""
        what = str(error) or type(error).__name__
        for secret in self._secrets:
            what = what.replace(secret, "***")
        return what

    def _unavailable(self, what: str) -> HeadgateError:
        return StoreUnavailable(f"{self._name}: {what}")


class PostgresTransaction:
    """The statements of one block."""

    kind: Literal["postgres"] = "postgres"

    def __init__(self, database: PostgresDatabase, connection: asyncpg.Connection, timeout_s: float | None) -> None:
        self._database = database
        self._connection = connection
        self._timeout_s = timeout_s
        self._failed = False
        self.over = False

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]:
        return _rows(await self._ask(self._connection.fetch, sql, parameters))

    async def execute(self, sql: str, *parameters: Any) -> None:
        await self._ask(self._connection.execute, sql, parameters)

    async def fetch_each(self, statements: Iterable[Statement]) -> list[list[Row]]:
        return [await self.fetch(sql, *parameters) for sql, parameters in statements]

    async def _ask(self, how: Callable[..., Awaitable[T]], sql: str, parameters: tuple[Any, ...]) -> T:
        if self._failed:
            raise RuntimeError("a statement of this transaction has failed: nothing of it happens")
        if self.over:
            raise RuntimeError("this transaction is over")
        try:
            return await self._database._ask(self._connection, how(sql, *parameters, timeout=self._timeout_s))
        except BaseException:
            self._failed = True
            raise


def _rows(records: list[asyncpg.Record]) -> list[Row]:
    return [tuple(record) for record in records]


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def _name(url: str) -> str:
    """What to call the database of `url` where others read it: `PostgreSQL at host:5432/name`."""
    parts = urlsplit(url)
    return f"PostgreSQL at {parts.netloc.rpartition('@')[2]}{parts.path}"


def _secrets(url: str) -> list[str]:
    """The passwords of `url`, as they are and as they are written."""
    parts = urlsplit(url)
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    found = {password, unquote(password), *parse_qs(parts.query).get("password", [])}
    return sorted(found - {""}, key=len, reverse=True)
