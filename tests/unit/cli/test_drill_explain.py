"""`headgate explain` says what a model does about failures; `headgate drill` lets them happen, and agrees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.app import run
from headgate.cli.drilling import CELLS, FAULTS, in_simulation
from headgate.config import load
from headgate.providers.config import ProviderConfig

CONFIG = """\
server: {auth: none}
providers:
  openai: {kind: openai, api_key: sk-real-secret, base_url: "http://127.0.0.1:1/v1"}
  azure: {kind: azure, base_url: "https://x.openai.azure.com", api_key: sk-real-secret}
  claude: {kind: anthropic, api_key: sk-real-secret}
models:
  chat:
    targets:
      - {target: azure/gpt-4o, provisioned: true, rpm: 600}
      - {target: openai/gpt-4o}
    fallback: {context_too_long: [claude/claude-sonnet-4-5], any: [claude/claude-haiku-4-5]}
    retry: {rules: {timeout: 1}}
  plain: {targets: ["openai/gpt-4o"]}
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    path = tmp_path / "headgate.yaml"
    path.write_text(CONFIG)
    return path


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_explain_tells_what_each_failure_leads_to(capsys: pytest.CaptureFixture[str]):
    chat = told(["explain", "chat"], capsys)
    failures = {each["failure"]: each for each in chat["failures"]}
    assert failures["rate_limited"]["attempts"] == 3
    assert failures["timeout"]["attempts"] == 1
    assert failures["context_too_long"]["fallback"] == ["claude/claude-sonnet-4-5", "claude/claude-haiku-4-5"]
    assert failures["context_too_long"]["elsewhere"] is False
    assert failures["invalid_request"]["fallback"] == []
    assert (failures["overloaded"]["status"], failures["overloaded"]["counts"]) == (503, True)
    assert [target["target"] for target in chat["targets"]] == ["azure/gpt-4o", "openai/gpt-4o"]
    plain = {each["failure"]: each for each in told(["explain", "plain"], capsys)["failures"]}
    assert plain["server_error"]["elsewhere"] is False


def test_explain_is_readable_and_says_what_to_mend(capsys: pytest.CaptureFixture[str]):
    assert run(["explain", "chat"]) == 0
    text = capsys.readouterr().out
    assert "all, while it has room" in text
    assert "attempt_s" in text
    assert "sk-real-secret" not in text
    assert run(["explain", "plain"]) == 0
    assert "attempt_s" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["explain", "drill"])
def test_a_model_that_is_not_there_is_suggested(command: str, capsys: pytest.CaptureFixture[str]):
    assert run([command, "chaat"]) == 1
    assert "did you mean 'chat'" in capsys.readouterr().err


def test_a_drill_asks_no_vendor(file: Path):
    simulated = in_simulation(load(file))
    assert all(provider == ProviderConfig(kind="simulator") for provider in simulated.providers.values())
    assert [target.target for target in simulated.models["chat"].targets] == ["azure/gpt-4o", "openai/gpt-4o"]


def test_a_drill_shows_what_users_would_see(capsys: pytest.CaptureFixture[str]):
    found = {(each["fault"], each["stream"], each["extent"]): each for each in told(["drill", "chat"], capsys)}
    assert len(found) == len(FAULTS) * len(CELLS)
    assert found["server error", False, "once"]["attempts"] == ["azure/gpt-4o: server_error", "openai/gpt-4o: ok"]
    all_down = found["server error", True, "always"]
    assert (all_down["client"], all_down["attempts"][-1]) == ("answer", "claude/claude-haiku-4-5: ok")
    assert "FellBack" in all_down["events"]
    assert found["no answer", False, "once"]["client"] == "504 timeout"
    assert found["no answer", True, "once"]["client"] == "answer"
    assert found["cut in the middle", True, "once"]["client"].startswith("a beginning, then")
    assert found["bad request", False, "always"]["client"] == "400 invalid_request"
    assert found["wrong JSON", False, "once"]["events"][-1] == "OutputReasked"


def test_a_drill_agrees_with_explain(capsys: pytest.CaptureFixture[str]):
    failures = {each["failure"]: each for each in told(["explain", "plain"], capsys)["failures"]}
    found = {(each["fault"], each["extent"]): each for each in told(["drill", "plain"], capsys) if not each["stream"]}
    for fault, failure in (
        ("rate limited, retry-after", "rate_limited"),
        ("overloaded", "overloaded"),
        ("server error", "server_error"),
        ("connection reset", "connection"),
        ("empty body", "malformed_output"),
        ("key refused", "auth"),
        ("credit used up", "quota_exhausted"),
        ("content filter", "content_filtered"),
        ("context too long", "context_too_long"),
    ):
        drilled, explained = found[fault, "always"], failures[failure]
        assert drilled["client"] == f"{explained['status']} {explained['code']}"
        assert len(drilled["attempts"]) == explained["attempts"]
