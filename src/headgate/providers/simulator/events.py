"""A written answer as the stream it comes in, token by token."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Part,
    Reasoning,
    Refusal,
    Started,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
    UsageReported,
)
from headgate.providers.simulator.tokens import pieces
from headgate.types import Usage


class Step(msgspec.Struct, frozen=True):
    """One event, and how many tokens the model made for it."""

    event: StreamEvent
    tokens: int = 0


def steps(answer: Answer, hidden: int) -> Iterator[Step]:
    """The stream of an answer. `hidden` tokens of reasoning count with the first shown one, or with the stop."""
    usage = answer.usage or Usage()
    known = replace(usage, output_tokens=0, reasoning_tokens=0)
    yield Step(
        Started(
            id=answer.id,
            model=answer.model,
            created=answer.created,
            usage=known,
            service_tier=answer.service_tier,
            extra=answer.extra,
        )
    )
    index = 0
    for number, choice in enumerate(answer.choices):
        for part in choice.parts:
            for event, tokens in _part_steps(part, index, number):
                yield Step(event, tokens + hidden if tokens else 0)
                hidden = 0 if tokens else hidden
            index += 1
        stopped = Stopped(stop=choice.stop, choice=number, stop_sequence=choice.stop_sequence, extra=choice.extra)
        yield Step(stopped, hidden)
        hidden = 0
    yield Step(UsageReported(usage=usage))
    yield Step(Ended())


def _part_steps(part: Part, index: int, choice: int) -> Iterator[tuple[StreamEvent, int]]:
    match part:
        case Text():
            yield BlockStarted(index=index, part=replace(part, text="", logprobs=None), choice=choice), 0
            logprobs = part.logprobs or ()
            for number, piece in enumerate(pieces(part.text)):
                yield BlockDelta(index=index, text=piece, logprobs=logprobs[number : number + 1]), 1
        case Refusal():
            yield BlockStarted(index=index, part=replace(part, text=""), choice=choice), 0
            for piece in pieces(part.text):
                yield BlockDelta(index=index, text=piece), 1
        case Reasoning():
            yield BlockStarted(index=index, part=replace(part, text="", signature=None), choice=choice), 0
            for piece in pieces(part.text):
                yield BlockDelta(index=index, text=piece), 1
            if part.signature:
                yield BlockDelta(index=index, signature=part.signature), 0
        case ToolCall():
            bare = replace(part, arguments="")
            yield BlockStarted(index=index, part=bare, choice=choice), len(pieces(part.name))
            for piece in pieces(part.arguments):
                yield BlockDelta(index=index, text=piece), 1
        case _:
            yield BlockStarted(index=index, part=part, choice=choice), 0
    yield BlockStopped(index=index), 0
