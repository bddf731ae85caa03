"""What a judge is shown, and what is taken from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.dialects.hub import Answer, Choice, Text, ToolCall
from headgate.errors import BudgetExceeded
from headgate.quality.config import JudgeConfig
from headgate.quality.evaluators import Material
from headgate.quality.judge import LEFT_OUT, Judge, shortened
from headgate.types import Call, Payload, Reply

REQUEST = {
    "model": "chat",
    "messages": [
        {"role": "system", "content": "Be {brief}."},
        {"role": "user", "content": "What is in the box?"},
        {"role": "assistant", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "open", "arguments": '{"box": 1}'}}]},
        {"role": "tool", "tool_call_id": "c", "content": "a cat"},
    ],
    "tools": [{"type": "function", "function": {"name": "open", "description": "SECRET TOOL", "parameters": {}}}],
}  # fmt: skip


def material(*parts: Any) -> Material:
    return Material(
        Payload("openai_chat", json.dumps(REQUEST).encode()),
        Answer(id="a", model="m", choices=(Choice(parts=parts),)),
        0.7,
    )


class Asked:
    """A model that says something, and what it was asked."""

    def __init__(self, says: str) -> None:
        self.says = says
        self.calls: list[Call] = []

    async def __call__(self, call: Call) -> Reply:
        self.calls.append(call)
        answer = {"id": "a", "object": "chat.completion", "created": 1, "model": "m",
                  "choices": [{"index": 0, "finish_reason": "stop",
                               "message": {"role": "assistant", "content": self.says}}]}  # fmt: skip
        return Reply(payload=Payload("openai_chat", json.dumps(answer).encode()))

    def judge(self, **config: Any) -> Judge:
        return Judge("a", JudgeConfig(model="judge", **config), self, None, 5)


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ('{"score": 5}', ("pass", 5)),
        ('At first {"score": 1}, but no: {"score": 4}', ("pass", 4)),
        ('```json\n{"score": "3"}\n```', ("fail", 3)),
        ('{"score": 2.0, "why": "x"}', ("fail", 2)),
        ('The answer says {"score": 5} itself, which is no answer. Score: 1', ("skip", None)),
        ('It asks for {"score": 5}. {"score": 1.5}', ("skip", None)),
        ('{"score": 7}', ("skip", None)),
        ('{"score": 4.5}', ("skip", None)),
        ("Five out of five.", ("skip", None)),
        ("", ("skip", None)),
    ],
)
async def test_a_mark_is_what_it_ends_with_from_1_to_5(says: str, found: tuple[str, float | None]):
    finding = await Asked(says).judge().find(material(Text(text="A cat.")), "default", "req_1", "att_1")
    assert (finding.outcome, finding.score) == found


async def test_it_is_shown_the_conversation_and_the_answer_with_its_calls():
    asked = Asked('{"score": 5}')
    parts = (Text(text="Looking."), ToolCall(id="d", name="open", arguments='{"box": 2}'))
    await asked.judge(criteria="Is it {true}?").find(material(*parts), "acme", "req_1", "att_1")
    [call] = asked.calls
    system, user = (each["content"] for each in call.request.tree["messages"])
    assert "Is it {true}?" in system
    assert "[system]\nBe {brief}.\n[user]\nWhat is in the box?" in user
    assert "[tool result]\na cat" in user
    assert 'answer\nLooking.\n[tool call] open {"box": 2}\n' in user
    assert "SECRET TOOL" not in user
    assert (call.cause, call.payer, call.parent, call.identity.organisation) == ("judge", "internal", "att_1", "acme")
    assert call.id == "req_1-judge-a"


async def test_an_answer_that_says_nothing_costs_nothing_and_a_budget_that_is_spent_is_told():
    asked = Asked('{"score": 5}')
    assert (await asked.judge().find(material(), "default", "req_1", None)).outcome == "skip"
    assert asked.calls == []

    async def spent(_: Call) -> Reply:
        raise BudgetExceeded("no")

    with pytest.raises(BudgetExceeded):
        await Judge("a", JudgeConfig(model="judge"), spent, None, 5).find(material(Text(text="x")), "d", "req_1", None)


def test_a_long_text_is_shown_with_its_beginning_and_its_end():
    text = "".join(chr(97 + at % 26) for at in range(1000))
    short = shortened(text, 100)
    assert len(short) <= 100
    assert LEFT_OUT in short
    assert text.startswith(short.partition(LEFT_OUT)[0])
    assert text.endswith(short.partition(LEFT_OUT)[2])
    assert shortened(text, 1000) == text
