"""A model's `shadow:`: what it can say, and every mistake with its line."""

from __future__ import annotations

from decimal import Decimal

import pytest

from headgate.config import loads
from headgate.errors import ConfigError
from headgate.shadow.config import ShadowConfig

HEAD = "providers: {sim: {kind: simulator}}\nmodels:\n  other: {targets: [sim/y]}\n"


def shadow(block: str, name: str = "chat") -> ShadowConfig | None:
    return loads(f"{HEAD}  '{name}': {{targets: [sim/x], shadow: {block}}}\n", "h.yaml", {}).models[name].shadow


@pytest.mark.parametrize(
    ("block", "read"),
    [
        ("{to: sim/y}", ShadowConfig(to="sim/y")),
        ("{to: other, share: 0.05, by: session}", ShadowConfig(to="other", share=0.05, by="session")),
        (
            "{to: chat, budget_usd: 2.50, period: month}",
            ShadowConfig(to="chat", budget_usd=Decimal("2.50"), period="month"),
        ),
        ("{to: chat, budget_usd: null}", ShadowConfig(to="chat", budget_usd=None)),
    ],
)
def test_it_is_read_as_it_is_written(block: str, read: ShadowConfig):
    assert shadow(block) == read


def test_it_is_small_and_bounded_where_nothing_else_is_said():
    found = ShadowConfig(to="sim/y")
    assert (found.share, found.budget_usd, found.period) == (0.01, Decimal(10), "day")


def test_a_secret_or_a_share_may_come_from_the_environment():
    text = f"{HEAD}  chat: {{targets: [sim/x], shadow: {{to: sim/y, share: '${{SHARE}}'}}}}\n"
    found = loads(text, "h.yaml", {"SHARE": "0.25"}).models["chat"].shadow
    assert found == ShadowConfig(to="sim/y", share=0.25)


def test_a_pattern_may_go_to_a_pattern():
    assert shadow("{to: 'sim/*'}", "claude-*") == ShadowConfig(to="sim/*")


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("{to: chta}", "h.yaml:4: models.chat.shadow.to: is no target"),
        ("{to: smi/y}", "h.yaml:4: models.chat.shadow.to: names the provider"),
        ("{to: 'sim/*'}", "has a '*', but the model"),
        ("{to: 'claude-*'}", "is a pattern, and calls go to one model"),
        ("{to: sim/y, share: 2}", "models.chat.shadow.share: must be at least 0 and at most 1"),
        ("{to: sim/y, budget_usd: -1}", "models.chat.shadow.budget_usd"),
        ("{share: 0.1}", "models.chat.shadow: lacks 'to'"),
        ("sim/y", "models.chat.shadow: must be a mapping of names to values, but is a string"),
        ("{to: sim/y, target: sim/z}", "is not a setting here"),
    ],
)
def test_a_mistake_is_told_with_its_line(block: str, problem: str):
    text = f"{HEAD}  chat: {{targets: [sim/x], shadow: {block}}}\n  'claude-*': {{targets: [sim/z]}}\n"
    with pytest.raises(ConfigError) as caught:
        loads(text, "h.yaml", {})
    assert any(problem in each for each in caught.value.problems), caught.value.problems
