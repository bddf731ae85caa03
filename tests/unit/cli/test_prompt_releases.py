"""`headgate prompts publish | label | rollback | history …`, in a process of their own where nobody serves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.app import run
from headgate.cli.releasing import commit_of
from headgate.prompts.dotprompt import load_folder
from upstream import unused_port

CONFIG = """
server: {{port: {port}}}
storage: {{database: "sqlite:///records.db"}}
providers: {{sim: {{kind: simulator}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini]}}
  tried: {{prompt: triage@staging, targets: [sim/gpt-4o-mini]}}
prompts: {{protected: [production]}}
"""

Said = Callable[..., Any]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG.format(port=unused_port()))
    write("One.")
    return tmp_path


def write(text: str) -> str:
    """A library of two prompts; the version of the first."""
    Path("prompts").mkdir(exist_ok=True)
    Path("prompts/triage.prompt").write_text(f"{text} {{{{> tone}}}}")
    Path("prompts/other.prompt").write_text("---\nconfig: {safety: high}\n---\nHi")
    Path("prompts/_tone.prompt").write_text("Politely.")
    return load_folder("prompts").get("triage").version


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command that has to end so, and give what it printed as JSON."""

    def said(*arguments: str, code: int = 0) -> Any:
        ended = run(["prompts", *arguments, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, out + err
        return json.loads(out) if out else err

    return said


def test_from_a_folder_to_a_label_and_back(said: Said, capsys: pytest.CaptureFixture[str]):
    first = write("One.")
    rows = said("publish")
    assert [(row["name"], row["created"], row["unsent"]) for row in rows] == [
        ("other", True, ["safety"]), ("triage", True, []),
    ]  # fmt: skip
    assert [row["created"] for row in said("publish", "triage")] == [False]
    second = write("Two.")
    published = said("publish", "triage", "--label", "staging", "--reason", "try it")
    assert [(move["label"], move["to_version"], move["status"]) for move in published["moves"]] == [
        ("staging", second, "done")
    ]
    assert said("publish", "triage", "--label", "staging")["moves"] == []
    said("label", "triage", "staging", first[:8])
    back = said("rollback", "triage", "staging", "--reason", "it was worse")
    assert (back["to_version"], back["kind"]) == (second, "rollback")
    history = said("history", "triage")
    assert [(row["from_version"], row["to_version"]) for row in history] == [
        (None, second),
        (second, first),
        (first, second),
    ]
    listed = said("list", "--registered")
    assert [(row["name"], row["labels"]) for row in listed] == [("other", {}), ("triage", {"staging": second})]
    rendered = said("render", "triage@staging")
    assert rendered["messages"][0]["content"] == [{"text": "Two. Politely."}]
    assert said("show", f"triage@{first[:9]}")["sources"]["triage.prompt"].startswith("One.")
    assert run(["prompts", "history"]) == 0
    assert "rollback" in capsys.readouterr().out


def test_a_protected_label_waits(said: Said, capsys: pytest.CaptureFixture[str]):
    version = write("One.")
    said("publish")
    assert run(["prompts", "label", "triage", "production", version[:9]]) == 0
    told = capsys.readouterr().out
    [waiting] = said("history", "--status", "waiting")
    assert f"headgate prompts approve {waiting['id']}" in told
    assert run(["prompts", "approve", waiting["id"]]) != 0
    assert "takes a person" in capsys.readouterr().err
    assert said("refuse", waiting["id"], "--reason", "not yet")["status"] == "refused"


def test_a_label_is_taken_away_and_a_version_withdrawn(said: Said, capsys: pytest.CaptureFixture[str]):
    version = write("One.")
    said("publish", "triage", "--label", "staging")
    short = f"triage@{version[:12]}"
    assert run(["prompts", "withdraw", short, "--reason", "it is wrong"]) == 1
    assert "--remove" in capsys.readouterr().err
    assert run(["prompts", "label", "triage", "staging", "--remove", "--reason", "no more"]) == 0
    told = capsys.readouterr().out
    assert "triage@staging is taken away" in told
    assert "it is tried, whose callers get a 404 now" in told
    assert run(["prompts", "withdraw", short, "--reason", "it is wrong"]) == 0
    assert "pinned, whose callers" not in capsys.readouterr().out
    assert run(["prompts", "label", "triage", "staging", version[:9]]) == 1
    assert "was withdrawn: it is wrong" in capsys.readouterr().err
    assert run(["prompts", "publish", "triage"]) == 0
    assert "was there, withdrawn" in capsys.readouterr().out
    assert run(["prompts", "publish", "triage", "--label", "staging"]) == 1
    assert run(["prompts", "history"]) == 0
    assert "done (remove)" in capsys.readouterr().out
    assert run(["prompts", "versions", "triage"]) == 0
    listed = capsys.readouterr().out
    assert short in listed
    assert listed.rstrip().endswith(": it is wrong")
    assert said("restore", short)["withdrawn"] is False
    assert said("publish", "triage", "--label", "production")["moves"][0]["status"] == "waiting"
    assert said("publish", "triage", "--label", "production")["moves"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["label", "triage", "staging", "0123456"], "there is no 'triage@0123456'"), (["rollback", "triage", "staging"], "no 'triage@staging'"),
     (["publish", "nothing"], "there is no prompt 'nothing'"), (["publish", "--library", "nowhere"], "nowhere"),
     (["label", "triage", "staging"], "nothing says what"), (["label", "triage", "staging", "0123456", "--remove"], "not both"),
     (["withdraw", "triage@0123456", "--reason", "x"], "there is no 'triage@0123456'"),
     (["render", "triage@production"], "there is no 'triage@production'"), (["approve", "move_1"], "no move 'move_1'")],
)  # fmt: skip
def test_what_cannot_be(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]):
    assert run(["prompts", *arguments]) != 0
    assert words in capsys.readouterr().err


def test_the_commit_is_noted_where_nothing_else_is_there(said: Said, here: Path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "prompts")
    git("commit", "-qm", "prompts")
    said("publish", "other")
    assert said("show", "other@" + load_folder("prompts").get("other").version[:9])
    write("Two.")
    said("publish", "triage")
    assert commit_of(here / "prompts") is None
    git("commit", "-qam", "more")
    assert commit_of(here / "prompts") == git("rev-parse", "HEAD")
