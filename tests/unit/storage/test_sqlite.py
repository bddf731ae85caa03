"""What is SQLite's own: one process per file, files that are none, disks that are full."""

# ruff: noqa: ASYNC240 - nothing else is going on while a test looks at its files

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from headgate.errors import StoreUnavailable
from headgate.storage.lock import FileLock
from headgate.storage.opening import open_database
from headgate.storage.sqlite import SqliteDatabase, numbered

HOLDER = """
import asyncio, sys
from headgate.storage.opening import open_database

async def main():
    await open_database(sys.argv[1])
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "headgate.db"


async def make(file: Path) -> None:
    await (await open_database(f"sqlite:///{file}")).close()


# ── one process per file ──


def test_a_file_another_process_serves_from_is_refused_with_its_pid(file: Path):
    command = [sys.executable, "-c", HOLDER, f"sqlite:///{file}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert FileLock.holder(str(file)) == str(holder.pid)
        with pytest.raises(StoreUnavailable, match=rf"in use by another Headgate \(pid {holder.pid}\)"):
            asyncio.run(make(file))
        holder.send_signal(signal.SIGKILL)
    assert FileLock.holder(str(file)) is None
    asyncio.run(make(file))


async def test_a_file_in_use_can_be_read_beside(file: Path):
    serving = await open_database(f"sqlite:///{file}")
    beside = await open_database(f"sqlite:///{file}", lock=False)
    assert await beside.fetch("SELECT value FROM revisions") == [(0,)]
    await beside.close()
    await serving.close()


async def test_a_link_to_a_file_in_use_is_in_use(file: Path, tmp_path: Path):
    serving = await open_database(f"sqlite:///{file}")
    link = tmp_path / "link.db"
    link.symlink_to(file)
    with pytest.raises(StoreUnavailable, match="in use"):
        await open_database(f"sqlite:///{link}")
    await serving.close()


async def test_closing_lets_the_file_go(file: Path):
    await make(file)
    await make(file)


async def test_a_look_at_the_holder_does_not_keep_a_server_from_starting(file: Path):
    descriptor = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT)
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_SH)
    opening = asyncio.create_task(open_database(f"sqlite:///{file}"))
    await asyncio.sleep(0.15)
    os.close(descriptor)
    await (await opening).close()


# ── files ──


async def test_only_the_owner_can_read_what_is_written(file: Path):
    database = await open_database(f"sqlite:///{file}")
    for each in file.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
    assert (file.parent / "headgate.db-wal").exists()
    await database.close()


async def test_what_is_no_database_is_left_alone(file: Path):
    file.write_bytes(b"something else entirely, longer than a header of SQLite's hundred bytes" * 10)
    before = file.read_bytes()
    with pytest.raises(
        StoreUnavailable, match=r"headgate\.db: is damaged or no database .* 'headgate storage restore'"
    ):
        await make(file)
    assert file.read_bytes() == before


async def test_a_damaged_file_says_so(file: Path):
    database = await open_database(f"sqlite:///{file}")
    async with database.transaction() as transaction:
        await transaction.execute("CREATE TABLE things (note TEXT)")
        await transaction.execute("INSERT INTO things VALUES ($1)", "x" * 100_000)
    await database.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreUnavailable, match="damaged"):
        await make(file)


@pytest.mark.parametrize("where", ["no/such/folder.db", "."])
async def test_a_file_that_cannot_be_there_says_so(tmp_path: Path, where: str):
    with pytest.raises(StoreUnavailable, match="folder has to be there"):
        await open_database(f"sqlite:///{tmp_path / where}")


async def test_a_full_disk_changes_nothing_and_is_over_when_there_is_room(file: Path):
    database = await SqliteDatabase.open(file)
    async with database.transaction() as transaction:
        await transaction.execute("CREATE TABLE things (note TEXT)")
    ((pages,),) = await database._run(lambda: database._rows(database._writer, "PRAGMA max_page_count = 10", ()))
    assert pages == 10
    with pytest.raises(StoreUnavailable, match=r"headgate\.db: the disk is full, nothing was written"):
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO things VALUES ('first')")
            await transaction.execute("INSERT INTO things VALUES ($1)", "x" * 100_000)
    assert await database.fetch("SELECT count(*) FROM things") == [(0,)]
    await database._run(lambda: database._rows(database._writer, "PRAGMA max_page_count = 1000", ()))
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO things VALUES ($1)", "x" * 100_000)
    assert await database.fetch("SELECT count(*) FROM things") == [(1,)]
    await database.close()


async def test_another_process_that_writes_is_waited_for_and_then_named(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.storage.sqlite.BUSY_S", 0.05)
    database = await open_database(f"sqlite:///{file}")
    shell = apsw.Connection(str(file))
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process has been writing"):
        async with database.transaction():
            pass
    assert await database.fetch("SELECT value FROM revisions") == [(0,)]
    shell.execute("ROLLBACK")
    async with database.transaction():
        pass
    shell.close()
    await database.close()


async def test_what_is_committed_is_on_the_disk_before_anybody_is_told(file: Path):
    database = await SqliteDatabase.open(file)
    full = 2
    assert await database._run(lambda: database._rows(database._writer, "PRAGMA synchronous", ())) == [(full,)]
    await database.close()


async def test_reads_cannot_write(file: Path):
    database = await open_database(f"sqlite:///{file}")
    with pytest.raises(RuntimeError, match="through a transaction"):
        await database.fetch("UPDATE revisions SET value = 7 RETURNING value")
    await database.close()


# ── in memory ──


async def test_in_memory_a_read_inside_a_transaction_is_told_to_go_through_it():
    database = await open_database("sqlite:///:memory:")
    async with database.transaction():
        with pytest.raises(RuntimeError, match="through the transaction"):
            await database.fetch("SELECT 1")
    await database.close()


# ── statements ──


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("SELECT $2, $1, $12", "SELECT ?2, ?1, ?12"),
        ("SELECT '$1', $1, 'it''s $2', \"$3\"", "SELECT '$1', ?1, 'it''s $2', \"$3\""),
        ("SELECT $1 -- and $2\n, $3", "SELECT ?1 -- and $2\n, ?3"),
    ],
)
def test_parameters_are_numbered_outside_texts_only(written: str, read: str):
    assert numbered(written) == read
