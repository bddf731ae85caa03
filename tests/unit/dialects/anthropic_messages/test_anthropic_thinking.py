"""How much to think, in the words of each generation of Claude."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.anthropic_messages.models import generation_of
from headgate.dialects.base import Fit
from headgate.dialects.hub import Chat, Message, Text, Thinking, Tool, ToolChoice
from headgate.errors import Unsupported
from headgate.types import JSON

DIALECT = dialects.get("anthropic_messages")
ADAPTIVE = {"type": "adaptive"}


def body(model: str, thinking: Thinking, *, known: int | None = 64_000, drop: bool = False, **members: Any) -> JSON:
    chat = Chat(model="m", messages=(Message(role="user", parts=(Text(text="Hi"),)),), thinking=thinking, **members)
    return DIALECT.encode_request(chat, Fit(model=model, max_output_tokens=known, drop=drop))


def budget(tokens: int) -> JSON:
    return {"type": "enabled", "budget_tokens": tokens}


@pytest.mark.parametrize(
    ("model", "thinking", "config", "effort"),
    [
        ("claude-sonnet-4-5", Thinking(effort="none"), {"type": "disabled"}, None),
        ("claude-sonnet-4-5", Thinking(effort="minimal"), budget(1_024), None),
        ("claude-sonnet-4-5", Thinking(effort="medium"), budget(4_096), None),
        ("claude-sonnet-4-5", Thinking(effort="high"), budget(16_384), None),
        ("claude-sonnet-4-5", Thinking(effort="xhigh"), budget(24_576), None),
        ("claude-sonnet-4-5", Thinking(enabled=True, budget_tokens=2_000), budget(2_000), None),
        ("claude-opus-4-5", Thinking(budget_tokens=2_000, effort="low"), budget(2_000), "low"),
        ("claude-sonnet-4-5", Thinking(adaptive=True), budget(4_096), None),
        ("claude-3-7-sonnet-20250219", Thinking(effort="low"), budget(1_024), None),
        ("glm-4.6", Thinking(enabled=True), budget(4_096), None),
        ("claude-opus-4-6", Thinking(effort="minimal"), ADAPTIVE, "low"),
        ("claude-opus-4-6", Thinking(effort="xhigh"), ADAPTIVE, "high"),
        ("claude-opus-4-6", Thinking(effort="max"), ADAPTIVE, "max"),
        ("claude-opus-4-6", Thinking(enabled=True, budget_tokens=2_000), budget(2_000), None),
        ("claude-opus-4-7", Thinking(effort="xhigh"), ADAPTIVE, "xhigh"),
        ("claude-opus-4-7", Thinking(enabled=True, budget_tokens=2_000), ADAPTIVE, "medium"),
        ("claude-opus-4-7", Thinking(enabled=True, budget_tokens=60_000), ADAPTIVE, "max"),
        ("claude-opus-5", Thinking(enabled=False), {"type": "disabled"}, None),
        ("claude-haiku-5-5", Thinking(enabled=False), {"type": "disabled"}, None),
        ("claude-fable-5", Thinking(enabled=True), ADAPTIVE, None),
        ("claude-opus-5", Thinking(effort="low", include=True), {**ADAPTIVE, "display": "summarized"}, "low"),
        ("claude-opus-5", Thinking(adaptive=True, include=False), {**ADAPTIVE, "display": "omitted"}, None),
        ("claude-opus-5", Thinking(effort="low", summary="auto"), {**ADAPTIVE, "display": "summarized"}, "low"),
        ("claude-3-5-haiku-20241022", Thinking(enabled=False), None, None),
        ("claude-opus-4-7", Thinking(include=True), None, None),
    ],
)
def test_the_table(model: str, thinking: Thinking, config: JSON | None, effort: str | None) -> None:
    written = body(model, thinking)
    assert written.get("thinking") == config
    assert written.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("model", "thinking", "param"),
    [
        ("claude-3-5-haiku-20241022", Thinking(effort="high"), "reasoning_effort"),
        ("claude-3-haiku-20240307", Thinking(enabled=True, budget_tokens=2_000), "thinking"),
        ("claude-fable-5", Thinking(enabled=False), "thinking"),
        ("claude-mythos-preview", Thinking(effort="none"), "reasoning_effort"),
        ("claude-opus-5-5", Thinking(enabled=False), "thinking"),
    ],
)
def test_what_a_generation_cannot_do_is_refused(model: str, thinking: Thinking, param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        body(model, thinking)
    assert caught.value.param == param
    assert "thinking" not in body(model, thinking, drop=True)


@pytest.mark.parametrize(
    ("limit", "known", "tokens", "sent"),
    [
        (20_000, None, 16_384, 20_000),
        (5_000, None, 3_976, 5_000),
        (1_500, None, 1_024, 1_500),
        (None, None, 16_384, 20_480),
        (None, 8_192, 7_168, 8_192),
    ],
)
def test_a_budget_made_of_an_effort_leaves_room_for_an_answer(
    limit: int | None, known: int | None, tokens: int, sent: int
) -> None:
    written = body("claude-sonnet-4-5", Thinking(effort="high"), known=known, max_output_tokens=limit)
    assert (written["thinking"], written["max_tokens"]) == (budget(tokens), sent)


def test_no_room_for_thoughts_is_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        body("claude-sonnet-4-5", Thinking(effort="high"), max_output_tokens=1_000)
    assert caught.value.param == "reasoning_effort"


@pytest.mark.parametrize(
    ("members", "param"), [({"temperature": 0.5}, "temperature"), ({"top_k": 5}, "top_k"), ({"top_p": 0.5}, "top_p")]
)
def test_sampling_while_it_thinks_is_refused(members: dict[str, Any], param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        body("claude-sonnet-4-5", Thinking(effort="low"), **members)
    assert caught.value.param == param
    assert param not in body("claude-sonnet-4-5", Thinking(effort="low"), drop=True, **members)


def test_the_one_temperature_thinking_takes_is_sent() -> None:
    assert body("claude-sonnet-4-5", Thinking(effort="low"), temperature=1)["temperature"] == 1


def test_a_tool_cannot_be_forced_while_it_thinks_by_budget() -> None:
    members: dict[str, Any] = {"tools": (Tool(name="f"),), "tool_choice": ToolChoice(mode="tool", name="f")}
    with pytest.raises(Unsupported, match="tool_choice"):
        body("claude-sonnet-4-5", Thinking(effort="low"), **members)
    assert body("claude-sonnet-4-5", Thinking(effort="low"), drop=True, **members)["tool_choice"] == {"type": "auto"}
    assert body("claude-opus-4-6", Thinking(effort="low"), **members)["tool_choice"]["type"] == "tool"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("claude-opus-4-8", "anthropic.claude-opus-4-8-20260528-v1:0"),
        ("claude-opus-4-8", "us.anthropic.claude-opus-4-8"),
        ("claude-opus-4-8", "claude-opus-4-8@20260528"),
        ("claude-opus-4-8", "anthropic/claude-opus-4.8"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("claude-3-5-sonnet-20241022", "claude-3-haiku-20240307"),
    ],
)
def test_a_model_is_known_however_a_vendor_spells_it(one: str, other: str) -> None:
    assert generation_of(one) is generation_of(other)
