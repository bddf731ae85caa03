"""`telemetry.capture:` what it can say, every mistake with its line, and which calls its rules are about."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.config import loads
from headgate.errors import ConfigError
from headgate.telemetry.capture.config import CaptureConfig, CaptureRule
from headgate.telemetry.capture.rules import Rules
from headgate.types import Account, Call, Identity, Payload

HEAD = "providers: {sim: {kind: simulator}}\nmodels:\n  chat: {targets: [sim/x]}\n  'family-*': {targets: ['sim/*']}\n"


def capture(block: str) -> CaptureConfig | None:
    return loads(f"{HEAD}telemetry: {{capture: {block}}}\n", "h.yaml", {}).telemetry.capture


def test_nothing_is_captured_without_the_block():
    assert loads(HEAD, "h.yaml", {}).telemetry.capture is None
    found = capture("{rules: [{models: [chat, family-a, 'f*'], share: 0.5}], keep_days: 3}")
    assert found is not None
    assert found.rules == (CaptureRule(models=("chat", "family-a", "f*"), share=0.5),)
    assert (found.keep_days, found.redact) == (3, ("email", "phone", "card", "iban"))


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{}", "telemetry.capture"),
        ("{rules: []}", "telemetry.capture.rules"),
        ("{rules: [{share: 2}]}", "telemetry.capture.rules[0].share"),
        ("{rules: [{model: chat}]}", "telemetry.capture.rules[0]"),
        ("{rules: [{}, {models: [chta]}]}", "telemetry.capture.rules[1].models[0]: names no model"),
        ("{rules: [{operations: [talk]}]}", "telemetry.capture.rules[0].operations"),
        ("{rules: [{}], redact: [names]}", "telemetry.capture.redact"),
        ("{rules: [{}], words: [ab]}", "telemetry.capture.words"),
        ("{rules: [{}], keep_days: 0}", "telemetry.capture.keep_days"),
    ],
)
def test_a_mistake_is_told_with_its_place(block: str, told: str):
    with pytest.raises(ConfigError) as error:
        capture(block)
    assert any(told in problem and "h.yaml:5" in problem for problem in error.value.problems), error.value.problems


def call(model: str = "chat", operation: Any = "chat", **identity: Any) -> Call:
    return Call(
        id="req_1", operation=operation, model=model, request=Payload("openai_chat", b"{}"), stream=False,
        identity=Identity(**identity), account=Account(), headers={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "fits", "not_this"),
    [
        ({"models": ("ch*",)}, {}, {"model": "other"}),
        ({"keys": ("k1", "k2")}, {"key_id": "k2"}, {"key_id": "k3"}),
        ({"organisations": ("acme",)}, {"organisation": "acme"}, {}),
        ({"teams": ("t",)}, {"team_id": "t"}, {"team_id": "u"}),
        ({"projects": ("p",)}, {"project_id": "p"}, {}),
        ({"operations": ("embed",)}, {"operation": "embed"}, {}),
    ],
)
def test_a_rule_fits_what_it_names(rule: Any, fits: Any, not_this: Any):
    rules = Rules("*", [CaptureRule(**rule)])
    assert rules.find(call(**fits)) is not None
    assert rules.find(call(**not_this)) is None


def test_the_first_rule_that_fits_decides_and_one_that_keeps_nothing_ends_it():
    off = CaptureRule(keys=("k",), share=0, errors=False, slow=False)
    rules = Rules("chat", [off, CaptureRule(share=0.25), CaptureRule(share=1)])
    assert rules.find(call(key_id="k")) is None
    found = rules.find(call())
    assert found is not None
    assert found.share == 0.25


@pytest.mark.parametrize(
    ("model", "named", "met"),
    [
        ("chat", "chat", True), ("chat", "c*", True), ("chat", "other", False), ("chat", "chat-*", False),
        ("family-*", "family-a", True), ("family-*", "f*", True), ("family-*", "family-a*", True),
        ("family-*", "other*", False), ("*", "anything", True),
    ],
)  # fmt: skip
def test_a_model_none_of_whose_calls_a_rule_fits_is_not_looked_at(model: str, named: str, met: bool):
    assert bool(Rules(model, [CaptureRule(models=(named,))])) == met
    assert not Rules(model, [CaptureRule(models=(named,), share=0, errors=False, slow=False)])
