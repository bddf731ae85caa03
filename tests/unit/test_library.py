"""The library: the same engine without HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

import headgate
from headgate.config import loads
from headgate.errors import ModelNotFound

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  priced: {targets: [{target: sim/anything, price_like: openai/gpt-4o-mini}]}
  embed: {targets: [sim/text-embedding-3-small]}
"""
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def gateway() -> AsyncIterator[headgate.Gateway]:
    async with headgate.Gateway(loads(CONFIG, "headgate.yaml", {}), environ={}) as gateway:
        yield gateway


async def test_a_whole_answer(gateway: headgate.Gateway):
    answer = await gateway.chat("priced", HELLO)
    assert answer.text
    assert answer.stop == "end"
    assert answer.usage.input_tokens > 0
    assert isinstance(answer.cost, Decimal)
    assert answer.cost > 0
    assert answer.target == "sim/anything"
    assert answer.raw["object"] == "chat.completion"
    assert len(answer.attempts) == 1


async def test_a_stream_says_what_the_whole_does(gateway: headgate.Gateway):
    pieces = [piece async for piece in gateway.stream("chat", HELLO)]
    assert "".join(piece.text for piece in pieces)


async def test_tools(gateway: headgate.Gateway):
    tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    answer = await gateway.chat("chat", HELLO, tools=[tool], tool_choice="required")
    assert [call.name for call in answer.tool_calls] == ["now"]
    assert answer.stop == "tool_calls"


async def test_vectors(gateway: headgate.Gateway):
    answer = await gateway.embed("embed", ["one", "two"])
    assert len(answer.vectors) == 2
    assert answer.vectors[0] != answer.vectors[1]


async def test_errors_are_typed(gateway: headgate.Gateway):
    with pytest.raises(ModelNotFound):
        await gateway.chat("nobody", HELLO)


def test_the_public_names_are_these():
    assert headgate.__all__ == ["Gateway", "HeadgateError", "__version__"]
    assert issubclass(ModelNotFound, headgate.HeadgateError)
