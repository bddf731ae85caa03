"""Databases of other releases: brought up to date once, run on where that is safe, refused where it is not."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence

import pytest

from headgate.clock import ManualClock
from headgate.errors import StoreUnavailable
from headgate.storage.migrating import MigratedDatabase, Migration, applied_to, compare, known, migrate, parse
from headgate.storage.opening import connect, open_database
from headgate.storage.postgres import PostgresDatabase

CLOCK = ManualClock()

FIRST = parse(1, "first", "-- compatible-from: 1\nCREATE TABLE calls (id TEXT PRIMARY KEY, cost BIGINT);")
ADDS = parse(2, "adds", "-- compatible-from: 1\nALTER TABLE calls ADD COLUMN note TEXT;")
TAKES = parse(3, "takes", "-- compatible-from: 2\nALTER TABLE calls DROP COLUMN cost;")
FAILS = parse(2, "fails", "-- compatible-from: 1\nCREATE TABLE half (id TEXT); INSERT INTO nowhere VALUES (1);")


@pytest.fixture
async def bare(database_url: str) -> AsyncIterator[MigratedDatabase]:
    """A database with nothing in it, of each kind."""
    opened = await connect(database_url)
    yield opened
    await opened.close()


async def up(database: MigratedDatabase, migrations: Sequence[Migration], release: str = "1.0") -> list[str]:
    return [str(each) for each in await migrate(database, migrations, release, CLOCK)]


async def numbers(database: MigratedDatabase) -> list[int]:
    return [each.number for each in await applied_to(database)]


# ── the files of this release ──


def test_both_kinds_have_the_same_migrations():
    names = [
        [(each.number, each.name, each.compatible_from) for each in known(kind)] for kind in ("sqlite", "postgres")
    ]
    assert names[0] == names[1]
    assert [number for number, _, _ in names[0]] == list(range(1, len(names[0]) + 1))


def test_a_migration_never_asks_for_more_than_itself():
    for kind in ("sqlite", "postgres"):
        assert all(1 <= each.compatible_from <= each.number for each in known(kind))


def test_a_file_without_its_first_line_is_none():
    with pytest.raises(ValueError, match="0007_x does not begin with '-- compatible-from"):
        parse(7, "x", "CREATE TABLE x (id TEXT);\n-- compatible-from: 1")


def test_sqlite_checks_types_as_postgres_does():
    for each in known("sqlite"):
        tables = re.findall(r"CREATE TABLE \w+ \(.*?^\)(.*?);", each.sql, re.DOTALL | re.MULTILINE)
        assert tables == [" STRICT"] * each.sql.count("CREATE TABLE")


# ── bringing up ──


async def test_an_empty_database_gets_everything_once(bare: MigratedDatabase):
    assert await applied_to(bare) == []
    assert await up(bare, [FIRST, ADDS]) == ["0001 first", "0002 adds"]
    assert await up(bare, [FIRST, ADDS]) == []
    found = (await applied_to(bare))[1]
    assert (found.number, found.name, found.checksum) == (2, "adds", ADDS.checksum)
    assert (found.compatible_from, found.release, found.applied_us) == (1, "1.0", CLOCK.now_us())


async def test_an_older_database_gets_what_it_lacks_and_keeps_its_rows(bare: MigratedDatabase):
    await up(bare, [FIRST])
    async with bare.transaction() as transaction:
        await transaction.execute("INSERT INTO calls (id, cost) VALUES ('a', 5)")
    assert await up(bare, [FIRST, ADDS], "2.0") == ["0002 adds"]
    assert await bare.fetch("SELECT id, cost, note FROM calls") == [("a", 5, None)]


async def test_a_migration_that_fails_changes_nothing_and_those_before_it_stay(bare: MigratedDatabase):
    with pytest.raises(Exception, match="nowhere"):
        await up(bare, [FIRST, FAILS])
    assert await numbers(bare) == [1]
    assert await up(bare, [FIRST, parse(2, "half", "-- compatible-from: 1\nCREATE TABLE half (id TEXT);")]) == [
        "0002 half"
    ]


async def test_migrators_at_the_same_time_apply_each_migration_once(database_url: str):
    if ":memory:" in database_url:
        pytest.skip("belongs to one process")
    databases = [await connect(database_url, lock=False) for _ in range(4)]
    many = [FIRST, *(parse(n, f"t{n}", f"-- compatible-from: 1\nCREATE TABLE t{n} (id TEXT);") for n in range(2, 6))]
    done = await asyncio.gather(*(migrate(each, many, "1.0", CLOCK) for each in databases))
    assert sorted(each.number for applied in done for each in applied) == [1, 2, 3, 4, 5]
    assert [each.number for each in await applied_to(databases[0])] == [1, 2, 3, 4, 5]
    for each in databases:
        await each.close()


async def test_opening_brings_up_to_date_unless_told_not_to(database_url: str):
    if ":memory:" not in database_url:
        with pytest.raises(StoreUnavailable, match=r"at migration 0, this release needs .* 'headgate storage migrate'"):
            await open_database(database_url, migrated=False)
    database = await open_database(database_url, release="7.7")
    assert {each.release for each in await applied_to(database)} == {"7.7"}
    await database.close()
    if ":memory:" not in database_url:
        await (await open_database(database_url, migrated=False)).close()


# ── other releases ──


async def test_a_release_runs_on_the_next_ones_database_and_the_release_after_refuses_it(bare: MigratedDatabase):
    await up(bare, [FIRST, ADDS], "2.0")
    found = compare(await applied_to(bare), [FIRST])
    assert found.pending == []
    assert [each.number for each in found.newer] == [2]
    assert await up(bare, [FIRST], "1.0") == []
    async with bare.transaction() as transaction:  # as release 1 does, which knows no column 'note'
        await transaction.execute("INSERT INTO calls (id, cost) VALUES ('a', 5)")
    await up(bare, [FIRST, ADDS, TAKES], "3.0")
    assert [each.number for each in compare(await applied_to(bare), [FIRST, ADDS]).newer] == [3]
    with pytest.raises(StoreUnavailable, match=r"at migration 3, this release knows those up to 1; use Headgate 3\.0"):
        compare(await applied_to(bare), [FIRST])
    with pytest.raises(StoreUnavailable, match="too new"):
        await up(bare, [FIRST], "1.0")


async def test_opening_a_newer_database_says_so_in_the_log(database_url: str, caplog: pytest.LogCaptureFixture):
    if ":memory:" in database_url:
        pytest.skip("is never older than its process")
    database = await open_database(database_url)
    last = known(database.kind)[-1].number
    newer = parse(last + 1, "newer", f"-- compatible-from: {last}\nALTER TABLE teams ADD COLUMN motto TEXT;")
    await migrate(database, [*known(database.kind), newer], "99.1", CLOCK)
    await database.close()
    with caplog.at_level(logging.WARNING, "headgate.storage"):
        database = await open_database(database_url)
    assert caplog.messages == [f"the database is of Headgate 99.1, which this one can run on: migration {newer}"]
    much_newer = parse(last + 2, "much_newer", f"-- compatible-from: {last + 1}\nALTER TABLE teams DROP COLUMN motto;")
    await migrate(database, [*known(database.kind), newer, much_newer], "99.2", CLOCK)
    await database.close()
    with pytest.raises(StoreUnavailable, match=r"too new for this release.*use Headgate 99\.2 or newer"):
        await open_database(database_url)


async def test_a_file_that_was_changed_after_it_was_applied_is_refused(bare: MigratedDatabase):
    await up(bare, [FIRST])
    changed = parse(1, "first", FIRST.sql + "\n-- harmless")
    with pytest.raises(StoreUnavailable, match=r"'0001 first' that Headgate 1\.0 applied is not .* changed after"):
        await up(bare, [changed, ADDS])
    assert await numbers(bare) == [1]


async def test_a_gap_is_refused(bare: MigratedDatabase):
    third = parse(3, "third", "-- compatible-from: 1\nCREATE TABLE third (id TEXT);")
    await up(bare, [FIRST, third])
    with pytest.raises(StoreUnavailable, match=r"migration 2 is missing .* though 3 is there"):
        await up(bare, [FIRST, ADDS, third])


# ── while others work (PostgreSQL) ──


async def test_a_migration_does_not_make_everybody_wait_for_one_long_transaction(postgres_url: str):
    database = PostgresDatabase(postgres_url, connections=3, statement_s=0.3)
    await up(database, [FIRST])
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO calls (id) VALUES ('a')")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            await up(database, [FIRST, ADDS])
    assert await up(database, [FIRST, ADDS]) == ["0002 adds"]
    await database.close()


async def test_a_migration_may_take_longer_than_a_statement(postgres_url: str):
    database = PostgresDatabase(postgres_url, statement_s=0.1)
    slow = parse(1, "slow", "-- compatible-from: 1\nSELECT pg_sleep(0.4);")
    assert await up(database, [slow]) == ["0001 slow"]
    await database.close()


# ── what importing costs ──


def test_no_driver_is_imported_before_a_database_is_opened():
    code = (
        "import sys, headgate.storage.opening, headgate.storage.tables; print({'apsw', 'asyncpg'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
