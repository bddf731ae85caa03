"""Which test files paths come to: named ones, those in folders, those of prompts beside them and by front matter."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.evals.problems import BadTests
from headgate.evals.selection import Selection
from headgate.evals.session import load

PROMPT = "---\nmodel: chat\n{}---\nHello\n"
CASE = "tests: [{assert: [contains: x]}]\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for place, text in {
        "prompts/support/triage.prompt": PROMPT.format("headgate.tests: ../../tests/shared.test.yaml\n"),
        "prompts/support/triage.brief.prompt": PROMPT.format(""),
        "prompts/support/triage.test.yaml": CASE,
        "prompts/reply.prompt": PROMPT.format('"headgate.tests": [../tests/shared.test.yaml, ../tests/own.test.yml]\n'),
        "prompts/_rules.prompt": "Rules.",
        "prompts/alone.prompt": PROMPT.format(""),
        "tests/shared.test.yaml": CASE,
        "tests/own.test.yml": "prompt: alone\n" + CASE,
    }.items():
        write(place, text)
    return tmp_path


def write(place: str, text: str) -> None:
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).write_text(text)


def cells(*paths: str, library: str | None = None) -> dict[str, list[str]]:
    """What is tested, by suite."""
    loaded = load([Path(each) for each in paths], None if library is None else Path(library))
    return {suite.name: [cell.name for cell in suite.cells] for suite in loaded.suites}


def wrong(*paths: str) -> str:
    with pytest.raises(BadTests) as raised:
        load([Path(each) for each in paths])
    return str(raised.value)


def test_a_folder_has_the_tests_in_it_and_those_its_prompts_name() -> None:
    assert cells("prompts") == {
        "support/triage": ["support/triage"],
        "shared": ["reply", "support/triage"],
        "own": ["alone"],
    }
    assert cells("prompts/support") == {"support/triage": ["support/triage"], "shared": ["support/triage"]}


def test_a_prompt_has_its_own_and_those_it_names() -> None:
    assert cells("prompts/support/triage.prompt") == {
        "support/triage": ["support/triage"],
        "shared": ["support/triage"],
    }
    assert cells("prompts/reply.prompt") == {"shared": ["reply"], "own": ["alone"]}
    assert "triage.brief.prompt:1:1: no test is of it; write triage.brief.test.yaml" in wrong(
        "prompts/support/triage.brief.prompt"
    )
    write("prompts/support/triage.test.yaml", f"variants: [default, brief]\n{CASE}")
    assert cells("prompts/support/triage.brief.prompt") == {
        "support/triage": ["support/triage", "support/triage.brief"]
    }


def test_a_variant_has_tests_of_its_own() -> None:
    write("prompts/support/triage.brief.test.yaml", CASE)
    assert cells("prompts/support/triage.brief.prompt") == {"support/triage.brief": ["support/triage.brief"]}


def test_a_test_file_may_be_named_by_whoever_it_is_of() -> None:
    assert cells("tests", library="prompts") == {"own": ["alone"], "shared": ["reply", "support/triage"]}
    assert "shared.test.yaml:1:1: names nothing to test" in wrong("tests/shared.test.yaml")


def test_the_same_file_counts_once() -> None:
    paths = ["prompts/support/triage.prompt", "prompts/support/triage.test.yaml", "prompts/support/../support"]
    selected = Selection([Path(each) for each in paths])
    assert [each.file.name for each in selected.tests] == ["triage.test.yaml", "shared.test.yaml"]
    assert not selected.problems


def test_files_may_be_named_by_a_pattern() -> None:
    selected = Selection([Path("**/*.yaml"), Path("prompts/**/triage.prompt"), Path("tests/*.test.y*ml")])
    assert [each.file.name for each in selected.tests] == ["triage.test.yaml", "shared.test.yaml", "own.test.yml"]
    assert not selected.problems
    assert "*.json:1:1: is not there; name test files" in wrong("*.json")


def test_what_there_is_no_test_of() -> None:
    Path("empty").mkdir()
    told = wrong(
        "prompts/alone.prompt", "prompts/_rules.prompt", "headgate.yaml", "empty", "tests/../prompts/nothing.prompt"
    )
    assert "prompts/alone.prompt:1:1: has no tests; write alone.test.yaml beside it" in told
    assert "prompts/_rules.prompt:1:1: is a partial" in told
    assert "headgate.yaml:1:1: is not there" in told
    assert "empty:1:1: there is no test file in it" in told
    assert "nothing.prompt:1:1: is not there" in told
    write("notes.txt", "")
    assert "notes.txt:1:1: is no test file; its name ends in .test.yaml" in wrong("notes.txt")


def test_front_matter_that_names_no_test_is_told_on_its_line() -> None:
    write("prompts/alone.prompt", PROMPT.format("headgate.tests: [gone.test.yaml, ../notes.yaml]\n"))
    write("notes.yaml", CASE)
    told = wrong("prompts")
    assert "prompts/alone.prompt:3:1: headgate.tests names a file that is not there: prompts/gone.test.yaml" in told
    assert "prompts/alone.prompt:3:1: headgate.tests names notes.yaml; the name of a test file ends in" in told


def test_mistakes_in_prompts_count_unless_others_are_tested() -> None:
    write("prompts/reply.prompt", "---\nmodel: [\n---\n")
    assert "prompts/reply.prompt:" in wrong("prompts/support")
    assert load([Path("prompts/support")], elsewhere=True).prompts == ["support/triage"]
