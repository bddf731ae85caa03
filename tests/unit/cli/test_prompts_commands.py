"""`headgate prompts`: what it takes, what it prints, how it ends."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from headgate.cli.app import run

TRIAGE = """---
model: chat
config: {temperature: 0}
input: {schema: {question: string}, default: {question: "?"}}
output: {format: json, schema: {label: string}}
headgate.owner: ann
---
{{role "system"}}{{> tone}}{{@state.day}}
{{history}}
{{role "user"}}{{question}}{{media url="http://x/y.png" contentType="image/png"}}"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts" / "support").mkdir(parents=True)
    (tmp_path / "prompts" / "_tone.prompt").write_text("Be kind. ")
    (tmp_path / "prompts" / "support" / "triage.prompt").write_text(TRIAGE)
    (tmp_path / "prompts" / "support" / "triage.test.yaml").write_text("cases: []")
    (tmp_path / "in.json").write_text('{"question": "Why?"}')
    (tmp_path / "in.yaml").write_text("question: Why?")
    (tmp_path / "context.json").write_text('{"state": {"day": "Monday"}}')
    (tmp_path / "said.json").write_text('[{"role": "user", "content": [{"text": "Hi"}]}]')
    return tmp_path


def test_a_prompt_is_rendered_to_json(capsys: pytest.CaptureFixture[str]):
    given = ["--input", "in.json", "--context", "context.json", "--messages", "said.json", "--json"]
    for name in ("support/triage", "prompts/support/triage.prompt"):
        assert run(["prompts", "render", name, *given]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["messages"] == [
            {"role": "system", "content": [{"text": "Be kind. Monday\n"}]},
            {"role": "user", "content": [{"text": "Hi"}], "metadata": {"purpose": "history"}},
            {
                "role": "user",
                "content": [{"text": "Why?"}, {"media": {"url": "http://x/y.png", "contentType": "image/png"}}],
            },
        ]
        assert (found["config"], found["model"]) == ({"temperature": 0}, "chat")
        assert found["input"]["default"] == {"question": "?"}
        assert found["output"]["schema"]["properties"] == {"label": {"type": "string"}}
        assert found["ext"] == {"headgate": {"owner": "ann"}}


def test_a_file_elsewhere_finds_what_is_beside_it(folder: Path, capsys: pytest.CaptureFixture[str]):
    beside = folder / "elsewhere"
    beside.mkdir()
    (beside / "t.prompt").write_text("---\ninput: {schema: {a: A}}\n---\n{{> p}}{{a}}")
    (beside / "_p.prompt").write_text("P")
    (beside / "A.schema.json").write_text('{"type": "string"}')
    (beside / "broken.prompt").write_text("{{")
    (beside / "in.yaml").write_text("a: x")
    assert run(["prompts", "render", str(beside / "t.prompt"), "--input", str(beside / "in.yaml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["messages"] == [{"role": "user", "content": [{"text": "Px"}]}]
    assert run(["prompts", "render", str(beside / "broken.prompt")]) == 1
    assert "broken.prompt:1:3" in capsys.readouterr().err


def test_inputs_come_in_yaml_on_standard_input_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(["prompts", "render", "support/triage", "--input", "in.yaml"]) == 0
    assert "── user ──\nWhy?\n" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO('{"question": "How?"}'))
    assert run(["prompts", "render", "support/triage", "--input", "-"]) == 0
    assert "── user ──\nHow?\n" in capsys.readouterr().out
    assert run(["prompts", "render", "support/triage"]) == 0
    assert "── user ──\n?\n" in capsys.readouterr().out


def test_options_are_laid_over_the_prompts_own(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "options.yaml").write_text("model: other\ninput: {default: {question: D}}")
    assert run(["prompts", "render", "support/triage", "--options", "options.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "other"
    assert found["messages"][-1]["content"][0] == {"text": "D"}


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (["support/triage", "--input", "bad.json"], 1, "the input 'question' is not of type"),
        (["support/triag"], 3, "did you mean 'support/triage'?"),
        (["gone.prompt"], 3, "there is no file gone.prompt"),
        (["support/triage", "--input", "gone.json"], 3, "gone.json"),
        (["support/triage", "--input", "said.json"], 2, "is not a mapping"),
        (["support/triage", "--messages", "in.json"], 2, "is not a list of mappings"),
        (["support/triage", "--messages", "odd.json"], 1, "a message has content"),
        (["support/triage", "--input", "broken.json"], 2, "is not JSON"),
        (["support/triage", "--input", "broken.yaml"], 2, "broken.yaml:1:5: is not YAML"),
        (["support/triage", "--library", "gone"], 3, "there is no folder gone"),
        (["support/triage", "--package", "no_such_package"], 3, "is not installed"),
    ],
)
def test_what_cannot_be_rendered_is_told(
    folder: Path, given: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
):
    (folder / "bad.json").write_text('{"question": 1}')
    (folder / "odd.json").write_text('[{"role": "user"}]')
    (folder / "broken.json").write_text("{")
    (folder / "broken.yaml").write_text("a: {")
    assert run(["prompts", "render", *given]) == code
    assert told in capsys.readouterr().err


def test_prompts_are_listed_and_shown(capsys: pytest.CaptureFixture[str]):
    assert run(["prompts", "list"]) == 0
    name, version, *rest = capsys.readouterr().out.rstrip("\n").split("\t")
    assert (name, rest) == ("support/triage", ["chat", "ann", "question", ""])
    assert run(["prompts", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["version"].startswith(version)
    assert run(["prompts", "show", "support/triage"]) == 0
    shown = capsys.readouterr().out
    assert "── _tone.prompt ──\nBe kind. " in shown
    assert f"version: {listed['version']}" in shown
    assert run(["prompts", "show", "support/triage", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"]["_tone.prompt"] == "Be kind. "


def test_a_list_tells_what_is_broken(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "prompts" / "bad.prompt").write_text("{{> gone}}")
    assert run(["prompts", "list"]) == 1
    told = capsys.readouterr()
    assert "support/triage" in told.out
    assert "prompts/bad.prompt:1:5" in told.err


def test_prompts_are_looked_over(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["prompts", "lint"]) == 0
    assert "1 prompt: nothing to say" in capsys.readouterr().err
    (folder / "prompts" / "greet.prompt").write_text('{{role "system"}}{{name}}')
    assert run(["prompts", "lint", "--json"]) == 1
    said = {each["rule"]: each for each in json.loads(capsys.readouterr().out)}
    assert set(said) == {"input-in-system", "no-model", "no-owner", "no-schema", "no-tests"}
    assert (said["input-in-system"]["file"], said["input-in-system"]["column"]) == ("prompts/greet.prompt", 20)
    assert run(["prompts", "lint", "prompts/support/triage.prompt"]) == 0
    assert run(["prompts", "lint", "support/triage", "--strict"]) == 0
    assert run(["prompts", "lint", "greet"]) == 1
    assert "prompts/greet.prompt:1:20: error:" in capsys.readouterr().out
    assert run(["prompts", "lint", "--only", "no-owner", "--only", "expired"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert run(["prompts", "lint", "--only", "no-owner", "--strict"]) == 1
    assert run(["prompts", "lint", "--only", "expired", "--strict"]) == 0
    assert run(["prompts", "lint", "--only", "no-ower"]) == 2
    assert "did you mean 'no-owner'?" in capsys.readouterr().err
