"""Hub streams to hub answers and back: one definition of what it means that chunks joined equal the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Choice,
    Ended,
    Extra,
    Failed,
    Media,
    Part,
    Reasoning,
    Refusal,
    Started,
    Stop,
    Stopped,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    UsageReported,
)
from headgate.types import Usage


class Accumulator:
    """Joins a stream's events into the answer they stand for."""

    def __init__(self) -> None:
        self.ended = False
        self.failure: Failed | None = None
        self.usage: Usage | None = None
        self._tier: str | None = None
        self._started = Started(id="", model="")
        self._parts: dict[int, Part] = {}
        self._choice_of: dict[int, int] = {}
        self._deltas: dict[int, list[BlockDelta]] = {}
        self._stops: dict[int, Stopped] = {}
        self._extra: Extra = {}

    def feed(self, event: StreamEvent) -> None:
        match event:
            case BlockDelta():
                self._deltas[event.index].append(event)
            case BlockStarted():
                self._parts[event.index] = event.part
                self._choice_of[event.index] = event.choice
                self._deltas[event.index] = []
            case BlockStopped():
                deltas = self._deltas.pop(event.index)
                self._parts[event.index] = event.part or joined(self._parts[event.index], deltas)
            case Started():
                self._started = event
                self.usage = event.usage
                self._tier = event.tier
            case Stopped():
                self._stops[event.choice] = event
            case UsageReported():
                self.usage = event.usage
                self._tier = event.tier
            case Ended():
                self.ended = True
                self._extra = merged(self._extra, event.extra)
            case Failed():
                self.failure = event

    def answer(self) -> Answer:
        """What has come so far, blocks that were not stopped included."""
        for index, deltas in self._deltas.items():
            self._parts[index] = joined(self._parts[index], deltas)
            deltas.clear()
        numbers = sorted({*self._choice_of.values(), *self._stops}) or [0]
        return Answer(
            id=self._started.id,
            model=self._started.model,
            created=self._started.created,
            service_tier=self._started.service_tier,
            tier=self._tier,
            choices=tuple(self._choice(number) for number in numbers),
            usage=self.usage,
            extra=merged(self._started.extra, self._extra),
        )

    def _choice(self, number: int) -> Choice:
        stopped = self._stops.get(number)
        stop: Stop | None = stopped.stop if stopped else None
        return Choice(
            parts=tuple(self._parts[index] for index in sorted(self._parts) if self._choice_of[index] == number),
            stop=stop,
            stop_sequence=stopped.stop_sequence if stopped else None,
            extra=stopped.extra if stopped else {},
        )


def joined(part: Part, deltas: list[BlockDelta]) -> Part:
    """A part with all its deltas applied."""
    if not deltas:
        return part
    changes: dict[str, Any] = _grown(part, deltas)
    if isinstance(part, Text):
        citations = tuple(delta.citation for delta in deltas if delta.citation)
        if citations:
            changes["citations"] = part.citations + citations
    if isinstance(part, Text | Refusal):
        logprobs = tuple(token for delta in deltas for token in delta.logprobs)
        if logprobs:
            changes["logprobs"] = (part.logprobs or ()) + logprobs
    if isinstance(part, Text | Reasoning | ToolCall):
        signature = next((delta.signature for delta in reversed(deltas) if delta.signature), None)
        if signature:
            changes["signature"] = signature
    extra = part.extra
    for delta in deltas:
        extra = merged(extra, delta.extra)
    if extra is not part.extra:
        changes["extra"] = extra
    return replace(part, **changes) if changes else part


def _grown(part: Part, deltas: list[BlockDelta]) -> dict[str, str]:
    """The members of a part that grow piece by piece."""
    text = "".join([delta.text for delta in deltas])
    match part:
        case Text() | Refusal() | Reasoning():
            return {"text": part.text + text}
        case ToolCall():
            return {"arguments": part.arguments + text}
        case Media():
            data = "".join([delta.data for delta in deltas])
            grown = {"data": (part.data or "") + data} if data else {}
            return grown | ({"transcript": (part.transcript or "") + text} if text else {})
        case _:
            return {}


def exploded(answer: Answer, size: int = 16) -> Iterator[StreamEvent]:
    """A whole answer as the stream it could have come in, text in pieces of `size` characters.

    `Accumulator` over the result gives an equal answer.
    """
    yield Started(
        id=answer.id,
        model=answer.model,
        created=answer.created,
        service_tier=answer.service_tier,
        tier=answer.tier,
        extra=answer.extra,
    )
    index = 0
    for number, choice in enumerate(answer.choices):
        for part in choice.parts:
            yield from _exploded_part(part, index, number, size)
            index += 1
        yield Stopped(stop=choice.stop, choice=number, stop_sequence=choice.stop_sequence, extra=choice.extra)
    if answer.usage is not None:
        yield UsageReported(usage=answer.usage, tier=answer.tier)
    yield Ended()


def _exploded_part(part: Part, index: int, choice: int, size: int) -> Iterator[StreamEvent]:
    match part:
        case Text():
            bare = replace(part, text="", citations=(), logprobs=_without_tokens(part), signature=None)
            yield BlockStarted(index=index, part=bare, choice=choice)
            yield from _pieces(part.text, index, size)
            for citation in part.citations:
                yield BlockDelta(index=index, citation=citation)
            if part.logprobs:
                yield BlockDelta(index=index, logprobs=part.logprobs)
            if part.signature:
                yield BlockDelta(index=index, signature=part.signature)
        case Refusal():
            bare = replace(part, text="", logprobs=_without_tokens(part))
            yield BlockStarted(index=index, part=bare, choice=choice)
            yield from _pieces(part.text, index, size)
            if part.logprobs:
                yield BlockDelta(index=index, logprobs=part.logprobs)
        case Reasoning():
            yield BlockStarted(index=index, part=replace(part, text="", signature=None), choice=choice)
            yield from _pieces(part.text, index, size)
            if part.signature:
                yield BlockDelta(index=index, signature=part.signature)
        case ToolCall():
            yield BlockStarted(index=index, part=replace(part, arguments="", signature=None), choice=choice)
            yield from _pieces(part.arguments, index, size)
            if part.signature:
                yield BlockDelta(index=index, signature=part.signature)
        case _:
            yield BlockStarted(index=index, part=part, choice=choice)
    yield BlockStopped(index=index)


def _without_tokens(part: Text | Refusal) -> tuple[TokenLogprob, ...] | None:
    """Log probabilities asked for but empty are not the same as none."""
    return None if part.logprobs else part.logprobs


def _pieces(text: str, index: int, size: int) -> Iterator[StreamEvent]:
    for start in range(0, len(text), size):
        yield BlockDelta(index=index, text=text[start : start + size])


def merged(left: Extra, right: Extra) -> Extra:
    """Both extras; members of `right` win."""
    if not right:
        return left
    result = dict(left)
    for dialect, members in right.items():
        result[dialect] = {**result.get(dialect, {}), **members}
    return result
