"""`headgate prompts diff`: what it can be given, what it prints, how it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from headgate.cli import revisions
from headgate.cli.app import run
from headgate.prompts.dotprompt import load_sources

CONFIG = """
providers: {sim: {kind: simulator, script: answers.yaml}}
models: {chat: {targets: [sim/any]}}
prices: {any: {input: 2, output: 8}}
"""
ANSWERS = """
- {match: {body: "Be kind"}, reply: {text: With pleasure.}}
- {reply: {text: No.}}
"""
TRIAGE = """---
model: chat
input: {schema: {question: string}}
---
{{role "system"}}{{> rules}}
{{role "user"}}{{question}}
"""
TESTS = """
repeat: 5
tests:
  - {id: why, inputs: {question: Why?}, assert: [contains: pleasure]}
  - {id: when, inputs: {question: "When|<b>?"}, assert: [contains: pleasure]}
"""
OTHER = "---\nmodel: chat\n---\nSay hello."


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library in a repository of one commit."""
    made = tmp_path_factory.mktemp("committed") / "repository"
    files = {"headgate.yaml": CONFIG, "answers.yaml": ANSWERS, "prompts/_rules.prompt": "Be kind.",
             "prompts/support/triage.prompt": TRIAGE, "prompts/support/triage.test.yaml": TESTS,
             "prompts/other.prompt": OTHER}  # fmt: skip
    for name, text in files.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    for command in ("init --quiet --initial-branch main --template=", "add .", "commit --quiet --message first"):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        subprocess.run(["git", "-C", made, *who, *command.split()], check=True, capture_output=True)
    return made


