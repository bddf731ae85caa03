"""`headgate quality`: satisfaction with its intervals, and lists, from a database nobody serves."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from call_rows import call_row
from headgate.cli.app import run
from headgate.clock import SystemClock
from headgate.quality.aging import Aging
from headgate.quality.evaluations import EvaluationSink
from headgate.quality.evaluations import encode as encode_evaluation
from headgate.quality.feedback import FeedbackSink, encode
from headgate.storage.opening import open_database
from headgate.storage.records import Evaluation, Feedback
from headgate.telemetry.calls import encode as encode_call
from headgate.telemetry.rollups.sink import CallSink
from upstream import unused_port

NOW_US = time.time_ns() // 1000 - 60_000_000
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


def keep() -> None:
    """Put four calls into the database, three words about one of them, and what evaluators found in another."""
    place: dict[str, Any] = {"organisation": "default", "started_us": NOW_US, "model": "chat", "key_id": "key_1"}

    async def stored() -> None:
        database = await open_database("sqlite:///records.db")
        calls = CallSink(SystemClock())
        feedback = [
            Feedback(id=f"fb_{number}", at_us=NOW_US + number, call_id="req_1", rater=f"user:{number}", given_by="key:a",
                     thumb=thumb, comment="\x1b[31mred", **place)
            for number, thumb in enumerate(("up", "up", "down"))
        ]  # fmt: skip
        found = [
            Evaluation(id=f"req_2.{name}", at_us=NOW_US, call_id="req_2", evaluator=name, outcome=outcome, score=score, **place)
            for name, outcome, score in (("judge.a", "fail", 2.0), ("empty", "pass", None))
        ]  # fmt: skip
        async with database.transaction() as transaction:
            rows = [call_row(number, started_us=NOW_US) for number in range(1, 5)]
            await calls.store(transaction, [encode_call(rows)])
            await FeedbackSink(calls.count, Aging(lambda: 9)).store(transaction, [encode(row) for row in feedback])
            await EvaluationSink(calls.count, Aging(lambda: 9)).store(
                transaction, [encode_evaluation(row) for row in found]
            )
        await database.close()

    asyncio.run(stored())


def test_quality_is_a_table_with_intervals_and_json(capsys: pytest.CaptureFixture[str]):
    keep()
    assert run(["quality", "show"]) == 0
    table = capsys.readouterr().out
    line = next(line for line in table.splitlines() if "satisfied" in line)
    assert "66.7%" in line
    assert "20.8% to 93.9%" in line
    assert "25.0% of 4 calls rated" in line
    assert "mean 2.00" in table
    assert run(["quality", "show", "--by", "key", "--of", "model:chat", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert (found["name"], found["satisfaction"]["satisfied"]["counted"]) == ("key_1", 2)


def test_feedback_is_listed_with_its_texts_only_where_asked_and_evaluations_are(capsys: pytest.CaptureFixture[str]):
    keep()
    assert run(["quality", "feedback", "--thumb", "up"]) == 0
    assert "red" not in capsys.readouterr().out
    assert run(["quality", "feedback", "--texts", "--limit", "1"]) == 0
    told = capsys.readouterr().out
    assert "red" in told
    assert "\x1b" not in told
    assert run(["quality", "evaluations", "--outcome", "fail", "--json"]) == 0
    assert [each["evaluator"] for each in json.loads(capsys.readouterr().out)] == ["judge.a"]


def test_nothing_is_told_as_nothing(capsys: pytest.CaptureFixture[str]):
    keep()
    assert run(["quality", "feedback", "--label", "unsafe"]) == 0
    assert "No feedback fits" in capsys.readouterr().err
    assert run(["quality", "show", "--since", "1s"]) == 0
    assert run(["quality", "show", "--since", "yesterday"]) == 2
