"""What of a configuration a model's answers may depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headgate.config import loads
from headgate.evals.fingerprints import fingerprint_of, label_of

CONFIG = """
providers:
  sim: {kind: simulator}
  other: {kind: openai, api_key: sk-secret, base_url: "http://127.0.0.1:1/v1"}
  third: {kind: simulator}
models:
  chat: {targets: [sim/gpt-4o-mini], fallback: [other/gpt-4o]}
  wide: {targets: [sim/gpt-4o], fallback: [chat]}
  "claude-*": {targets: ["third/*"]}
"""


def of(model: str, *changes: tuple[str, str]) -> Any:
    text = CONFIG
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return fingerprint_of(loads(text, "headgate.yaml", {}), model)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("chat", ("sim/gpt-4o-mini]", "sim/gpt-4.1-mini]")),
        ("chat", ("127.0.0.1:1/v1", "127.0.0.1:2/v1")),  # where it falls back to
        ("wide", ("sim/gpt-4o-mini]", "sim/gpt-4.1-mini]")),
        ("claude-3", ("third/*", "sim/*")),
        ("other/gpt-4o", ("127.0.0.1:1/v1", "127.0.0.1:2/v1")),
    ],
)
def test_what_may_change_answers(model: str, change: tuple[str, str]):
    assert of(model) != of(model, change)


@pytest.mark.parametrize(
    "change",
    [
        ("third: {kind: simulator}", 'third: {kind: openai, api_key: x, base_url: "http://127.0.0.1:9/v1"}'),
        ("fallback: [other/gpt-4o]", "fallback: [other/gpt-4o], timeout: {total_s: 7}, retry: {attempts: 1}"),
        ("sk-secret", "sk-another"),
    ],
)
def test_what_changes_no_answer(change: tuple[str, str]):
    assert of("chat") == of("chat", change)


def test_what_a_simulator_is_told_to_say(tmp_path: Path):
    script = tmp_path / "script.yaml"
    script.write_text("- {reply: {text: a}}")
    told = ("sim: {kind: simulator}", f"sim: {{kind: simulator, script: {script}}}")
    before = of("chat", told)
    script.write_text("- {reply: {text: b}}")
    assert of("chat", told) != before


def test_a_name_is_itself_or_the_longest_pattern():
    config = loads(
        CONFIG.replace('"claude-*"', '"claude-*": {targets: ["sim/*"]}\n  "claude-3-*"'), "headgate.yaml", {}
    )
    names = ["chat", "claude-3-x", "claude-2", "nothing"]
    assert [label_of(config, each) for each in names] == ["chat", "claude-3-*", "claude-*", "nothing"]
