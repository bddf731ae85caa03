"""A model's `evaluate:` and `feedback:`: what they can say, and every mistake with its line."""

from __future__ import annotations

import pytest

from headgate.config import loads
from headgate.errors import ConfigError
from headgate.quality.config import EvaluateConfig, JudgeConfig

HEAD = "providers: {sim: {kind: simulator}}\nmodels:\n  judge: {targets: [sim/y]}\n"


def evaluate(block: str) -> EvaluateConfig | None:
    return loads(f"{HEAD}  chat: {{targets: [sim/x], evaluate: {block}}}\n", "h.yaml", {}).models["chat"].evaluate


def test_a_block_says_what_is_looked_at():
    assert evaluate("{}") == EvaluateConfig()
    found = evaluate("{share: 1, checks: [empty], judges: {a: {model: judge}, b: {model: sim/z, passing: 3}}}")
    assert found is not None
    assert found.judges == {"a": JudgeConfig(model="judge"), "b": JudgeConfig(model="sim/z", passing=3)}
    assert (found.checks, found.budget_usd) == (("empty",), EvaluateConfig().budget_usd)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{share: 2}", "models.chat.evaluate.share"),
        ("{checks: [vibes]}", "models.chat.evaluate.checks"),
        ("{judges: {a: {model: jduge}}}", "models.chat.evaluate.judges.a.model: is no target"),
        ("{judges: {a: {model: smi/z}}}", "models.chat.evaluate.judges.a.model: names the provider"),
        ("{judges: {a: {}}}", "models.chat.evaluate.judges.a"),
        ("{judges: {A B: {model: judge}}}", "models.chat.evaluate.judges"),
        ("{judges: {a: {model: judge, passing: 6}}}", "models.chat.evaluate.judges.a.passing"),
    ],
)
def test_a_mistake_is_told_with_its_place(block: str, told: str):
    with pytest.raises(ConfigError) as error:
        evaluate(block)
    assert any(told in problem and "h.yaml:4" in problem for problem in error.value.problems), error.value.problems


def test_a_label_is_a_word():
    with pytest.raises(ConfigError):
        loads(f"feedback: {{labels: ['not good']}}\n{HEAD}", "h.yaml", {})
    assert loads(f"feedback: {{labels: [good]}}\n{HEAD}", "h.yaml", {}).feedback.labels == ("good",)
