"""`headgate errors`, `headgate report` and `headgate top`, over a database that nobody serves from."""

from __future__ import annotations

import asyncio
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
from rich.console import Console

from call_rows import call_row
from headgate.cli import watching
from headgate.cli.app import run
from headgate.cli.watched import drawn
from headgate.cli.watching import Frame, Line, frame
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
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of which nobody serves."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG.format(port=unused_port()))
    return tmp_path


def keep(back_s: int = 0, **changes: Any) -> None:
    """Put 200 calls of this minute, or one before, into the database: those of one key time out."""

    async def stored() -> None:
        database = await open_database("sqlite:///records.db")
        rows = [
            call_row(
                number,
                started_us=time.time_ns() // 1000 - number - back_s * 1_000_000,
                key_id=f"key_{number % 4}",
                code="timeout" if number % 4 == 1 else None,
                **changes,
            )
            for number in range(1, 201)
        ]
        async with database.transaction() as transaction:
            await CallSink(SystemClock()).store(transaction, [encode(rows)])
        await Merger(database, TelemetryConfig(), SystemClock()).merge()
        await database.close()

    asyncio.run(stored())


def test_errors_say_what_is_shared_and_how_sure_that_is(capsys: pytest.CaptureFixture[str]):
    keep()
    assert run(["errors", "--since", "1h"]) == 0
    told = capsys.readouterr().out
    assert "50 of 200 calls failed (25.00%)." in told
    assert "50 × timeout, before there was any content" in told
    assert "  key key_1: only here, and" in told
    assert "to any number" in told
    assert "such as req_" in told
    assert run(["errors", "--json", "--of", "key:key_1"]) == 0
    assert json.loads(capsys.readouterr().out)["calls"] == 50


def test_without_calls_nothing_failed(capsys: pytest.CaptureFixture[str]):
    keep(organisation="another")
    assert run(["errors"]) == 0
    assert capsys.readouterr().out == "None of 0 calls failed.\n"
    assert run(["errors", "--since", "soon"]) == 2


def test_a_report_is_written_to_a_file_or_told(here: Path, capsys: pytest.CaptureFixture[str]):
    keep(86_400)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert run(["report", "day", "--ending", day]) == 0
    assert capsys.readouterr().out.startswith("# Daily review, ")
    assert run(["report", "day", "--ending", day, "--format", "html", "--output", "review.html"]) == 0
    page = (here / "review.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "timeout" in page
    assert run(["report", "month", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["period"] == "month"
    assert run(["report", "day", "--check"]) == 0
    assert run(["report", "day", "--ending", "2026-13-01"]) == 2
    assert run(["report", "--output", str(here)]) == 3


def test_top_prints_one_table_where_nobody_looks(capsys: pytest.CaptureFixture[str]):
    keep()
    assert run(["top", "--by", "key", "--window", "5m"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {row[0] for row in rows} == {"all", "key_0", "key_1", "key_2", "key_3"}
    assert rows[0][2] == "25.0%"
    assert run(["top", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["whole"]["calls"] == 200
    assert run(["top", "--window", "9h"]) == 2


# ── what is drawn ──


def line(name: str, **changes: Any) -> Line:
    fields: dict[str, Any] = {
        "name": name, "state": "", "calls": 1000, "calls_per_s": 12_345.6, "failing": 0.123, "p50_ms": 123_456.0,
        "p95_ms": 2_345.0, "p99_ms": 9_999.4, "first_token_ms": None, "usd_per_hour": 123_456.78,
    }  # fmt: skip
    return Line(**{**fields, **changes})


def screen(lines: list[Line], width: int = 80, height: int = 24, *, terminal: bool = True) -> str:
    now = Frame(at=datetime(2026, 11, 9, tzinfo=UTC), seconds=300, by="target", whole=line(""), lines=lines, resting=2)
    console = Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        legacy_windows=False,
    )
    console.print(drawn(now, width, height), end="")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (200, 50)])
def test_it_fits_however_many_names_there_are_and_however_long(width: int, height: int):
    names = [line(f"provider-{number}/{'a long name ' * 9}", state="open") for number in range(90)]
    text = screen(names, width, height, terminal=False)
    lines = text.split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "more" in text
    assert "q end" in text
    assert "12345.6" in text
    assert "2 targets resting" in text
    assert "x provider-0/" in text


def test_names_are_shown_as_they_are():
    text = screen([line("[red]x[/red] \x1b[31m\u202e", calls=1)], 120, terminal=False)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_without_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch):
    assert "\x1b[1;31m" in screen([line("x")])
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in screen([line("x")])


def test_keys_change_what_it_is_by_until_q(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    pressed = iter(["", "t", "x", "k", "q"])

    class Keys:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def next(self, wait_s: float) -> str:
            return next(pressed)

    def looked(client: Any, by: str, length_s: int) -> Frame:
        asked.append(by)
        return frame(client, by, length_s)  # type: ignore[arg-type]

    monkeypatch.setattr(watching, "Keystrokes", Keys)
    monkeypatch.setattr(watching, "frame", looked)
    watching._watch(Fake(), "model", 300, 2.0)
    assert asked == ["model", "model", "target", "target", "key"]


class Fake:
    """A server with a target that rests, and another one that has been called."""

    def ask(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        none = {"p50": None, "p95": None, "p99": None}
        total = {
            "calls": 60, "failed": 6, "attempts": 120, "attempts_failed": 60, "cost_usd": "1.5",
            "durations_ms": dict.fromkeys(("duration", "first_token", "attempt_duration", "attempt_first_token"), none),
        }  # fmt: skip
        return {"series": [{"name": "a/x" if query.get("by") else "", "total": total}]}

    def download(self, path: str, query: Any = None) -> Any: ...

    def targets(self) -> list[Any]:
        return [
            {"target": "a/x", "breaker": "closed", "rests_s": 0},
            {"target": "b/y", "breaker": "open", "rests_s": 4},
        ]


def test_of_targets_attempts_are_told_and_those_that_rest_are_there():
    told = frame(Fake(), "target", 300)
    assert [(each.name, each.state, each.calls, each.failing) for each in told.lines] == [
        ("a/x", "closed", 120, 0.5), ("b/y", "open", 0, 0.0),
    ]  # fmt: skip
    assert (told.resting, told.whole.calls, told.whole.failing) == (1, 60, 0.1)
    assert told.whole.usd_per_hour == pytest.approx(1.5 * 3600 / told.seconds)
