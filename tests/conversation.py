"""Talking to a simulator in any client dialect, in the hub's terms."""

from __future__ import annotations

import json
from typing import Any

from headgate import dialects
from headgate.clock import ManualClock
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.base import Fit
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import Answer, Chat, Message, Part, Text, Tool, ToolCall, ToolResult
from headgate.providers.simulator import Simulator
from headgate.providers.simulator.response import Response

DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages")
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
}

WEATHER = Tool(
    name="get_weather",
    description="Current weather of a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
)
TIME = Tool(name="get_time", description="Time of day", parameters={"type": "object", "properties": {}})


def new(**settings: Any) -> Simulator:
    """A simulator whose clock stands still."""
    return Simulator(clock=ManualClock(), **settings)


def user(text: str) -> Message:
    return Message(role="user", parts=(Text(text=text),))


def chat(*messages: Message, **members: Any) -> Chat:
    said = messages or (user("Tell me about the old canal"),)
    return Chat(model="sim-small", messages=said, **{"max_output_tokens": 400, **members})


def with_result(result: str = "21 degrees", is_error: bool = False) -> tuple[Message, ...]:
    """A conversation in which a tool was called and has answered."""
    call = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Oslo","unit":"celsius"}')
    answer = ToolResult(call_id="call_1", parts=(Text(text=result),), is_error=is_error, name="get_weather")
    return (
        user("What is the weather in Oslo?"),
        Message(role="assistant", parts=(call,)),
        Message(role="user", parts=(answer,)),
    )


def send(simulator: Simulator, dialect: str, request: Chat, **headers: str) -> Response:
    """The response to a request, as the dialect has it."""
    tree = dialects.get(dialect).encode_request(request, Fit(model=request.model, dropped=[]))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return simulator.respond("POST", PATHS[dialect], named, json.dumps(tree).encode())


def ask(simulator: Simulator, dialect: str, request: Chat, **headers: str) -> Answer:
    """The answer to a request, whole or accumulated from a stream that was complete."""
    response = send(simulator, dialect, request, **headers)
    assert response.status == 200, response.body
    codec = dialects.get(dialect)
    if response.pieces is None:
        return codec.decode_answer(json.loads(response.body))
    decoder, framer, whole = codec.decode_stream(), SseFramer(), Accumulator()
    for piece in response.pieces:
        for frame in framer.feed(piece.data):
            for event in decoder.feed(frame):
                whole.feed(event)
    for event in decoder.close():
        whole.feed(event)
    assert whole.ended
    return whole.answer()


def parts(answer: Answer, kind: type[Part]) -> list[Any]:
    """The parts of one kind in the first choice."""
    return [part for part in answer.choices[0].parts if isinstance(part, kind)]


def text(answer: Answer) -> str:
    return "".join(part.text for part in parts(answer, Text))
