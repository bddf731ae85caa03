"""Copies are whole whatever goes on meanwhile, and are put back only where nobody is."""

# ruff: noqa: ASYNC240 - nothing else is going on while a test looks at its files

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

import services
from headgate.clock import ManualClock
from headgate.errors import StoreUnavailable
from headgate.storage.backup import back_up, restore, without_password
from headgate.storage.database import Database
from headgate.storage.migrating import known, migrate, parse
from headgate.storage.opening import open_database
from headgate.storage.records import Team
from headgate.storage.tables import TEAMS

CLOCK = ManualClock()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that lasts, of each kind, with nothing in it."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'headgate.db'}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy"


async def add(database: Database, *names: str) -> None:
    async with database.transaction() as transaction:
        for name in names:
            await TEAMS.insert(transaction, Team(id=name, organisation="o", name=name))


async def names(database: Database) -> list[str]:
    return [row.id for row in (await TEAMS.list(database, "o", limit=1000))[0]]


async def made(url: str, *teams: str) -> None:
    database = await open_database(url)
    await add(database, *teams)
    await database.close()


async def found(url: str) -> list[str]:
    database = await open_database(url)
    try:
        return await names(database)
    finally:
        await database.close()


# ── what is copied comes back ──


async def test_a_copy_made_while_serving_brings_back_what_was_there(url: str, copy: Path):
    database = await open_database(url)
    await add(database, "a", "b")
    await back_up(url, copy)
    await add(database, "c")
    async with database.transaction() as transaction:
        await transaction.execute("DELETE FROM teams WHERE id = 'a'")
    await database.close()
    await restore(url, copy, CLOCK)
    assert await found(url) == ["a", "b"]


async def test_a_copy_goes_into_an_empty_database_too(url: str, copy: Path, tmp_path: Path):
    await made(url, "a")
    await back_up(url, copy)
    if url.startswith("sqlite"):
        other = f"sqlite:///{tmp_path / 'other.db'}"
        assert await restore(other, copy, CLOCK) is None
        assert await found(other) == ["a"]
    else:
        server = services.postgres()
        name = server.create()
        await restore(server.url(name), copy, CLOCK)
        assert await found(server.url(name)) == ["a"]
        server.drop(name)


async def test_a_copy_is_of_one_moment_while_others_write(url: str, copy: Path):
    database = await open_database(url)
    done = False

    async def write() -> None:
        number = 0
        while not done:
            await add(database, f"{number}-a", f"{number}-b")
            number += 1

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    await back_up(url, copy)
    done = True
    await writing
    await database.close()
    await restore(url, copy, CLOCK)
    kept = await found(url)
    assert kept
    assert {name.partition("-")[0] for name in kept if name.endswith("a")} == {
        name.partition("-")[0] for name in kept if name.endswith("b")
    }


async def test_a_restored_database_goes_on_where_it_was(url: str, copy: Path):
    await made(url, "a")
    await back_up(url, copy)
    await restore(url, copy, CLOCK)
    database = await open_database(url)
    await add(database, "b")
    assert await names(database) == ["a", "b"]
    await database.close()


# ── what is refused ──


async def test_a_database_in_use_is_not_replaced(url: str, copy: Path):
    database = await open_database(url)
    await add(database, "a")
    await back_up(url, copy)
    await add(database, "b")
    with pytest.raises(StoreUnavailable, match="in use"):
        await restore(url, copy, CLOCK)
    assert await names(database) == ["a", "b"]
    await database.close()


async def test_a_file_that_is_there_is_not_overwritten(url: str, copy: Path):
    await made(url)
    copy.write_text("mine")
    with pytest.raises(StoreUnavailable, match="is there already"):
        await back_up(url, copy)
    assert copy.read_text() == "mine"


