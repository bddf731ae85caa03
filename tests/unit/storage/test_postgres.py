"""What is PostgreSQL's own: servers that stop, hang and come back, and passwords that stay secret."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator

import pytest

import services
from headgate.errors import BadRequest, ConfigError, StoreUnavailable
from headgate.storage.opening import open_database
from headgate.storage.postgres import PostgresDatabase

QUICK_S = 2.0


@pytest.fixture
async def database(private_postgres: services.Postgres) -> AsyncIterator[PostgresDatabase]:
    """On a server a test may stop; impatient."""
    opened = PostgresDatabase(private_postgres.url(), connections=2, connect_s=0.3, statement_s=0.5)
    opened.patience_s = 0.6
    yield opened
    await opened.close()


async def fails_quickly(database: PostgresDatabase) -> str:
    """What is told of a store that is away, within a bounded time."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        await database.fetch("SELECT 1")
    assert time.monotonic() - begun < QUICK_S
    assert services.PASSWORD not in caught.value.message
    return caught.value.message


async def works_again(database: PostgresDatabase) -> None:
    """The first call may still find an old connection broken."""
    for _ in range(3):
        try:
            assert await database.fetch("SELECT 1") == [(1,)]
        except StoreUnavailable:
            continue
        return
    pytest.fail("it does not come back")


# ── a server that is away ──


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_ends_is_told_and_used_again_once_it_is_back(
    private_postgres: services.Postgres, database: PostgresDatabase, how: str
):
    assert await database.fetch("SELECT 1") == [(1,)]
    getattr(private_postgres, how)()
    message = await fails_quickly(database)
    assert message.startswith(f"PostgreSQL at 127.0.0.1:{private_postgres.port}/postgres: ")
    message = await fails_quickly(database)
    assert "refused" in message.lower() or "connect" in message.lower()
    private_postgres.start()
    await works_again(database)


async def test_a_server_that_hangs_holds_nobody_up_for_long(
    private_postgres: services.Postgres, database: PostgresDatabase
):
    assert await database.fetch("SELECT 1") == [(1,)]
    private_postgres.pause()
    try:
        assert "does not answer in time" in await fails_quickly(database)  # on the connection there was
        assert "does not answer in time" in await fails_quickly(database)  # on a new one
    finally:
        private_postgres.resume()
    await works_again(database)


async def test_a_server_that_ends_in_the_middle_of_a_transaction_has_kept_nothing(
    private_postgres: services.Postgres, database: PostgresDatabase
):
    async with database.transaction() as transaction:
        await transaction.execute("CREATE TABLE things (id TEXT)")
    with pytest.raises(StoreUnavailable):
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO things VALUES ('a')")
            private_postgres.kill()
            private_postgres.start()
            await transaction.execute("INSERT INTO things VALUES ('b')")
    await works_again(database)
    assert await database.fetch("SELECT id FROM things") == []


async def test_a_broken_connection_leaves_its_place_to_others(
    private_postgres: services.Postgres, database: PostgresDatabase
):
    for _ in range(5):
        private_postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headgate'"
        )
        await asyncio.gather(*(works_again(database) for _ in range(4)))


# ── bounds ──


async def test_a_statement_that_takes_too_long_is_broken_off(database: PostgresDatabase):
    with pytest.raises(StoreUnavailable, match=r"does not answer in time .*statement timeout"):
        await database.fetch("SELECT pg_sleep(30)")
    assert await database.fetch("SELECT 1") == [(1,)]


async def test_no_more_connections_are_made_than_allowed(
    private_postgres: services.Postgres, database: PostgresDatabase
):
    await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.01)") for _ in range(20)))
    used = private_postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'headgate'")
    assert used.strip() == "2"


async def test_who_finds_no_connection_free_is_told(database: PostgresDatabase):
    async with database.transaction(), database.transaction():
        with pytest.raises(StoreUnavailable, match=r"no connection has become free for 0\.5 s"):
            await database.fetch("SELECT 1")
    assert await database.fetch("SELECT 1") == [(1,)]


async def test_a_read_that_is_cancelled_gives_its_connection_back(database: PostgresDatabase):
    for _ in range(5):
        task = asyncio.create_task(database.fetch("SELECT pg_sleep(30)"))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await database.fetch("SELECT 1") == [(1,)]


# ── what is told ──


async def test_a_wrong_password_is_told_without_it(postgres_url: str):
    url = postgres_url.replace(services.PASSWORD, "wr%2Fong")
    with pytest.raises(StoreUnavailable, match=r"password authentication failed .* storage\.database") as caught:
        await open_database(url)
    assert "wr%2Fong" not in str(caught.value)
    assert "wr/ong" not in str(caught.value)


async def test_a_database_that_is_not_there_is_told(postgres_url: str):
    with pytest.raises(StoreUnavailable, match='"nowhere" does not exist; make it with'):
        await open_database(postgres_url.rpartition("/")[0] + "/nowhere")


async def test_a_user_without_rights_is_told_which_are_missing(postgres_url: str):
    name = postgres_url.rpartition("/")[2]
    services.postgres().sql(f"CREATE ROLE poor_{name} LOGIN PASSWORD 'x1y2z3'")
    try:
        with pytest.raises(StoreUnavailable, match=r"permission denied .* needs the right to create"):
            await open_database(postgres_url.replace(f"headgate:{services.PASSWORD}", f"poor_{name}:x1y2z3"))
    finally:
        services.postgres().sql(f"DROP ROLE poor_{name}")


@pytest.mark.parametrize(
    "url",
    ["postgresql://a:geheim@127.0.0.1:not-a-port/x", "postgresql://a:geheim@127.0.0.1/x?sslmode=perhaps"],
)
async def test_a_url_that_is_none_is_told_without_its_password(url: str):
    with pytest.raises(ConfigError, match=r"storage\.database") as caught:
        await open_database(url)
    assert "geheim" not in str(caught.value)


async def test_a_text_that_cannot_be_stored_is_the_askers_fault(postgres_url: str):
    database = await open_database(postgres_url)
    with pytest.raises(BadRequest, match=r"U\+0000"):
        await database.fetch("SELECT 1 FROM teams WHERE id = $1", "a\0b")
    await database.close()


async def test_a_missing_driver_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "headgate.storage.postgres")
    with pytest.raises(ConfigError, match=r"pip install 'headgate\[postgres\]'"):
        await open_database("postgresql://127.0.0.1/x")
