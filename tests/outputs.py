"""Requests that ask for an output of some form, and answers to them, whole and streamed, in any client dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headgate import dialects
from headgate.dialects.accumulate import exploded
from headgate.dialects.base import Context, Fit
from headgate.dialects.hub import Answer, Chat, Choice, Format, Message, Part, Stop, Text, Tool, ToolCall
from headgate.types import Chunk, Chunks, Payload

DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages")

CITY = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "people": {"type": "integer"},
        "river": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["city", "people"],
    "additionalProperties": False,
}
GOOD = '{"city": "Oslo", "people": 700000, "river": null}'
WRONG = '{"city": "Oslo", "people": "many"}'
BROKEN = "{'city': 'Oslo', \"people\": 700000,}"
PROSE = "Oslo is the capital of Norway."
WEATHER = Tool(
    name="weather",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def request(dialect: str, schema: Any = CITY, tools: Sequence[Tool] = (), **members: Any) -> Payload:
    """A request, for JSON that fits `schema` unless that is None; `members` are put in as they are."""
    chat = Chat(
        model="chat",
        messages=(Message(role="user", parts=(Text(text="Tell me about Oslo"),)),),
        format=None if schema is None else Format(kind="json_schema", name="city", schema=schema),
        tools=tuple(tools),
        max_output_tokens=500,
    )
    tree = dialects.get(dialect).encode_request(chat, Fit(model="chat"))
    return Payload(dialect, json.dumps({**tree, **members}).encode())


def said(*texts: str, stop: Stop = "end") -> Answer:
    """An answer with one choice for each text."""
    return answer(*[[Text(text=text)] for text in texts], stop=stop)


def called(arguments: str, name: str = "weather") -> Answer:
    return answer([ToolCall(id="call_1", name=name, arguments=arguments)], stop="tool_calls")


def answer(*choices: Sequence[Part], stop: Stop = "end") -> Answer:
    return Answer(id="a1", model="m", choices=tuple(Choice(parts=tuple(parts), stop=stop) for parts in choices))


def whole(dialect: str, answer: Answer) -> Payload:
    """The answer as bytes in a client's dialect."""
    tree = dialects.get(dialect).encode_answer(answer, _context())
    return Payload(dialect, json.dumps(tree).encode())


def chunks(dialect: str, answer: Answer, size: int = 7) -> list[Chunk]:
    """The answer as a stream in a client's dialect, its texts in pieces of `size` characters. As in life the first
    chunk goes up to the first content.
    """
    encoder, meter = dialects.get(dialect).encode_stream(_context()), dialects.get(dialect).meter()
    made: list[Chunk] = [[]]
    for event in exploded(answer, size):
        frames = encoder.feed(event)
        if meter.started and frames:
            made.append(frames)
            continue
        made[0] += frames
        for frame in frames:
            meter.observe(frame)
    return made


class Source:
    """A stream of chunks, and how it ended."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks
        self.given = 0
        self.is_closed = False

    async def stream(self) -> Chunks:
        try:
            for chunk in self._chunks:
                self.given += 1
                yield chunk
        finally:
            self.is_closed = True


def _context() -> Context:
    return Context(asked={"model": "chat"}, id="call", created=1)
