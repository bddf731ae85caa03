"""examples/support: what its README tells happens, and every command of its workflow runs and stops what it should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from documented import ROOT, blocks

EXAMPLE = ROOT / "examples" / "support"
WORKFLOWS = EXAMPLE / ".github" / "workflows"
WORDS = re.compile(r"[A-Za-z][\w./-]+")
COMMAND_S = 120


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "support"))


def environ(folder: Path, **more: str) -> dict[str, str]:
    """What a command has: this version of headgate, and programs of others that only note what they are asked."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("gh", "python"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> "{folder.parent}/asked"\n')
        (programs / name).chmod(0o755)
    kept = {name: each for name, each in os.environ.items() if not name.startswith(("HEADGATE_", "GITHUB_", "GIT_"))}
    return {
        **kept,
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        **more,
    }


def ran(command: str, folder: Path, env: dict[str, str], code: int = 0) -> str:
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command], cwd=folder, env=env, timeout=COMMAND_S,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{command}\nended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def test_the_readme_can_be_followed(example: Path):
    env, shown, regressions = environ(example), "", 0
    for block in blocks(example / "README.md"):
        if block.note == "shows":
            assert not (missing := {*WORDS.findall(block.text)} - {*WORDS.findall(shown)}), (missing, shown)
        else:
            shown = ran(block.text, example, env, int(block.note.removeprefix("exits ") or 0))
            regressions += "REGRESSION" in shown
    assert regressions == 1  # the harm is told; the other words are let pass


# ── the workflow ──


def workflow(name: str = "prompts.yml") -> dict[str, Any]:
    return yaml.safe_load((WORKFLOWS / name).read_text())


def steps(name: str = "prompts.yml") -> list[dict[str, Any]]:
    (job,) = workflow(name)["jobs"].values()
    return job["steps"]


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("prompts.yml", {"contents": "read", "pull-requests": "write"}),
        ("prompts-due.yml", {"contents": "read"}),
    ],
)
def test_workflows_hold_no_secret_pin_their_actions_and_may_do_little(name: str, may: dict[str, str]):
    assert "secrets" not in (WORKFLOWS / name).read_text()
    assert workflow(name)["permissions"] == {}
    (job,) = workflow(name)["jobs"].values()
    assert job["permissions"] == may
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    for step in steps(name):
        assert "${{" not in step.get("run", ""), "what others write must not become a command"
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
            assert step["uses"] in release


def test_where_nothing_is_there_to_compare_with_all_tests_have_to_pass(example: Path):
    (example / "base").mkdir()
    output = example.parent / "output"
    env = environ(example, RUNNER_TEMP=str(example), GITHUB_OUTPUT=str(output), BASE="HEAD^1")
    (example.parent / "programs" / "git").write_text("#!/bin/sh\n")
    (example.parent / "programs" / "git").chmod(0o755)
    (command,) = (step["run"] for step in steps() if step.get("id") == "tests")
    assert "::warning::the tests of what is there cannot be run" in ran(command, example, env)
    assert output.read_text() == "code=0\n"


def test_each_week_prompts_that_are_due_are_told_and_tests_are_asked_anew(example: Path):
    env = environ(example)
    due, tests = (step["run"] for step in steps("prompts-due.yml") if step.get("name") not in (None, "Headgate"))
    file = example / "prompts" / "support" / "triage.prompt"
    file.write_text(file.read_text().replace("2099-06-30", "2026-01-31").replace("headgate.owner: support-tools\n", ""))
    told = ran(due, example, env, 1)
    assert "[review-due]" in told and "[no-owner]" in told
    ran(tests, example, env)


def gate(folder: Path, env: dict[str, str], code: int, **given: str) -> str:
    """What the last step says, which ends with that code."""
    last = steps()[-1]
    assert set(last["env"]) == set(given)
    return ran(last["run"], folder, {**env, **given}, code)


@pytest.mark.parametrize(
    ("lint", "tests", "diff", "agreed", "code"),
    [
        ("0", "0", "0", "false", 0),
        ("1", "0", "0", "false", 1),
        ("0", "1", "0", "true", 1),
        ("0", "3", "0", "true", 1),
        ("0", "0", "1", "false", 1),
        ("0", "0", "1", "true", 0),
        ("0", "0", "3", "true", 1),
    ],
)
def test_the_gate_lets_nothing_pass_but_what_is_agreed(
    tmp_path: Path, lint: str, tests: str, diff: str, agreed: str, code: int
):
    gate(tmp_path, dict(os.environ), code, LINT=lint, TESTS=tests, DIFF=diff, AGREED=agreed)


BREAKING = (
    "sed -i 's/    text: string/    text: string\\n    tone: string/; s/{{text}}/{{tone}} {{text}}/' "
    "prompts/support/translate.prompt; "
    "sed -i 's/inputs: {text/inputs: {tone: kind, text/' prompts/support/translate.test.yaml"
)


def test_the_workflow_tells_of_a_regression_and_of_what_breaks_callers_and_stops_both(example: Path):
    temporary, output, summary = (example.parent / name for name in ("temporary", "output", "summary"))
    temporary.mkdir()
    env = environ(
        example, RUNNER_TEMP=str(temporary), GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_ACTIONS="true", GH_TOKEN="a token", GH_REPO="acme/prompts", NUMBER="7",
        **{f"GIT_{who}_{what}": "you@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        **workflow()["jobs"]["review"]["env"],
    )  # fmt: skip
    change = f"git apply changes/shorter-rules.diff; {BREAKING}"
    ran(f"git init -q -b main; git add .; git commit -qm base; git switch -qc change; {change}", example, env)
    ran("git commit -qam change; git switch -q main; git merge -q --no-ff change -m merge", example, env)
    said, codes = "", dict[str, str]()
    for step in (each for each in steps()[:-1] if "run" in each):
        output.write_text("")
        said += ran(step["run"], example, env)
        if "id" in step:
            codes[step["id"]] = output.read_text().strip().removeprefix("code=")
    assert codes == {"lint": "0", "tests": "1", "diff": "1"}
    told = gate(example, env, 1, LINT="0", TESTS="1", DIFF="1", AGREED="false")
    assert "::error::tests came out worse than before" in told
    assert "::error::callers would break" in told

    assert re.search(r"::error file=prompts/support/reply.prompt,line=\d+", said)  # on the prompt's own line
    comment = (example / "reports" / "comment.md").read_text()
    assert "| `support/reply`: cases passed | 6 of 6 | 1 of 6 | **worse** |" in comment
    assert "- `input tone is required now`" in comment
    assert summary.read_text() == comment
    asked = (example.parent / "asked").read_text()
    assert "python -m pip install headgate\n" in asked
    assert "gh pr comment 7 --edit-last --create-if-none --body-file reports/comment.md" in asked
