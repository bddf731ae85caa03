"""`headgate prompts`: what it takes, what it prints, how it ends."""

from __future__ import annotations

import io
import json
import os
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
        (["support/triage", "--input", "broken.json"], 2, "broken.json:1:2: is not JSON"),
        (["support/triage", "--input", "broken.yaml"], 2, "broken.yaml:1:5: is not YAML"),
        (["support/triage", "--input", "twice.json"], 2, "twice.json: 'question' is given a second time"),
        (["support/triage", "--input", "latin.yaml"], 2, "latin.yaml:2: is not UTF-8 text here"),
        (["support/triage", "--input", '{"question": 1}'], 2, "values are given in a file"),
        (["support/triage", "--input", "-", "--docs", "-"], 2, "standard input can be read once"),
        (["support/triage", "--inptu", "in.json"], 2, "did you mean"),
        (["plain"], 1, "Give inputs in a file with --input"),
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
    (folder / "twice.json").write_text('{"question": "a", "question": "b"}')
    (folder / "latin.yaml").write_bytes(b"a: b\nquestion: \xff")
    (folder / "prompts" / "plain.prompt").write_text("---\ninput: {schema: {a: string}}\n---\n{{a}}")
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


def test_inputs_may_begin_with_a_mark_of_their_encoding(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "bom.json").write_text('\ufeff{"question": "Why?"}')
    assert run(["prompts", "render", "triage.prompt", "--library", "prompts/support", "--input", "bom.json"]) == 1
    assert run(["prompts", "render", "support/triage.prompt", "--input", "bom.json"]) == 0
    assert "── user ──\nWhy?" in capsys.readouterr().out


def test_nothing_to_look_at_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path / "none")
    assert run(["prompts", "list"]) == 0
    assert run(["prompts", "lint"]) == 3
    assert run(["prompts", "show", "a"]) == 3
    assert capsys.readouterr().err.count("there are no prompts in this folder") == 3
    assert run(["prompts", "lint", "gone.prompt"]) == 3
    assert "there is no file gone.prompt" in capsys.readouterr().err


def test_links_out_of_a_library_and_pipes_are_not_read(folder: Path, capsys: pytest.CaptureFixture[str]):
    prompts = folder / "prompts"
    (folder / "secret").write_text("password")
    (prompts / "out.prompt").symlink_to(folder / "secret")
    (prompts / "support" / "in.prompt").symlink_to(prompts / "_tone.prompt")
    os.mkfifo(prompts / "pipe.prompt")
    (prompts / "large.prompt").write_bytes(b"a" * (2 << 20))
    assert run(["prompts", "list"]) == 1
    listed = capsys.readouterr()
    assert [line.split("\t")[0] for line in listed.out.splitlines()] == ["support/in", "support/triage"]
    assert listed.err.splitlines() == [
        "prompts/large.prompt:1:1: is larger than 1048576 bytes",
        "prompts/out.prompt:1:1: is a link that leads out of the library; put the file itself there",
        "prompts/pipe.prompt:1:1: is no file",
    ]
    assert run(["prompts", "show", "out"]) == 1
    assert "password" not in capsys.readouterr().out


def test_a_folder_of_a_package_is_a_library(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    package = folder / "acme_of_test"
    (package / "team").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "team" / "hello.prompt").write_text('---\nmodel: chat\n---\n{{role "system"}}Hello {{x}}')
    monkeypatch.syspath_prepend(folder)
    for name, prompt in (("acme_of_test", "team/hello"), ("acme_of_test:team", "hello")):
        assert run(["prompts", "show", prompt, "--package", name]) == 0
        assert run(["prompts", "lint", prompt, "--package", name, "--only", "input-in-system"]) == 1
        assert "acme_of_test/" in capsys.readouterr().out
    assert run(["prompts", "list", "--package", "acme_of_test:gone"]) == 3


def test_a_partial_is_looked_over_by_its_file(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "prompts" / "_tone.prompt").write_text("Be {{kind}}. ")
    assert run(["prompts", "lint", "prompts/_tone.prompt"]) == 1
    assert capsys.readouterr().out.startswith("prompts/_tone.prompt:1:6: error: the schema has no 'kind'")
