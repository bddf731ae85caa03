"""`headgate storage`: what each command says, and how it ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import services
from headgate.cli.app import run
from headgate.clock import ManualClock
from headgate.storage.lock import FileLock
from headgate.storage.migrating import known, migrate, parse
from headgate.storage.opening import connect, open_database

CONFIG = "providers: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/gpt-4o-mini]}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that is not the configuration's, and an environment that says nothing."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with an SQLite file beside it."""
    path = folder / "headgate.yaml"
    path.write_text(f"{CONFIG}storage: {{database: 'sqlite:///data.db'}}\n")
    monkeypatch.setenv("HEADGATE_CONFIG", str(path))
    return path


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out)


def apply_newer(url: str, compatible_from: int) -> None:
    async def work() -> None:
        database = await open_database(url)
        ours = known(database.kind)
        sql = f"-- compatible-from: {compatible_from}\nCREATE TABLE newer (id TEXT);"
        await migrate(database, [*ours, parse(ours[-1].number + 1, "newer", sql)], "99.1", ManualClock())
        await database.close()

    asyncio.run(work())


# ── status and migrate ──


def test_a_database_that_is_not_there_yet_waits_to_be_made(config: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["storage", "status", "--json"]) == 1
    status = said(capsys)
    assert status["database"] == f"sqlite:///{config.parent}/data.db"
    assert status["migration"] == 0
    assert status["pending"] == [str(each) for each in known("sqlite")]
    assert not (config.parent / "data.db").exists()


def test_migrate_applies_what_is_pending_once(config: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["storage", "migrate", "--json"]) == 0
    assert said(capsys) == {"applied": [str(each) for each in known("sqlite")]}
    assert run(["storage", "migrate"]) == 0
    assert "up to date" in capsys.readouterr().out
    assert run(["storage", "status", "--json"]) == 0
    status = said(capsys)
    assert status["migration"] == status["known"] == known("sqlite")[-1].number
    assert status["pending"] == []
    assert status["in_use_by"] is None


def test_without_a_configuration_the_file_is_the_one_served_from(folder: Path):
    assert run(["storage", "migrate"]) == 0
    assert (folder / "elsewhere" / "headgate.db").exists()


def test_status_shows_who_serves_and_migrate_leaves_him_alone(config: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["storage", "migrate"]) == 0
    lock = FileLock.take(str(config.parent / "data.db"))
    capsys.readouterr()
    assert run(["storage", "status"]) == 0
    assert "in use by\tprocess " in capsys.readouterr().out
    assert run(["storage", "migrate"]) == 3
    assert "is in use by another Headgate (pid " in capsys.readouterr().err
    lock.release()


def test_a_newer_database_this_release_can_run_on_is_fine(config: Path, capsys: pytest.CaptureFixture[str]):
    last = known("sqlite")[-1].number
    apply_newer(f"sqlite:///{config.parent}/data.db", compatible_from=last)
    assert run(["storage", "status"]) == 0
    assert f"newer\t{last + 1:04} newer" in capsys.readouterr().out


def test_a_database_that_is_too_new_fails_and_says_which_release_can(config: Path, capsys: pytest.CaptureFixture[str]):
    apply_newer(f"sqlite:///{config.parent}/data.db", compatible_from=known("sqlite")[-1].number + 1)
    assert run(["storage", "status", "--json"]) == 1
    assert "use Headgate 99.1 or newer" in str(said(capsys)["problem"])
    assert run(["storage", "migrate"]) == 3
    assert "use Headgate 99.1 or newer" in capsys.readouterr().err


def test_a_database_in_memory_belongs_to_the_server(config: Path, capsys: pytest.CaptureFixture[str]):
    config.write_text(f"{CONFIG}storage: {{database: 'sqlite:///:memory:'}}\n")
    assert run(["storage", "status"]) == 3
    assert "is in memory" in capsys.readouterr().err


# ── backup and restore ──


