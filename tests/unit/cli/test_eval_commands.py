"""`headgate eval` on the simulator."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from headgate.cli.app import run

CONFIG = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
PROMPT = """\
---
model: chat
input: {schema: {question: string}}
---
{{role "system"}}Answer briefly.
{{role "user"}}{{question}}
"""
CASES = "".join(f"  - {{id: q{at}, inputs: {{question: Where is place {at}?}}}}\n" for at in range(8))
TESTS = f"""\
repeat: 2
assert: [contains: simulated]
tests:
{CASES}"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prompt with tests that pass."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG)
    (tmp_path / "prompts" / "support").mkdir(parents=True)
    (tmp_path / "prompts" / "support" / "triage.prompt").write_text(PROMPT)
    write_tests(TESTS)
    return tmp_path


def write_tests(text: str) -> None:
    Path("prompts/support/triage.test.yaml").write_text(text)


def test_a_run_is_shown_kept_and_reported(capsys: Capture) -> None:
    assert run(["eval", "run"]) == 0
    shown, told = capsys.readouterr()
    assert shown.split("\t")[:6] == ["support/triage", "support/triage", "8", "8", "0", "0"]
    assert "The run is in .headgate/evals/" in told
    assert Path(".headgate/.gitignore").read_text() == "*\n"
    assert run(["eval", "report", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    cell = document["cells"][0]
    assert (document["ended"], cell["answers"], cell["pass_rate"]["high"]) == ("complete", 16, 1.0)
    assert 0.6 < cell["pass_rate"]["low"] < 0.8
    assert len(cell["prompt_versions"][0]) == 64
    assert float(document["spent_usd"]) > 0


def test_failures_exit_with_1_and_are_told_on_the_prompts_own_line(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tests(TESTS.replace("{id: q3,", '{id: q3, assert: [{contains: "a%b"}],'))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run(["eval", "run", "prompts", "--junit", "out.xml", "--html", "out.html"]) == 1
    shown, told = capsys.readouterr()
    assert shown.startswith(
        "::error file=prompts/support/triage.prompt,line=5,title=cases that failed%3A 1::support/triage: q3"
    )
    assert "a%25b" in shown.splitlines()[0]
    assert (
        "prompts/support/triage.test.yaml:7: q3 (support/triage) fail, 0 of 2 passed: contains: 'a%b' is not in it"
        in told
    )
    suite = ET.parse("out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("8", "1", "0")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["q3"]
    assert "q3" in Path("out.html").read_text()


def test_a_regression_fails_and_noise_does_not(capsys: Capture) -> None:
    assert run(["eval", "run", "-o", "base.jsonl"]) == 0
    prompt = Path("prompts/support/triage.prompt")
    prompt.write_text(PROMPT.replace("briefly", "shortly"))
    assert run(["eval", "run", "-o", "reworded.jsonl", "--baseline", "base.jsonl"]) == 0
    prompt.write_text(PROMPT.replace("model: chat", "model: chat\nconfig: {maxOutputTokens: 3}"))
    assert run(["eval", "run", "-o", "broken.jsonl"]) == 1
    capsys.readouterr()
    assert run(["eval", "compare", "base.jsonl", "reworded.jsonl"]) == 0
    assert "no difference beyond noise" in capsys.readouterr().out
    assert run(["eval", "compare", "base.jsonl", "broken.jsonl", "--json", "--annotate"]) == 1
    shown, told = capsys.readouterr()
    found = json.loads(shown)
    assert (found["regressed"], found["cells"][0]["verdict"], found["cells"][0]["cases_worse"]) == (
        True,
        "regression",
        8,
    )
    assert told.startswith("::error file=prompts/support/triage.prompt,line=6,title=Regression::support/triage")
    assert run(["eval", "compare", "base.jsonl", "broken.jsonl", "--tolerate", "0.99999"]) == 1


def test_a_version_is_held_against_the_released_one_in_one_go(capsys: Capture) -> None:
    shutil.copytree("prompts", "released")
    assert run(["eval", "run", "prompts", "--against", "released", "-o", "same.jsonl"]) == 0
    assert "no difference beyond noise" in capsys.readouterr().out
    prompt = Path("prompts/support/triage.prompt")
    prompt.write_text(PROMPT.replace("model: chat", "model: chat\nconfig: {maxOutputTokens: 3}"))
    Path("prompts/support/new.prompt").write_text(PROMPT)
    Path("prompts/support/new.test.yaml").write_text(TESTS)
    assert run(["eval", "run", "prompts", "--against", "released", "-o", "worse.jsonl", "--json"]) == 1
    cells = json.loads(capsys.readouterr().out)["comparison"]["cells"]
    assert [(each["suite"], each["verdict"], each["pairs"]) for each in cells] == [
        ("support/triage", "regression", 8), ("support/new", "not_comparable", 0),
    ]  # fmt: skip
    assert Path("worse.base.jsonl").exists()
    assert run(["eval", "run", "--against", "released", "--baseline", "same.jsonl"]) == 2


def test_a_share_may_be_expected_in_place_of_every_case() -> None:
    write_tests(TESTS.replace("{id: q3,", "{id: q3, assert: [{contains: never}],"))
    assert run(["eval", "run", "--expect", "0.9"]) == 0
    write_tests(TESTS.replace("contains: simulated", "contains: never"))
    assert run(["eval", "run", "--expect", "0.9"]) == 1


def test_a_run_goes_on_and_another_file_is_not_overwritten(capsys: Capture) -> None:
    assert run(["eval", "run", "--no-cache", "-o", "run.jsonl"]) == 0
    whole = Path("run.jsonl").read_bytes()
    Path("run.jsonl").write_bytes(whole[: len(whole) // 2])
    assert run(["eval", "run", "--no-cache", "--resume", "run.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))["cells"][0]["answers"] == 16
    assert run(["eval", "run", "-o", "run.jsonl"]) == 3
    assert "go on with it by --resume" in capsys.readouterr().err
    assert run(["eval", "run", "-o", "a", "--resume", "run.jsonl"]) == 2


def test_what_is_wrong_with_tests_is_told_whole_before_anything_is_asked(capsys: Capture) -> None:
    write_tests("variants: [long]\nasert: []\ntests:\n  - inputs: {question: x}\n")
    assert run(["eval", "run"]) == 3
    told = capsys.readouterr().err
    assert "triage.test.yaml:2:1: asert: is not known here; did you mean 'assert'?" in told
    assert "triage.test.yaml:4:5: tests[0]: has no assertion" in told
    write_tests(TESTS.replace("{question: Where is place 3?}", "{question: 3}").replace("repeat: 2", "model: nope"))
    assert run(["eval", "run"]) == 3
    told = capsys.readouterr().err
    assert "triage.test.yaml:7:5: the input 'question'" in told
    assert "triage.test.yaml:1:1: there is no model 'nope'" in told


def test_what_makes_no_sense(capsys: Capture) -> None:
    assert run(["eval", "run", "--budget", "much"]) == 2
    assert run(["eval", "run", "--precision", "2"]) == 2
    assert run(["eval", "run", "nowhere"]) == 3
    assert run(["eval", "run", "--resume", "nowhere.jsonl"]) == 3
    assert run(["eval", "compare", "a.jsonl", "b.jsonl"]) == 3
    assert run(["eval", "report"]) == 3
    assert run(["eval", "judge"]) == 3
    assert "no judge of these tests has labels" in capsys.readouterr().err


def test_a_judge_that_agrees_with_nobody_is_refused(capsys: Capture) -> None:
    rows = [{"answer": f"answer {at}", "rubric": "Is it kind?", "pass": at % 2 == 0} for at in range(24)]
    Path("prompts/support/labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_tests(f"judge: {{model: chat, labels: labels.jsonl, kappa: 0.6}}\n{TESTS}")
    assert run(["eval", "run"]) == 3
    assert "the judge judge (chat): no verdict on anything" in capsys.readouterr().err
    assert run(["eval", "judge", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["without_verdict"] == 24


def test_a_budget_that_has_no_room(capsys: Capture) -> None:
    assert run(["eval", "run", "--budget", "0.000001"]) == 3
    assert "The budget has no room for more: " in capsys.readouterr().err


def test_tests_of_promptfoo_become_a_test_file(capsys: Capture) -> None:
    Path("promptfooconfig.yaml").write_text(
        "prompts: [hi]\ntests: [{assert: [{type: contains, value: hi}]}]\nenv: {}\n"
    )
    assert run(["eval", "import", "promptfooconfig.yaml", "-o", "moved/x.test.yaml"]) == 0
    assert capsys.readouterr().out.splitlines() == ["moved/x.test.yaml", "promptfooconfig.yaml:3: 'env' was left out"]
    assert run(["eval", "run", "moved", "-m", "chat"]) == 3
    assert run(["eval", "import", "promptfooconfig.yaml", "-o", "moved/x.test.yaml"]) == 3
