"""`headgate shadow`: the verdict on calls that were mirrored, and on recorded ones."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from headgate.cli.app import run
from headgate.shadow.comparisons import ComparisonSink, encode
from headgate.storage.opening import open_database
from headgate.storage.records import Comparison
from upstream import unused_port

NOW_US = time.time_ns() // 1000 - 1_000_000
CONFIG = """
server: {{port: {port}}}
storage: {{database: "sqlite:///records.db"}}
providers: {{sim: {{kind: simulator}}, bad: {{kind: simulator, headers: {{x-sim-fault: server_error}}}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini], retry: {{attempts: 1}}, shadow: {{to: sim/gpt-4o}}}}
  claude: {{targets: [sim/claude-sonnet-4-5]}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of which nobody serves."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG.format(port=unused_port()))
    return tmp_path


def keep(count: int, **changes: object) -> None:
    """Put pairs into the database."""

    async def stored() -> None:
        database = await open_database("sqlite:///records.db")
        rows = [
            Comparison(id=f"{number}", at_us=NOW_US + number, organisation="default", model="chat", shadow="sim/gpt-4o",
                       stop="end", shadow_stop="end", tools="none", same=1, **changes)  # type: ignore[arg-type]
            for number in range(count)
        ]  # fmt: skip
        async with database.transaction() as transaction:
            await ComparisonSink().store(transaction, [encode(each) for each in rows])
        await database.close()

    asyncio.run(stored())


@pytest.mark.parametrize(("count", "code", "begins"), [(300, 0, "Looks safe to move"), (5, 1, "Too early to say")])
def test_a_verdict_is_a_page_and_an_exit_code(count: int, code: int, begins: str, capsys: pytest.CaptureFixture[str]):
    keep(count)
    assert run(["shadow", "verdict", "chat"]) == code
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "chat, and sim/gpt-4o as its shadow"
    assert lines[2].startswith(begins)
    assert run(["shadow", "verdict", "chat", "--json", "--since", "2026-01-01T00:00:00Z", "--to", "sim/gpt-4o"]) == code
    assert json.loads(capsys.readouterr().out)["pairs"] == count


def test_a_verdict_on_nothing_says_what_to_do(capsys: pytest.CaptureFixture[str]):
    assert run(["shadow", "verdict", "chat"]) == 1
    told = capsys.readouterr().err
    assert "No call of 'chat' was mirrored in that time" in told
    assert "Try 'headgate models'." in told
    assert run(["shadow", "verdict", "chat", "--since", "soon"]) == 2
    assert "is no length of time" in capsys.readouterr().err
    for since in ("2026-13-01", "2026-11-01T00:00:00"):
        assert run(["shadow", "verdict", "chat", "--since", since]) == 2
        assert "is neither a length of time nor a time with its zone" in capsys.readouterr().err


def test_explain_tells_of_it(capsys: pytest.CaptureFixture[str]):
    assert run(["explain", "chat"]) == 0
    assert "1 % of the calls go to sim/gpt-4o too, once they are answered" in capsys.readouterr().out


def written(folder: Path, count: int) -> Path:
    """A file of recorded calls, of all three clients' dialects, some streamed."""
    messages = [{"role": "user", "content": "Hello"}]
    kinds = [
        {"url": "/v1/chat/completions", "body": {"model": "chat", "messages": messages}},
        {"url": "/v1/messages", "body": {"model": "chat", "max_tokens": 50, "messages": messages, "stream": True}},
        {"url": "/v1/responses", "body": {"model": "chat", "input": "Hello"}},
        {"body": {"model": "chat", "messages": messages, "stream": True}},
    ]
    file = folder / "calls.jsonl"
    file.write_text("".join(json.dumps(kinds[number % 4]) + "\n" for number in range(count)))
    return file


def test_recorded_calls_are_made_at_both_places(here: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["shadow", "replay", str(written(here, 24)), "--to", "claude", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["dropped"], found["outcome"]) == (24, {}, "too_early")
    assert (found["errors"]["shadow"]["estimate"], found["looked_at"]) == (0, 24)
    assert found["cost"]["ratio"]["estimate"] > 1
    assert not (here / "records.db").exists()


def test_recorded_embeddings_are_compared_by_their_vectors(here: Path, capsys: pytest.CaptureFixture[str]):
    text = CONFIG.format(port=unused_port()) + "  embed: {targets: [sim/text-embedding-3-small]}\n"
    (here / "headgate.yaml").write_text(text)
    line = json.dumps({"url": "/v1/embeddings", "body": {"model": "embed", "input": "Hello"}})
    (here / "calls.jsonl").write_text(f"{line}\n" * 110)
    assert run(["shadow", "replay", "calls.jsonl", "--to", "sim/text-embedding-3-small", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["vectors"]["pairs"], found["vectors"]["same"]["estimate"]) == (110, 110, 1)


def test_every_line_is_accounted_for(here: Path, capsys: pytest.CaptureFixture[str]):
    lines = [
        {"url": "/v1/responses", "body": {"model": "chat", "input": "Hello", "previous_response_id": "resp_1"}},
        {"url": "/v1/responses", "body": {"model": "chat", "input": [{"type": "item_reference", "id": "msg_1"}]}},
        {"url": "/v1/responses", "body": {"model": "chat", "input": "Hello", "tools": [{"type": "web_search"}]}},
        {"url": "/v1/responses", "body": {"model": "chat", "input": "Hello"}},
    ]
    (here / "calls.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert run(["shadow", "replay", "calls.jsonl", "--to", "claude", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["dropped"]) == (1, {"not_drawn": 2, "side_effects": 1})


def test_a_place_that_fails_does_not_look_safe(here: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["shadow", "replay", str(written(here, 120)), "--to", "bad/gpt-4o-mini"]) == 1
    told = capsys.readouterr().out
    assert "Does not look safe to move to bad/gpt-4o-mini: it fails in 100.0 % of calls, chat in 0.0 %." in told


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--to", "nowhere"], 3, "there is no 'nowhere' to compare with"),
        (["--to", "sim/"], 3, "there is no 'sim/' to compare with"),
        (["--to", "sim/*"], 3, "there is no 'sim/*' to compare with"),
        (["--to", "claude", "--model", "chta"], 3, "there is no model 'chta'"),
        (["--to", "claude", "--budget", "much"], 2, "is no amount of US dollars"),
    ],
)
def test_what_cannot_be_is_told(
    arguments: list[str], code: int, told: str, here: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["shadow", "replay", str(written(here, 1)), *arguments]) == code
    assert told in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_told_with_its_line(here: Path, capsys: pytest.CaptureFixture[str]):
    file = here / "calls.jsonl"
    for text, told in (
        ("", "has no calls in it"),
        ('{"body": {"model": "chat"}}\n{', "line 2: "),
        ('{"body": {}}', "''"),
        ('{"body": {"model": "chat"}}\n\n{"body": {"model": "claude"}}', "lines 1 and 3 of"),
    ):
        file.write_text(text)
        assert run(["shadow", "replay", str(file), "--to", "claude"]) == 3
        assert told in capsys.readouterr().err
    assert run(["shadow", "replay", "none.jsonl", "--to", "claude"]) == 3
