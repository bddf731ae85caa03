"""`headgate estimate`: what it takes, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headgate.cli.app import run

CONFIG = """\
providers: {openai: {kind: openai, api_key: k}, house: {kind: vllm}}
models: {chat: {targets: [openai/gpt-4o-mini]}, own: {targets: [house/qwen]}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG)
    (tmp_path / "samples.jsonl").write_text(
        '{"q": "Why?", "answer": "So."}\n{"q": "When?", "answer": "Now, or never."}\n'
    )
    return tmp_path


def test_models_and_targets_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["{q}", "--samples", "samples.jsonl", "-m", "chat", "-m", "openai/gpt-4o", "--months", "2"]
    assert run(["estimate", *given]) == 0
    told = capsys.readouterr()
    rows = [line.split("\t") for line in told.out.splitlines()]
    assert [row[:3] for row in rows] == [
        ["chat", "openai/gpt-4o-mini", "1"],
        ["chat", "openai/gpt-4o-mini", "2"],
        ["openai/gpt-4o", "openai/gpt-4o", "1"],
        ["openai/gpt-4o", "openai/gpt-4o", "2"],
    ]
    assert all(float(row[-2].replace(",", "")) < float(row[-1].replace(",", "")) for row in rows)
    assert "2 samples say little" in told.err


def test_prompts_come_from_files_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "prompt.md").write_text("Answer: {q}")
    (folder / "system.txt").write_text("Be brief.")
    given = ["--samples", "samples.jsonl", "-m", "chat", "--json"]
    assert run(["estimate", "prompt.md", "--system", "system.txt", *given]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert run(["estimate", "Answer: {q}", "--system", "Be brief.", *given]) == 0
    assert json.loads(capsys.readouterr().out) == [found]
    (folder / "body.json").write_text('{"messages": [{"role": "user", "content": "Answer: {q}"}]}')
    assert run(["estimate", "body.json", *given]) == 0
    assert json.loads(capsys.readouterr().out)[0]["input_tokens"] < found["input_tokens"]


def test_an_unknown_price_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["estimate", "Hello", "--answer-tokens", "10"]) == 1
    assert "own at house/qwen: its price is not known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["Hello {q}"], "has a place for 'q'; say with --samples"),
        (["Hello", "--answer-tokens", "9", "--calls-per-day", "inf"], "--calls-per-day"),
        (["Hello"], "has no answer"),
        (["Hello", "--answer-tokens", "some"], "is no length of answers"),
        (["Hello", "--answer-tokens", "9", "-m", "chatt"], "there is no model 'chatt'; did you mean 'chat'?"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(given: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["estimate", *given]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_no_text_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "prompt.txt").write_bytes(b"\xff\xfe")
    assert run(["estimate", str(tmp_path / "prompt.txt"), "--answer-tokens", "9"]) == 3
    assert "not UTF-8" in capsys.readouterr().err


def test_files_that_are_not_there_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["estimate", "prompt.md", "--answer-tokens", "9"]) == 3
    assert run(["estimate", "Hello", "--samples", "none.jsonl"]) == 3
    assert "none.jsonl cannot be read" in capsys.readouterr().err
