"""`headgate objectives`, `headgate check --objectives` and `headgate alerts`, over a database that nobody serves from."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from call_rows import call_row
from headgate.cli.app import run
from headgate.clock import SystemClock
from headgate.storage.opening import open_database
from headgate.telemetry.calls import encode
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.rollups.merging import Merger
from headgate.telemetry.rollups.sink import CallSink
from upstream import unused_port

CONFIG = """
server: {{port: {port}}}
storage: {{database: "sqlite:///records.db"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini], objectives: {{availability: 0.9}}}}, plain: {{targets: [sim/gpt-4o]}}}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of which nobody serves."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG.format(port=unused_port()))
    return tmp_path


def keep(failed: int) -> None:
    """Put a hundred calls of this minute into the database, of which some fail."""

    async def stored() -> None:
        database = await open_database("sqlite:///records.db")
        at_us = time.time_ns() // 1000
        rows = [
            call_row(number, started_us=at_us - number, model="chat", code="timeout" if number <= failed else None)
            for number in range(1, 101)
        ]
        async with database.transaction() as transaction:
            await CallSink(SystemClock()).store(transaction, [encode(rows)])
        await Merger(database, TelemetryConfig(), SystemClock()).merge()
        await database.close()

    asyncio.run(stored())


@pytest.mark.parametrize(("failed", "code"), [(9, 0), (11, 1)])
def test_a_budget_that_is_used_up_fails_a_check(failed: int, code: int, capsys: pytest.CaptureFixture[str]):
    keep(failed)
    assert run(["check", "--objectives"]) == run(["objectives"]) == code
    told = capsys.readouterr()
    assert "availability" in told.out
    assert ("not met: chat: availability" in told.err) is bool(code)
    assert run(["check", "--objectives", "--json"]) == code
    [row] = json.loads(capsys.readouterr().out)
    assert (row["calls"], row["bad"], row["met"]) == (100, failed, not code)


def test_without_calls_nothing_is_known_which_fails_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]):
    assert run(["check", "--objectives"]) == 0
    assert "not known, without calls: chat: availability" in capsys.readouterr().err
    assert run(["check", "--objectives", "--unknown-fails"]) == run(["objectives", "--unknown-fails"]) == 1


def test_a_check_that_could_not_fail_is_none(here: Path, capsys: pytest.CaptureFixture[str]):
    keep(50)
    assert run(["objectives", "--model", "chatt"]) == 2
    assert "did you mean 'chat'" in capsys.readouterr().err
    assert run(["check", "--objectives", "--production"]) == 2
    file = here / "headgate.yaml"
    file.write_text(file.read_text().replace(", objectives: {availability: 0.9}", ""))
    assert run(["check", "--objectives"]) == 3
    assert "has objectives" in capsys.readouterr().err
    file.write_text("models: 1")
    assert run(["check", "--objectives"]) == 1


@pytest.mark.parametrize("begins", ["tomorrow", "2026-11-01T22:00:00"])
def test_a_silence_begins_at_a_time_with_its_zone(begins: str, capsys: pytest.CaptureFixture[str]):
    assert run(["alerts", "silence", "errors", "--begins", begins]) == 2
    assert "is no time with its zone" in capsys.readouterr().err


def test_a_silence_that_is_made_is_listed(capsys: pytest.CaptureFixture[str]):
    assert run(["alerts", "silence", "errors", "--lasts", "1h", "--reason", "moving"]) == 0
    assert run(["alerts", "silences", "--json"]) == 0
    assert '"moving"' in capsys.readouterr().out


def test_as_many_patterns_as_are_asked_for():
    assert run(["errors", "--limit", "-1"]) == 2
