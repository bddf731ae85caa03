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
from headgate import __version__
from headgate.evals.reviewing.markdown import MARK

EXAMPLE = ROOT / "examples" / "support"
WORKFLOWS = EXAMPLE / ".github" / "workflows"
WORDS = re.compile(r"[A-Za-z][\w./-]+")
COMMAND_S = 120
PERSON = {f"GIT_{who}_{what}": "you@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "support"))


def environ(folder: Path, **more: str) -> dict[str, str]:
    """What a command has: this version of headgate, and programs of others that only note what they are asked."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("gh", "python"):
        said = f'#!/bin/sh\necho {name} "$@" >> "{folder.parent}/asked"\n'
        (programs / name).write_text(f'{said}case "$*" in *--paginate*) echo "$COMMENTS";; esac\n')
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
    """Those of a workflow's last job."""
    return list(workflow(name)["jobs"].values())[-1]["steps"]


def step(key: str, value: str) -> dict[str, Any]:
    (found,) = (each for job in workflow()["jobs"].values() for each in job["steps"] if each.get(key) == value)
    return found


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
    *others, job = workflow(name)["jobs"].values()
    assert job["permissions"] == may
    assert all(each["permissions"] == {"contents": "read"} for each in others)
    release = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    for each in (each for one in (*others, job) for each in one["steps"]):
        assert "${{" not in each.get("run", ""), "what others write must not become a command"
        if "uses" in each:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each["uses"])
            assert each["uses"] in release
        if "pip install" in each.get("run", ""):
            assert each["run"].endswith(f"headgate=={__version__}"), "a new version of headgate goes into the workflows"


@pytest.mark.parametrize(("path", "told"), [("prompts/support/reply.prompt", "1"), ("README.md", "0")])
def test_a_pull_request_that_touches_no_prompt_passes(example: Path, path: str, told: str):
    assert (
        "paths" not in workflow()[True]["pull_request"]
    )  # a required job would wait for ever; YAML 1.1 reads 'on' as true
    output = example.parent / "output"
    env = environ(example, GITHUB_OUTPUT=str(output), BASE="HEAD^1", **PERSON)
    ran(f"git init -q; git add .; git commit -qm a; echo >> {path}; git commit -qam b", example, env)
    ran(step("id", "touched")["run"], example, env)
    assert output.read_text() == f"prompts={told}\n"
    ran(step("id", "touched")["run"], example, {**env, "BASE": "gone"}, 128)


def test_a_comment_is_brought_up_to_date(example: Path):
    (example / "reports").mkdir()
    env = environ(example, GH_REPO="acme/prompts", NUMBER="7", MARK="m", COMMENTS="11\n12")
    ran(step("name", "Comment")["run"], example, env)
    first, second = (example.parent / "asked").read_text().splitlines()
    assert first.startswith("gh api --paginate repos/acme/prompts/issues/7/comments --jq .[] | select(.user.login ==")
    assert second == "gh api --silent --method PATCH repos/acme/prompts/issues/comments/11 -F body=@reports/comment.md"


def test_a_difference_that_cannot_be_told_is_told_as_such(example: Path):
    (example / "reports").mkdir()
    output, summary = (example.parent / name for name in ("output", "summary"))
    env = environ(example, GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary), **workflow()["env"])
    ran(step("id", "diff")["run"], example, {**env, "BASE": "gone"})
    assert output.read_text() == "code=3\n"
    assert summary.read_text().startswith(f"{MARK}\nThe difference cannot be told")


def test_where_nothing_is_there_to_compare_with_all_tests_have_to_pass(example: Path):
    (example / "base").mkdir()
    output = example.parent / "output"
    env = environ(example, RUNNER_TEMP=str(example), GITHUB_OUTPUT=str(output), BASE="HEAD^1")
    (example.parent / "programs" / "git").write_text("#!/bin/sh\n")
    (example.parent / "programs" / "git").chmod(0o755)
    assert "::warning::the tests of what is there cannot be run" in ran(step("id", "tests")["run"], example, env)
    assert output.read_text() == "code=0\n"


def test_each_week_prompts_that_are_due_are_told_and_tests_are_asked_anew(example: Path):
    env = environ(example)
    due, tests = (each["run"] for each in steps("prompts-due.yml") if each.get("name") not in (None, "Headgate"))
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
        COMMENTS="", **PERSON, **workflow()["env"],
    )  # fmt: skip
    change = f"git apply changes/shorter-rules.diff; {BREAKING}"
    ran(f"git init -q -b main; git add .; git commit -qm base; git switch -qc change; {change}", example, env)
    ran("git commit -qam change; git switch -q main; git merge -q --no-ff change -m merge", example, env)
    said, codes = "", dict[str, str]()
    for each in (each for each in steps()[:-1] if "run" in each):
        output.write_text("")
        said += ran(each["run"], example, env)
        if "id" in each:
            codes[each["id"]] = output.read_text().strip().removeprefix("code=")
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
    assert f"python -m pip install headgate=={__version__}\n" in asked
    assert comment.startswith(f"{MARK}\n")
    assert "gh pr comment 7 --body-file reports/comment.md\n" in asked
