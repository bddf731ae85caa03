"""A stream as far as it has been read: what it amounts to."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.dialects.accumulate import Accumulator
from headgate.dialects.base import AnyDialect, Context
from headgate.dialects.hub import Answer, Choice, Part, StreamEvent, ToolCall
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import Call, Chunk, Payload


class Transcript:
    """Reads a stream in its own dialect, beside its way to the client."""

    def __init__(self, dialect: AnyDialect) -> None:
        self._dialect = dialect
        self._decoder = dialect.decode_stream()
        self._joined = Accumulator()
        self.is_readable = True
        """Every frame so far could be understood: one that could not may have said anything."""

    @property
    def ended(self) -> bool:
        """The stream is complete."""
        return self._joined.ended

    def feed(self, chunk: Chunk) -> list[StreamEvent]:
        """Read a chunk; what it tells."""
        events: list[StreamEvent] = []
        for frame in chunk:
            try:
                events += self._decoder.feed(frame)
            except HeadgateError:
                self.is_readable = False
        self._join(events)
        return events

    def close(self) -> None:
        """Take what is left at the end of a stream, with or without its terminator."""
        self._join(self._decoder.close())

    def answer(self) -> Answer:
        """What has come so far."""
        return self._joined.answer()

    def payload(self, call: Call) -> Payload:
        """What has come so far as the whole answer the call could have got instead of a stream."""
        answer = self.answer()
        context = Context(asked=call.request.tree, id=call.id, created=0)
        try:
            tree = self._dialect.encode_answer(answer, context)
        except MalformedOutput:  # a dialect in which arguments are an object, and these are none
            tree = self._dialect.encode_answer(_without_arguments(answer), context)
        return Payload(self._dialect.name, tree=tree)

    def _join(self, events: list[StreamEvent]) -> None:
        for event in events:
            self._joined.feed(event)


def _without_arguments(answer: Answer) -> Answer:
    return replace(answer, choices=tuple(_choice_without(choice) for choice in answer.choices))


def _choice_without(choice: Choice) -> Choice:
    parts: list[Part] = [replace(part, arguments="") if isinstance(part, ToolCall) else part for part in choice.parts]
    return replace(choice, parts=tuple(parts))
