"""`headgate calls`: content is shown, exported and erased, from a database nobody serves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from headgate.cli.app import run
from headgate.storage.opening import open_database
from headgate.storage.records import Content
from headgate.telemetry.capture.config import CaptureConfig, CaptureRule
from headgate.telemetry.capture.storing import ContentTable
from upstream import unused_port

CONFIG = """
server: {{port: {port}}}
storage: {{database: "sqlite:///records.db"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
"""
ROW = Content(
    "req_1", "default", 1_900_000_000_000_000, 1_900_000_000_000_000, 5, "chat", "sim/a", "chat", "openai_chat", 0,
    "sample", None, "key_1", None, None, None, json.dumps({"model": "chat", "messages": [{"content": "\x1b[31mred\u202e"}]}),
    None, "no_answer", 0, 0, '{"secret":1}', 14,
)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of which nobody serves, and content of three calls."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG.format(port=unused_port()))

    async def stored() -> None:
        database = await open_database("sqlite:///records.db")
        rows = [
            replace(ROW, id=f"req_{number}", captured_us=ROW.captured_us - 60_000_000 * (9 - number))
            for number in range(3)
        ]
        await ContentTable(database).store(rows, CaptureConfig(rules=(CaptureRule(),)))
        await database.close()

    asyncio.run(stored())
    return tmp_path


def test_content_is_shown_with_nothing_a_terminal_would_act_on(capsys: pytest.CaptureFixture[str]):
    assert run(["calls", "content", "req_1"]) == 0
    shown = capsys.readouterr().out
    assert ("\x1b" in shown, "\u202e" in shown, "red" in shown, "no_answer" in shown) == (False, False, True, True)
    assert run(["calls", "content", "req_1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["redactions"] == {"secret": 1}
    assert run(["calls", "content", "req_9"]) == 1
    assert "was not captured" in capsys.readouterr().err


def test_content_is_exported_line_by_line(here: Path, capfdbinary: pytest.CaptureFixture[bytes]):
    assert run(["calls", "export", "--model", "chat", "--output", "all.jsonl"]) == 0
    lines = [json.loads(line) for line in (here / "all.jsonl").read_text().splitlines()]
    assert [each["call_id"] for each in lines] == ["req_0", "req_1", "req_2"]
    capfdbinary.readouterr()
    assert run(["calls", "export", "--most", "1", "--no-failed"]) == 0
    assert capfdbinary.readouterr().out.count(b"\n") == 1
    assert run(["calls", "export", "--whole"]) == 0
    assert capfdbinary.readouterr().out == b""


def test_content_is_erased_by_what_is_named(capsys: pytest.CaptureFixture[str]):
    assert run(["calls", "erase"]) == 2
    assert run(["calls", "erase", "--call", "req_0", "--user", "ann"]) == 2
    assert "Name --call alone" in capsys.readouterr().err
    assert run(["calls", "erase", "--call", "req_0"]) == 0
    assert "of 1 call," in capsys.readouterr().out
    assert run(["calls", "erase", "--call", "req_0"]) == 1
    assert run(["calls", "erase", "--user", "nobody", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"contents": 0, "feedback_texts": 0}