@pytest.fixture(autouse=True)
def folder(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = shutil.copytree(committed, tmp_path / "repository")
    monkeypatch.chdir(here)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    return here


def change(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / "prompts" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_what_has_not_changed_is_not_told(capsys: pytest.CaptureFixture[str]):
    assert run(["prompts", "diff", "prompts@main"]) == 0
    assert capsys.readouterr() == ("", "0 prompts of 2 changed; callers can stay as they are\n")


@pytest.mark.parametrize(
    "given",
    [
        ["prompts@main"],
        ["prompts@HEAD", "prompts"],
        ["prompts/support/triage.prompt@main"],
        ["prompts/support/triage.prompt@main", "support/triage"],
    ],
)
def test_everything_of_a_change_is_in_the_document(folder: Path, given: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(["eval", "run", "prompts", "--output", "before.jsonl", "--no-cache"]) == 0
    change(folder, "_rules.prompt", "Be kind.", "Be brief, and say nothing else.")
    change(folder, "support/triage.prompt", "{question: string}", "{question: string, tone: string}")
    change(folder, "support/triage.test.yaml", "inputs: {", "inputs: {tone: dry, ")
    assert run(["eval", "run", "prompts", "--output", "after.jsonl", "--no-cache"]) == 1
    capsys.readouterr()

    assert run(["prompts", "diff", *given, "--run", ".", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["breaks_callers"], found["problems"]) == (True, [])
    assert found["unchanged"] == (0 if ".prompt" in given[0] else 1)
    (prompt,) = found["prompts"]
    assert (prompt["name"], prompt["status"], prompt["model"]) == ("support/triage", "changed", "chat")
    assert prompt["breaks"] == [{"side": "input", "place": "tone", "what": "is required now"}]
    assert {"what": "input.tone", "before": None, "after": {"type": "string"}} in prompt["changes"]
    assert [each["file"] for each in prompt["texts"]] == ["support/triage.prompt", "_rules.prompt"]
    assert [each["case"] for each in prompt["examples"]["different"]] == ["why", "when"]  # the first takes no tone
    assert prompt["input"] is None
    cells = [prompt["tests"][side]["cells"][0] for side in ("before", "after")]
    assert [(each["passed"], each["cases"]) for each in cells] == [(2, 2), (0, 2)]


def test_tokens_and_costs_are_those_of_the_model(folder: Path, capsys: pytest.CaptureFixture[str]):
    change(folder, "_rules.prompt", "Be kind.", "Be kind. Be kind again.")
    assert run(["prompts", "diff", "prompts@main", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["prompts"][0]["input"]
    assert found["after"]["tokens"] - found["before"]["tokens"] == 4
    assert [found[side]["target"] for side in ("before", "after")] == ["sim/any", "sim/any"]
    usd = [float(found[side]["usd_per_1000_calls"]) for side in ("before", "after")]
    assert usd[1] - usd[0] == pytest.approx(4 * 2 / 1000)


def test_prompts_that_come_and_go(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "prompts" / "other.prompt").unlink()
    (folder / "prompts" / "new.prompt").write_text(OTHER)
    change(folder, "support/triage.prompt", "{{> rules}}", "{{> rulse}}")
    assert run(["prompts", "diff", "prompts@main"]) == 1
    printed = capsys.readouterr().out
    assert "other removed" in printed and "callers would break: prompt is not there any more" in printed
    assert "new added: nothing -> " in printed
    assert "support/triage removed" in printed
    assert "prompt cannot be used: prompts/support/triage.prompt:5:22: " in printed


def test_mistakes_in_what_is_new_are_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "prompts" / "new.prompt").write_text("{{> nothing}}")
    change(folder, "_rules.prompt", "Be kind.", "Be brief.")
    change(folder, "support/triage.test.yaml", "repeat: 5", "repeat: often")
    assert run(["prompts", "diff", "prompts@main"]) == 0
    printed = capsys.readouterr()
    assert "prompts/new.prompt:1:5: there is no partial 'nothing'" in printed.err
    assert "triage.test.yaml:2:" in printed.err
    assert "test case" not in printed.out


def test_cases_elsewhere_are_examples_too(folder: Path, capsys: pytest.CaptureFixture[str]):
    tests = folder / "prompts" / "support" / "triage.test.yaml"
    tests.rename(folder / "prompts" / "all.test.yaml")
    (folder / "prompts" / "all.test.yaml").write_text("prompt: support/triage\n" + TESTS)
    change(folder, "support/triage.prompt", "model: chat", "model: chat\nheadgate.tests: ../all.test.yaml")
    assert run(["prompts", "diff", "prompts@main"]) == 0
    assert "2 of 2 test cases rendered as before" in capsys.readouterr().out


def test_markdown_cannot_be_broken_out_of(folder: Path, capsys: pytest.CaptureFixture[str]):
    change(folder, "_rules.prompt", "Be kind.", "Be kind.\n```\n</details>\n")
    assert run(["prompts", "diff", "prompts@main", "--markdown", "--examples", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("<!-- headgate prompts diff -->\n### Prompts: 1 changed, 1 unchanged\n")
    assert printed.count("\n````diff\n") == printed.count("\n````\n") == 2
    assert "0 of 2 test cases are rendered as before. 1 more are rendered otherwise." in printed


def test_markdown_is_no_longer_than_a_comment_may_be(folder: Path, capsys: pytest.CaptureFixture[str]):
    change(folder, "other.prompt", "Say hello.", "Say this.\n" * 9_000)
    assert run(["prompts", "diff", "prompts@main", "--markdown"]) == 0
    printed = capsys.readouterr().out
    assert len(printed) < 65_536 and "Too long for a comment: 1 of " in printed


def test_a_variant_is_held_against_the_prompt_and_a_registered_one_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (folder / "prompts" / "other.loud.prompt").write_text(OTHER.replace("hello", "HELLO"))
    assert run(["prompts", "diff", "other", "other.loud"]) == 0
    assert "other -> other.loud changed" in capsys.readouterr().out

    asked: list[str] = []

    def registered(reference: str):
        asked.append(reference)
        return load_sources({"other.prompt": OTHER.replace("hello", "good-bye")}).get("other")

    monkeypatch.setattr(revisions, "registered", registered)
    assert run(["prompts", "diff", "other@production"]) == 0
    assert asked == ["other@production"]
    assert "-Say good-bye." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (["prompts"], 2, "is to be held against itself"),
        (["prompts@main", "other"], 2, "cannot be held against a folder"),
        (["prompts@main", "--json", "--markdown"], 2, "two ways to print"),
        (["prompts@nothing"], 3, "git knows no commit nothing"),
        (["prompts@--output=x"], 2, "is no revision of gits"),
        (["nobody", "other"], 3, "there is no prompt nobody"),
        (["prompts/nobody.prompt@main"], 3, "there is no prompt nobody"),
        (["prompts@main", "--run", "headgate.yaml"], 3, "is no run"),
        (["prompts@main", "--config", "nowhere.yaml"], 3, "there is no file"),
    ],
)
def test_what_cannot_be_held_against_anything_is_refused(
    given: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["prompts", "diff", *given]) == code
    assert told in capsys.readouterr().err.replace("'", "")


def test_without_its_keys_a_configuration_is_done_without(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "headgate.yaml").write_text(CONFIG.replace("script: answers.yaml", 'api_key: "${NOT_THERE}"'))
    assert run(["prompts", "diff", "prompts@main"]) == 0
    assert "headgate.yaml, which cannot be used" in capsys.readouterr().err
