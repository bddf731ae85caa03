"""A vendor that says the same every time, byte for byte, in each dialect clients speak; whole and as a stream."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from headgate import dialects
from headgate.dialects.accumulate import exploded
from headgate.dialects.base import Context
from headgate.dialects.hub import Answer, Choice, Part, Text, ToolCall
from headgate.types import Usage
from upstream import Exchange

PATHS = {
    "/v1/chat/completions": "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/messages": "anthropic_messages",
}

Script = Callable[[Exchange], Awaitable[None]]


def said(text: str = "Good morning.", *, calls: Mapping[str, str] | None = None, tokens: int = 5) -> Answer:
    """An answer with a text, or with calls of tools: names and the JSON of their arguments."""
    parts: list[Part] = [ToolCall(id=f"call_{name}", name=name, arguments=each) for name, each in (calls or {}).items()]
    choice = Choice(parts=tuple(parts) or (Text(text=text),), stop="tool_calls" if parts else "end")
    return Answer(id="a", model="m", choices=(choice,), created=1, usage=Usage(input_tokens=10, output_tokens=tokens))


def whole(dialect: str, answer: Answer) -> bytes:
    context = Context(asked={"model": "m"}, id="a", created=1)
    return json.dumps(dialects.get(dialect).encode_answer(answer, context)).encode()


def streamed(dialect: str, answer: Answer) -> list[bytes]:
    """Its events, one by one."""
    asked = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
    encoder = dialects.get(dialect).encode_stream(Context(asked=asked, id="a", created=1))
    frames = [frame for event in exploded(answer) for frame in encoder.feed(event)]
    return [frame.encode() for frame in frames]


def saying(answer: Answer | None = None) -> Script:
    """A script for an `Upstream`."""
    spoken = answer or said()

    async def script(exchange: Exchange) -> None:
        dialect = PATHS[exchange.request.target.partition("?")[0]]
        if not json.loads(exchange.request.body).get("stream"):
            await exchange.reply(200, whole(dialect, spoken), ("content-type", "application/json"))
            return
        await exchange.start(200, ("content-type", "text/event-stream"))
        for event in streamed(dialect, spoken):
            await exchange.chunk(event)
        await exchange.end()

    return script
