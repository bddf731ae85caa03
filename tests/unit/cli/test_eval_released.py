"""`headgate eval run` of what is released, and at a server; and how runs end that are cut short."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.app import run
from headgate.evals.models import GatewayModels
from headgate.prompts.dotprompt import load_folder
from serving import Serving
from upstream import unused_port

CONFIG = """
server: {{port: {port}}}
storage: {{database: "sqlite:///records.db"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
"""
PROMPT = """\
---
model: chat
{more}input: {{schema: {{question: string}}}}
---
{{{{role "system"}}}}Answer {tone}.
{{{{role "user"}}}}{{{{question}}}}
"""
CASES = "".join(f"  - {{id: q{at}, inputs: {{question: Where is place {at}?}}}}\n" for at in range(8))
TESTS = f"repeat: 2\nassert: [contains: simulated]\ntests:\n{CASES}"
BROKEN = "config: {maxOutputTokens: 3}\n"
KEY = "hg-" + "0123456789abcdef" * 3

Said = Callable[..., Any]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY", "GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "headgate.yaml").write_text(CONFIG.format(port=unused_port()))
    (tmp_path / "prompts" / "support").mkdir(parents=True)
    write()
    Path("prompts/support/triage.test.yaml").write_text(TESTS)
    return tmp_path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command that has to end so, and give what it printed as JSON, or what it complained of."""

    def said(*arguments: str, code: int = 0) -> Any:
        ended = run([*arguments, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, out + err
        return json.loads(out) if out else err

    return said


def write(tone: str = "briefly", more: str = "", name: str = "triage") -> None:
    Path(f"prompts/support/{name}.prompt").write_text(PROMPT.format(tone=tone, more=more))


def test_released_versions_are_tested_and_posted(said: Said):
    said("prompts", "publish", "--label", "production")
    version = load_folder("prompts").get("support/triage").version
    write("in another way", "config: {temperature: 1}\n")
    write(name="new")
    Path("prompts/support/new.test.yaml").write_text(TESTS)
    Path("prompts/support/broken.prompt").write_text("---\nmodel: [\n")
    Path("models.test.yaml").write_text("model: chat\ntests: [{messages: Hi, assert: [contains: simulated]}]")
    told = said("eval", "run", "prompts", "models.test.yaml", "--library", "@production", "-o", "run.jsonl")
    assert [(cell["cell"], cell["prompt_versions"]) for cell in told["cells"]] == [
        ("support/triage", [version]), ("chat", []),
    ]  # fmt: skip
    assert [row["verdict"] for row in said("eval", "post", "run.jsonl")] == ["baseline", "baseline"]
    line = next(each for each in Path("run.jsonl").read_text().splitlines() if '"result"' in each)
    assert json.loads(line)["prompt_file"] == "prompts/support/triage.prompt"


def test_what_is_here_is_held_against_what_is_released(said: Said, capsys: pytest.CaptureFixture[str]):
    said("prompts", "publish", "--label", "production")
    write("shortly")
    told = said("eval", "run", "prompts", "--against", "@production", "-o", "fine.jsonl")
    assert [cell["verdict"] for cell in told["comparison"]["cells"]] == ["no_difference"]
    write(more=BROKEN)
    said("prompts", "publish", "--label", "staging")
    told = said("eval", "run", "prompts", "--library", "@staging", "--against", "@production", code=1)
    assert [cell["verdict"] for cell in told["comparison"]["cells"]] == ["regression"]


def test_what_is_new_has_to_pass(said: Said, capsys: pytest.CaptureFixture[str]):
    said("prompts", "publish", "--label", "production")
    write(name="new", more=BROKEN)
    Path("prompts/support/new.test.yaml").write_text(TESTS)
    assert run(["eval", "run", "prompts", "--against", "@production", "-o", "new.jsonl", "--annotate"]) == 1
    shown, told = capsys.readouterr()
    assert "support/new is not in @production, so its tests have to pass" in told
    assert "support/new (support/new) has nothing to be held against, so all its cases have to pass" in told
    assert shown.startswith("::error file=prompts/support/new.prompt,line=6,title=cases that failed%3A 8::")
    write(name="new")
    told = said("eval", "run", "prompts", "--against", "@production", "-o", "mended.jsonl")
    assert told["comparison"]["new"] == [{"suite": "support/new", "cell": "support/new"}]


def test_cases_that_the_released_version_does_not_take_are_not_compared(said: Said):
    said("prompts", "publish", "--label", "production")
    Path("prompts/support/triage.prompt").write_text(
        PROMPT.format(tone="briefly", more="").replace("{question: string}", "{question: string, tone?: string}")
    )
    Path("prompts/support/triage.test.yaml").write_text(
        TESTS.replace("{question: Where is place 3?}", "{question: W, tone: x}")
    )
    (cell,) = said("eval", "run", "prompts", "--against", "@production", "-o", "a.jsonl")["comparison"]["cells"]
    assert (cell["pairs"], cell["left_out"]["without_answer"]) == (7, 1)
    Path("prompts/support/triage.test.yaml").write_text(TESTS.replace("{question", "{tone: x, question"))
    told = said("eval", "run", "prompts", "--against", "@production", "-o", "b.jsonl")["comparison"]
    assert (told["cells"][0]["verdict"], told["new"][0]["suite"]) == ("not_comparable", "support/triage")
    Path("prompts/support/triage.test.yaml").write_text(TESTS.replace("{question", "{tone: 1, question"))
    assert "the input 'tone'" in said("eval", "run", "prompts", "--against", "@production", "-o", "c.jsonl", code=3)


def test_labels_and_folders_are_told_apart(said: Said):
    Path("@production").mkdir()
    Path("@production/x.txt").touch()
    assert "'production' stands for no version" in said("eval", "run", "prompts", "--library", "@production", code=3)
    told = said("eval", "run", "prompts", "--against", "./@production", code=3)
    assert "none of the prompts that are tested is in ./@production" in told
    assert "is no label" in said("eval", "run", "prompts", "--library", "@", code=2)
    assert "a label, as @production" in said("eval", "run", "prompts", "--against", "production", code=3)


def test_a_run_that_is_cut_short_has_no_verdict(said: Said, capsys: pytest.CaptureFixture[str]):
    told = said("eval", "run", "prompts", "--no-cache", "-o", "whole.jsonl")
    budget = str(float(told["spent_usd"]) / 2)
    said("eval", "run", "prompts", "--no-cache", "--budget", budget, "-o", "cut.jsonl", "--expect", "0.1", code=3)
    said("eval", "run", "prompts", "--no-cache", "--budget", budget, "--baseline", "whole.jsonl", code=3)
    said("eval", "report", "cut.jsonl", code=3)
    said("eval", "run", "prompts", "--no-cache", "--resume", "cut.jsonl")
    said("eval", "report", "cut.jsonl")


def test_without_answers_nothing_is_as_expected(said: Said):
    Path("headgate.yaml").write_text(
        "providers: {sim: {kind: simulator, script: none.yaml}}\nmodels: {chat: {targets: [sim/m], retry: {attempts: 1}}}"
    )
    Path("none.yaml").write_text("- {fault: server_error}\n")
    assert said("eval", "run", "--no-cache", "--expect", "0.5", code=3)["cells"][0]["errors"] == 8


def test_a_run_goes_on_that_was_stopped_before_its_own_turn(said: Said, monkeypatch: pytest.MonkeyPatch):
    (Path("released") / "support").mkdir(parents=True)
    Path("released/support/triage.prompt").write_text(PROMPT.format(tone="shortly", more=""))
    asked = 0
    chat = GatewayModels.chat

    async def stopped(self: Any, *arguments: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 5:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(60)
        return await chat(self, *arguments, **named)

    arguments = ("eval", "run", "prompts", "--no-cache", "--against", "released")
    with monkeypatch.context() as stopping:
        stopping.setattr(GatewayModels, "chat", stopped)
        told = said(*arguments, "-o", "run.jsonl", code=3)
    assert "Stopped. 'headgate eval run … --resume run.jsonl' goes on." in told
    assert not Path("run.jsonl").exists()
    assert said(*arguments, "--resume", "run.jsonl")["cells"][0]["answers"] == 16
    assert "there is no run gone.jsonl" in said(*arguments, "--resume", "gone.jsonl", code=3)


def test_options_that_do_not_go_together(said: Said):
    assert "--book is for calls made here" in said("eval", "run", "--server", "http://127.0.0.1:1", "--book", code=2)
    assert "--check writes nothing" in said("prompts", "export", "prompts", "--check", "--force", code=2)
    assert "--prune is for all" in said("prompts", "export", "prompts", "support/triage", "--prune", code=2)
    assert "two ways to print" in said("report", "--format", "markdown", code=2)


# ── a server ──


@pytest.fixture
def url(here: Path) -> Iterator[str]:
    """Where a server is, in a thread of its own."""
    config = f"""
providers: {{sim: {{kind: simulator}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini]}}
  triage: {{prompt: support/triage, targets: [sim/gpt-4o-mini]}}
prompts: {{folder: {here / "prompts"}}}
storage: {{database: "sqlite:///:memory:"}}
"""
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    urls: list[str] = []

    async def serve() -> None:
        async with Serving(config, {"HEADGATE_ADMIN_KEY": KEY}, "auth: keys") as at:
            urls.append(at.url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    yield urls[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


def test_a_server_is_asked_and_its_versions_tested(
    said: Said, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("HEADGATE_ADMIN_KEY", KEY)
    Path("headgate.yaml").unlink()
    told = said("eval", "run", "prompts", "--server", url, "-o", "there.jsonl")
    assert (told["cells"][0]["passed"], told["cached_answers"]) == (8, 0)
    assert not Path(".headgate").exists()
    told = said("eval", "run", "prompts/support/triage.prompt", "--server", url, "-m", "triage")
    (served,) = told["cells"][0]["served_prompts"]
    assert served == f"support/triage@{told['cells'][0]['prompt_versions'][0][:12]}"
    Path("other").mkdir()
    shutil.copytree("prompts", "other/prompts")
    Path("other/prompts/support/triage.prompt").write_text(PROMPT.format(tone="at length", more=""))
    assert run(["eval", "run", "other/prompts", "--server", url, "-m", "triage", "-o", "other.jsonl"]) == 0
    assert f"served was {served}, and the prompt here is another version" in capsys.readouterr().err
    monkeypatch.setenv("HEADGATE_URL", url)
    said("prompts", "publish", "--label", "production")
    monkeypatch.delenv("HEADGATE_URL")
    told = said("eval", "run", "prompts", "--server", url, "--library", "@production", "-o", "released.jsonl")
    monkeypatch.setenv("HEADGATE_URL", url)
    assert said("eval", "post", "released.jsonl")[0]["version"] == told["cells"][0]["prompt_versions"][0]
    Path("prompts/support/labels.jsonl").write_text(json.dumps({"answer": "x", "rubric": "Is it?", "pass": True}))
    Path("prompts/support/triage.test.yaml").write_text(f"judge: {{model: chat, labels: labels.jsonl}}\n{TESTS}")
    assert said("eval", "judge", "prompts", "--server", url)[0]["without_verdict"] == 1
    Path("prompts/support/triage.test.yaml").write_text(f"judge: {{model: none, labels: labels.jsonl}}\n{TESTS}")
    assert "there is no model 'none' for this key" in said("eval", "judge", "prompts", "--server", url, code=3)
