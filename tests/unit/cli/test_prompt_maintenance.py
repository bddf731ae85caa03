"""`headgate prompts export` and `headgate eval post`, in a process of their own where nobody serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.app import run
from headgate.cli.exits import CannotRun
from headgate.cli.exporting import _file
from headgate.evals.runs import End, Header, Result, RunFile
from headgate.prompts.dotprompt import load_folder
from upstream import unused_port

CONFIG = """
server: {{port: {port}}}
storage: {{database: "sqlite:///records.db"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
"""

Said = Callable[..., Any]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG.format(port=unused_port()))
    return tmp_path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command that has to end so, and give what it printed as JSON."""

    def said(*arguments: str, code: int = 0) -> Any:
        ended = run([*arguments, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, out + err
        return json.loads(out) if out else err

    return said


def write(folder: str, text: str, tone: str = "Politely.") -> None:
    place = Path(folder, "support")
    place.mkdir(parents=True, exist_ok=True)
    (place / "triage.prompt").write_text(f"---\nheadgate.owner: support\n---\n{text} {{{{> tone}}}}")
    (place / "_tone.prompt").write_text(tone)
    (place / "triage.test.yaml").write_text("cases: []")


def test_a_folder_is_what_is_released(said: Said):
    write("prompts", "Müde.")
    said("prompts", "publish", "--label", "production")
    assert said("prompts", "list", "--registered")[0]["owner"] == "support"
    rows = said("prompts", "export", "released")
    assert {row["is"] for row in rows} == {"written"}
    assert load_folder("released").get("support/triage").version == load_folder("prompts").get("support/triage").version
    assert said("prompts", "export", "released", "--check") == []
    assert said("prompts", "export", "prompts", "--check") == []  # tests beside it are nobody's business

    write("released", "Mine.")
    Path("released/extra.prompt").write_text("Hi")
    differ = [{"file": "support/triage.prompt", "is": "changed"}, {"file": "extra.prompt", "is": "not released"}]
    assert said("prompts", "export", "released", "--check", code=1) == differ
    said("prompts", "export", "released", code=1)
    assert "Mine." in Path("released/support/triage.prompt").read_text()
    said("prompts", "export", "released", "--force")
    assert "Müde." in Path("released/support/triage.prompt").read_text()
    assert Path("released/extra.prompt").exists()
    said("prompts", "export", "released", "--prune")
    assert not Path("released/extra.prompt").exists()
    assert Path("released/support/triage.test.yaml").exists()


def test_what_no_one_folder_can_be_is_refused_by_name(said: Said):
    write("prompts", "One.")
    Path("prompts/other.prompt").write_text("Other {{> support/tone}}")
    said("prompts", "publish", "--label", "production")
    write("prompts", "One.", tone="Curtly.")
    said("prompts", "publish", "support/triage", "--label", "production")
    told = said("prompts", "export", "released", code=3)
    assert "other was published with another support/_tone.prompt than support/triage" in told
    assert said("prompts", "export", "released", "other")
    assert "there" not in said("prompts", "export", "released", "nothing", code=3)


@pytest.mark.parametrize(
    "place",
    ["../x.prompt", "/etc/x.prompt", "a/../../x.prompt", "a//x.prompt", ".git/x.prompt", "x.sh", "c:/x", "a\\..\\x"],
)
def test_nothing_is_written_elsewhere(place: str, tmp_path: Path):
    with pytest.raises(CannotRun):
        _file(tmp_path / "released", place)


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path):
    (tmp_path / "released").mkdir()
    (tmp_path / "released" / "support").symlink_to(tmp_path)
    with pytest.raises(CannotRun):
        _file(tmp_path / "released", "support/triage.prompt")


def ran(file: str, passes: Sequence[int], version: str = "", cell: str = "chat") -> None:
    """A run of 40 cases, of whose three answers so many pass."""
    made = RunFile(Path(file))
    made.begin(Header(id=file, began_us=1_764_000_000_000_000, headgate="1", files=[], planned=120))
    for number in range(40):
        for repeat in range(3):
            result = Result(
                suite="triage", cell=cell, case=f"case {number}", repeat=repeat, of=3, needed=2, key="k", subject="s",
                passed=repeat < passes[number % len(passes)], version=version, file="t.yaml", model="gpt-4o-mini",
                text="\x1b[31m said",
            )  # fmt: skip
            made.add(result)
    made.add(End(ended_us=1))
    made.close()


def test_a_run_is_held_against_the_first_of_its_version(said: Said):
    write("prompts", "One.")
    version = said("prompts", "publish")[0]["version"]
    ran("a.jsonl", (3, 3, 3, 2), version, "support/triage")
    ran("b.jsonl", (3, 3, 2, 3), version, "support/triage")
    ran("c.jsonl", (3, 1, 1, 2), version, "support/triage")
    assert [row["verdict"] for row in said("eval", "post", "a.jsonl")] == ["baseline"]
    (same,) = said("eval", "post", "b.jsonl")
    assert (same["verdict"], same["prompt"], same["version"]) == ("no_difference", "support/triage", version)
    assert same["answered_by"] == ["gpt-4o-mini"]
    (worse,) = said("eval", "post", "c.jsonl", code=1)
    assert worse["verdict"] == "regression"
    assert worse["difference"] == pytest.approx(-1 / 3, abs=0.01)
    assert (worse["cases"], worse["passed"], worse["failed"], worse["undecided"]) == (40, 20, 20, 0)
    assert said("eval", "post", "c.jsonl", code=1) == [worse]
    assert said("eval", "post", "c.jsonl", "--baseline")[0]["verdict"] == "baseline"
    ran("e.jsonl", (3, 1, 1, 2), version, "support/triage")
    assert said("eval", "post", "e.jsonl")[0]["verdict"] == "no_difference"


def test_a_golden_set_of_a_model_is_held_against_its_own(said: Said):
    ran("a.jsonl", (3,))
    ran("b.jsonl", (0,))
    assert said("eval", "post", "a.jsonl")[0]["model"] == "chat"
    (worse,) = said("eval", "post", "b.jsonl", code=1)
    assert (worse["verdict"], worse["prompt"], worse["version"]) == ("regression", None, None)
    ran("c.jsonl", (3,), "0" * 64, "support/none")
    assert "publish it first" in said("eval", "post", "c.jsonl", code=3)


def test_a_suite_is_published_listed_and_withdrawn(said: Said, capsys: pytest.CaptureFixture[str]):
    write("prompts", "One.")
    tests = Path("prompts/support/triage.test.yaml")
    tests.write_text("assert: [not-is-refusal]\ndataset: cases.jsonl\n")
    Path("prompts/support/cases.jsonl").write_text("{}\n")
    (row,) = said("eval", "publish", "prompts")
    assert (row["name"], row["cases"], row["created"]) == ("support/triage", 1, True)
    assert row["tests"] == [{"prompt": "support/triage", "model": None}]
    assert said("eval", "publish", "prompts")[0]["changed"] is False
    (listed,) = said("eval", "suites")
    assert (listed["name"], listed["newest"], listed["failures"]) == ("support/triage", [], [])
    assert run(["eval", "suites"]) == 0
    assert "support/triage\tsupport/triage\t\t\t\tnot tested yet" in capsys.readouterr().out

    version = said("prompts", "publish")[0]["version"]
    ran("a.jsonl", (3, 3, 3, 2), version, "support/triage")
    ran("b.jsonl", (0,), version, "support/triage")
    said("eval", "post", "a.jsonl")
    (worse,) = said("eval", "post", "b.jsonl", code=1)
    assert said("eval", "accept", worse["id"])["verdict"] == "baseline"
    assert said("eval", "accept", "test_none", code=1)

    assert said("eval", "withdraw", "support/triage")["name"] == "support/triage"
    assert said("eval", "suites") == []
    assert said("eval", "withdraw", "support/triage", code=1)

    tests.write_text("assert: [{python: 'os:system'}]\ntests: [{}]\n")
    assert "triage.test.yaml:1:10: runs a function" in said("eval", "publish", "prompts", code=3)
