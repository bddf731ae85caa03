"""`headgate check --production`: the command, what it reads of a database, and how it ends."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from headgate.cli.app import run
from headgate.cli.checked import draw
from headgate.production import Finding, Report, Standing
from upstream import unused_port

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a configuration of its own database, on a port where nobody serves."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADGATE_SECRET", "pJ7yFhK0Zt9vQmE3bXw5RcAq1LdNs8GuTo2iVf6Hk4M=")
    (tmp_path / "headgate.yaml").write_text(
        f"server: {{port: {unused_port()}}}\nproviders: {{sim: {{kind: simulator}}}}\n"
        "models: {chat: {targets: [sim/gpt-4o-mini]}}\n"
    )
    (tmp_path / "headgate.yaml").chmod(0o600)
    return tmp_path


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["check", "--production", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def lessons(found: dict[str, Any]) -> set[str]:
    return {each["lesson"] for each in found["findings"]}


def test_a_toy_fails_and_says_what_was_not_looked_at(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, found = checked(capsys)
    assert code == 1
    assert {"somewhere-else", "real-vendors"} <= lessons(found)
    unseen = {each["lesson"]: each["why"] for each in found["not_seen"]}
    assert unseen["budget-set"].startswith("there is no database yet")
    assert "--backups" in unseen["backed-up"]
    assert not (folder / "headgate.db").exists()


def test_records_are_read_and_left_as_they_are(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run(["keys", "create", "ci"]) == 0
    before = (folder / "headgate.db").read_bytes()
    _, found = checked(capsys)
    assert {"budget-set", "keys-capped", "keys-expire", "metrics-readable"} <= lessons(found)
    assert (folder / "headgate.db").read_bytes() == before
    assert run(["budgets", "set", "key:*", "50", "--period", "month"]) == 0
    _, found = checked(capsys)
    assert not {"budget-set", "keys-capped"} & lessons(found)
    assert "keys-expire" in lessons(found)


def test_what_is_accepted_does_not_fail(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    _, found = checked(capsys)
    serious = {each["lesson"] for each in found["findings"] if each["serious"]}
    arguments = [word for each in sorted(serious) for word in ("--accept", each)]
    code, found = checked(capsys, *arguments)
    assert (code, found["ok"]) == (0, True)


def test_backups_are_looked_for_where_they_are_said_to_be(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "backups").mkdir()
    assert "backed-up" in lessons(checked(capsys, "--backups", "backups")[1])
    (folder / "backups" / "headgate.db").write_text("copy")
    found = checked(capsys, "--backups", "backups")[1]
    assert "backed-up" not in lessons(found) | {each["lesson"] for each in found["not_seen"]}


@pytest.mark.skipif(os.name != "posix", reason="runs a command")
def test_commands_of_the_configuration_are_run_once(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """What they give may be counted, or billed; and the lessons are held against what was found to be fine."""
    (folder / "count.sh").write_text("echo run >> runs; echo a-key-of-a-vendor\n")
    text = (folder / "headgate.yaml").read_text().replace("server: {", "server: {allow_exec: true, ")
    text = text.replace("{kind: simulator}", '{kind: simulator, api_key: "${exec:sh count.sh}"}')
    (folder / "headgate.yaml").write_text(text)
    code, found = checked(capsys)
    assert code == 1
    assert "real-vendors" in lessons(found)
    assert (folder / "runs").read_text().split() == ["run"]


def test_an_unknown_lesson_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--production", "--accept", "budget-sett"]) == 2
    assert "did you mean 'budget-set'" in capsys.readouterr().err.lower().replace("`", "'")


def test_a_file_with_mistakes_is_told_those_first(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "headgate.yaml").write_text("server: {prot: 1}\n")
    assert run(["check", "--production"]) == 1
    assert "server.prot: is not a setting here" in capsys.readouterr().err


def test_a_pipe_gets_a_line_for_each_finding_and_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--production"]) == 1
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["reliability", "serious", "real-vendors"] in [line[:3] for line in lines]
    assert [line[1] for line in lines if line[0] == "score"][-1] == "all"


def test_the_recommended_configuration_passes_the_ordinary_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-one")
    monkeypatch.setenv("HEADGATE_DATABASE", "postgresql://h@127.0.0.1/h")
    monkeypatch.setenv("HEADGATE_REDIS", "redis://127.0.0.1")
    monkeypatch.setenv("HEADGATE_ALERTS_URL", "https://hooks.example.com/headgate")
    monkeypatch.setenv("HEADGATE_ALERTS_SECRET", "a long random text of thirty")
    monkeypatch.setenv("HEADGATE_AUDIT_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    assert run(["check", "--config", str(ROOT / "docs" / "production.yaml")]) == 0


def test_a_terminal_gets_a_table_to_look_at() -> None:
    standing = Standing(theme="cost", score=75, lessons=4, serious=1, advice=0, unseen=1)
    finding = Finding(
        lesson="budget-set", theme="cost", serious=True, where="database", what="no budget", why="Why.", write="set one"
    )
    found = Report(file="h.yaml", ok=False, total=standing, themes=[standing], findings=[finding], not_seen=[])
    console = Console(file=io.StringIO(), width=100, color_system=None)
    draw(found, console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "███████████████░░░░░" in shown
    assert "✗  no budget  budget-set" in shown
    assert "1 serious finding: not yet fit for production." in shown