async def test_a_copy_that_cannot_be_made_leaves_nothing(url: str, tmp_path: Path):
    with pytest.raises(StoreUnavailable, match="cannot be written: No such file"):
        await back_up(url, tmp_path / "no" / "folder")
    missing = url.replace("headgate.db", "gone.db") if "sqlite" in url else url.rpartition("/")[0] + "/gone"
    with pytest.raises(StoreUnavailable):
        await back_up(missing, tmp_path / "copy")
    assert not any(each.name.startswith(("copy", "gone")) for each in tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a copy" * 100, None])
async def test_what_is_no_copy_changes_nothing(url: str, copy: Path, content: bytes | None):
    await made(url, "a")
    if content is not None:
        copy.write_bytes(content)
    with pytest.raises(StoreUnavailable):
        await restore(url, copy, CLOCK)
    assert await found(url) == ["a"]


async def test_a_damaged_copy_changes_nothing(url: str, copy: Path):
    await made(url, *(f"{number:04} {'x' * 500}" for number in range(200)))
    await back_up(url, copy)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2] + b"\xff" * 300 + whole[len(whole) // 2 + 300 :])
    with pytest.raises(StoreUnavailable):
        await restore(url, copy, CLOCK)
    assert len(await found(url)) == 200


async def test_a_copy_of_a_release_too_new_is_refused(url: str, copy: Path):
    database = await open_database(url)
    last = known(database.kind)[-1].number
    newer = parse(last + 1, "newer", f"-- compatible-from: {last + 1}\nCREATE TABLE newer (id TEXT);")
    await migrate(database, [*known(database.kind), newer], "99.1", CLOCK)
    await database.close()
    await back_up(url, copy)
    with pytest.raises(StoreUnavailable, match=r"too new .* use Headgate 99\.1"):
        await restore(url, copy, CLOCK)


async def test_no_other_user_of_the_machine_can_read_a_copy(url: str, copy: Path):
    await made(url)
    await back_up(url, copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


# ── SQLite's own ──


async def test_the_former_file_is_kept_aside_with_all_that_was_committed(tmp_path: Path, copy: Path):
    url = f"sqlite:///{tmp_path / 'headgate.db'}"
    await made(url, "a")
    await back_up(url, copy)
    await made(url, "b")
    former = await restore(url, copy, CLOCK)
    assert former is not None
    assert former.name == "headgate.db.replaced-20270115T080000Z"
    assert await found(url) == ["a"]
    assert await found(f"sqlite:///{former}") == ["a", "b"]


async def test_a_file_that_is_damaged_can_be_replaced(tmp_path: Path, copy: Path):
    url = f"sqlite:///{tmp_path / 'headgate.db'}"
    await made(url, "a")
    await back_up(url, copy)
    (tmp_path / "headgate.db").write_bytes(b"\xff" * 10_000)
    await restore(url, copy, CLOCK)
    assert await found(url) == ["a"]


async def test_a_copy_is_one_file(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'headgate.db'}"
    await made(url, "a")
    folder = tmp_path / "copies"
    folder.mkdir()
    await back_up(url, folder / "copy.db")
    assert [each.name for each in folder.iterdir()] == ["copy.db"]
    await restore(url, folder / "copy.db", CLOCK)
    assert [each.name for each in folder.iterdir()] == ["copy.db"]


# ── PostgreSQL's own ──


async def test_a_database_with_more_than_the_copy_knows_is_not_half_replaced(postgres_url: str, copy: Path):
    await made(postgres_url, "a")
    await back_up(postgres_url, copy)
    database = await open_database(postgres_url)
    last = known("postgres")[-1].number
    newer = parse(last + 1, "newer", f"-- compatible-from: {last}\nCREATE TABLE newer (id TEXT);")
    await migrate(database, [*known("postgres"), newer], "99.1", CLOCK)
    await database.close()
    with pytest.raises(StoreUnavailable, match="restore it into an empty database"):
        await restore(postgres_url, copy, CLOCK)


async def test_programs_that_are_missing_are_named(
    postgres_url: str, copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreUnavailable, match=r"pg_dump is missing; .* apt-get install postgresql-client"):
        await back_up(postgres_url, copy)


async def test_a_server_that_refuses_is_told_without_the_password(postgres_url: str, copy: Path):
    with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
        await back_up(postgres_url.replace(services.PASSWORD, "geheim"), copy)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown", "password"),
    [
        ("postgresql://a:b%2Fc@h:1/d?sslmode=require", "postgresql://a@h:1/d?sslmode=require", "b/c"),
        ("postgresql://a@h/d?password=b&sslmode=require", "postgresql://a@h/d?sslmode=require", "b"),
        ("postgresql://h/d", "postgresql://h/d", ""),
    ],
)
def test_other_processes_see_a_url_without_its_password(url: str, shown: str, password: str):
    assert without_password(url) == (shown, password)