def test_a_copy_is_made_and_put_back(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["storage", "migrate"]) == 0
    assert run(["storage", "backup", "copy.db"]) == 0
    assert "headgate storage restore copy.db" in capsys.readouterr().out
    assert run(["storage", "backup", "copy.db"]) == 3
    assert "is there already" in capsys.readouterr().err
    assert run(["storage", "restore", "copy.db"]) == 0
    assert "The former one is" in capsys.readouterr().out
    (folder / "data.db").unlink()
    assert run(["storage", "restore", "copy.db"]) == 0
    assert "former" not in capsys.readouterr().out


def test_what_cannot_be_restored_could_not_run(config: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["storage", "restore", "nothing.db"]) == 3
    assert capsys.readouterr().err == (
        "headgate: nothing.db cannot be read: No such file or directory\nName a file that is there.\n"
    )
    assert run(["storage", "restore", "."]) == 3
    assert "Name a file, not a folder." in capsys.readouterr().err
    Path("text").write_text("text")
    assert run(["storage", "restore", "text"]) == 3
    assert "It takes what 'headgate storage backup' wrote" in capsys.readouterr().err
    assert run(["storage", "restore"]) == 2


@pytest.mark.parametrize(
    ("file", "told", "next"),
    [
        ("no/such", "no/such cannot be written", "Make its folder first"),
        (".", ". cannot be written: it is there already", "Name another file"),
        ("text/copy", "text/copy cannot be written", "Name a file in a folder."),
    ],
)
def test_a_copy_that_cannot_be_written_says_where_one_can(
    config: Path, file: str, told: str, next: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["storage", "migrate"]) == 0
    Path("text").write_text("text")
    assert run(["storage", "backup", file]) == 3
    said = capsys.readouterr().err
    assert (told in said, next in said) == (True, True), said


def test_what_is_no_database_is_told(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["storage", "backup", "copy"]) == 3
    assert "data.db\nA database begins with 'headgate serve'." in capsys.readouterr().err
    assert not Path("copy").exists()
    (folder / "data.db").write_text("text")
    assert run(["storage", "status"]) == 3
    assert "Check 'storage' in headgate.yaml" in capsys.readouterr().err
    (folder / "data.db").unlink()
    (folder / "data.db").mkdir()
    for arguments in (["status"], ["migrate"], ["backup", "copy"]):
        assert run(["storage", *arguments]) == 3
        assert "data.db is a folder, and no database\nName a file in it" in capsys.readouterr().err


# ── PostgreSQL ──


@pytest.fixture
def postgres_config(config: Path, postgres_url: str) -> str:
    config.write_text(f"{CONFIG}storage: {{database: '{postgres_url}', shared: 'redis://127.0.0.1:1'}}\n")
    return postgres_url


@pytest.mark.usefixtures("postgres_config")
def test_every_command_works_on_postgres_and_shows_no_password(capsys: pytest.CaptureFixture[str]):
    for arguments, code in (
        (["status"], 1), (["migrate"], 0), (["status"], 0), (["backup", "copy"], 0), (["restore", "copy"], 0),
    ):  # fmt: skip
        assert run(["storage", *arguments]) == code
        printed = capsys.readouterr()
        assert services.PASSWORD not in printed.out + printed.err


def test_restoring_while_others_are_connected_could_not_run(postgres_config: str, capsys: pytest.CaptureFixture[str]):
    assert run(["storage", "migrate"]) == 0
    assert run(["storage", "backup", "copy"]) == 0

    async def work() -> int:
        database = await connect(postgres_config)
        await database.fetch("SELECT 1")
        code = await asyncio.to_thread(run, ["storage", "restore", "copy"])
        await database.close()
        return code

    assert asyncio.run(work()) == 3
    assert "in use (connections of others: 1)" in capsys.readouterr().err


def test_a_server_that_is_away_could_not_run(config: Path, capsys: pytest.CaptureFixture[str]):
    url = f"postgresql://a:{services.PASSWORD}@127.0.0.1:1/x"
    config.write_text(f"{CONFIG}storage: {{database: '{url}', shared: 'redis://127.0.0.1:1'}}\n")
    for arguments in (["status"], ["migrate"], ["backup", "copy"]):
        assert run(["storage", *arguments]) == 3
        printed = capsys.readouterr()
        assert "127.0.0.1" in printed.err
        assert services.PASSWORD not in printed.out + printed.err
