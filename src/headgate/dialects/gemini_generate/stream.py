"""streamGenerateContent in the hub's terms.

Each frame is a GenerateContentResponse with what is new. Where a block begins and ends is nowhere said: text and
thoughts come in pieces, everything else whole, and a change of kind ends a block. There is no terminator either, so
an ending is told when the connection has ended and every candidate had given its reason: some models give one in
every frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from msgspec.structs import replace

from headgate.dialects.accumulate import merged
from headgate.dialects.gemini_generate import errors, grounding, response
from headgate.dialects.gemini_generate.finish import finished, stop_of
from headgate.dialects.gemini_generate.names import NAME, made_id
from headgate.dialects.gemini_generate.response import Candidate, Response
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Citation,
    Ended,
    Extra,
    Failed,
    Part,
    Reasoning,
    Started,
    Stop,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
    UsageReported,
    extra_of,
)
from headgate.dialects.members import parsed
from headgate.types import Frame, Usage


class Decoder:
    """Follows one stream. A frame is read whole before it changes anything, so one that cannot be read is skippable."""

    def __init__(self) -> None:
        self._numbers = count()
        self._choices: dict[int, _Choice] = {}
        self._id = ""
        self._model = ""
        self._queries: list[str] = []
        self._usage: Usage | None = None
        self._tier: str | None = None
        self._extra: Extra = {}
        self._started = False
        self._blocked = False
        self._failed = False

    def feed(self, frame: Frame) -> list[StreamEvent]:
        """The events one frame stands for.

        Raises:
            MalformedOutput: it is not JSON, or a known member has the wrong type.
        """
        if self._failed:
            return []
        tree = parsed(frame.data, "frame")
        if "error" in tree and "candidates" not in tree:
            self._failed = True
            error = errors.in_stream(frame.data)
            return [Failed(code=error.code, message=error.message)]
        read = response.read(tree)
        events = self._events(read)
        self._report(read, events)
        return events

    def close(self) -> list[StreamEvent]:
        """How every candidate ended; nothing where one has not, for then the stream was cut. One whose prompt turned
        out to be refused while it was under way ends for the content filter.
        """
        finished = bool(self._choices) and all(choice.finished for choice in self._choices.values())
        if self._failed or not (finished or self._blocked):
            return []
        events: list[StreamEvent] = []
        for number in sorted(self._choices):
            choice = self._choices[number]
            choice.close(events)
            events.append(Stopped(stop=choice.stop or "content_filter", choice=number, extra=choice.extra))
        if not self._choices:
            events.append(Stopped(stop="content_filter"))
        events.append(Ended(extra=self._extra))
        return events

    def _events(self, read: Response) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if not self._started:
            self._started = True
            self._id = read.id
            self._model = read.model
            events.append(Started(id=read.id, model=read.model, created=read.created))
        for candidate in read.candidates:
            choice = self._choices.get(candidate.index)
            if choice is None:
                choice = self._choices[candidate.index] = _Choice(candidate.index, self._id, self._numbers)
            choice.take(candidate, events)
        self._blocked = self._blocked or read.blocked
        self._extra = merged(self._extra, read.extra)
        return events

    def _report(self, read: Response, events: list[StreamEvent]) -> None:
        """Usage counts the stream so far; the last frame's is final."""
        read.model = read.model or self._model
        read.queries = self._queries = read.queries or self._queries
        read.blocked = read.blocked and not self._choices
        usage, tier = read.usage(), read.tier or self._tier
        if usage is not None and (usage, tier) != (self._usage, self._tier):
            self._usage = usage
            events.append(UsageReported(usage=usage, tier=tier))
        self._tier = tier


class _Choice:
    """One candidate: the block under way, and what is known of the end."""

    def __init__(self, number: int, response_id: str, numbers: Iterator[int]) -> None:
        self._number = number
        self._response_id = response_id
        self._numbers = numbers
        self._open: type[Text | Reasoning] | None = None
        self._index = -1
        self._signed = False
        self._pieces: list[str] = []
        self._cited: set[tuple[str | None, str | None, int | None, int | None]] = set()
        self._calls = 0
        self._finish: str | None = None
        self.extra: Extra = {}

    @property
    def finished(self) -> bool:
        return finished(self._finish)

    @property
    def stop(self) -> Stop | None:
        return stop_of(self._finish, self._calls > 0)

    def take(self, candidate: Candidate, events: list[StreamEvent]) -> None:
        for part in candidate.parts:
            if isinstance(part, Text | Reasoning):
                self._piece(part, events)
            else:
                self._whole(part, events)
        if self._open is Text:
            self._annotate(candidate, events)
        self._finish = candidate.finish or self._finish
        told = self.extra.get(NAME, {})
        news = {name: value for name, value in candidate.extra.items() if value or name not in told}
        self.extra = merged(self.extra, extra_of(NAME, news))  # an empty grounding does not undo an earlier one

    def close(self, events: list[StreamEvent]) -> None:
        if self._open is not None:
            events.append(BlockStopped(index=self._index))
            self._open = None

    def _piece(self, part: Text | Reasoning, events: list[StreamEvent]) -> None:
        """More of the block under way, or the first of a new one."""
        if not self._continues(part):
            self.close(events)
            bare = part.text == "" and isinstance(part, Text)  # a signature with nothing before it to sign
            self._start(Reasoning() if bare else replace(part, text="", signature=None, extra={}), events)
            self._open = Reasoning if bare else type(part)
            self._pieces = []
            self._signed = False
        events.append(BlockDelta(index=self._index, text=part.text, signature=part.signature, extra=part.extra))
        self._pieces.append(part.text)
        self._signed = self._signed or part.signature is not None

    def _continues(self, part: Text | Reasoning) -> bool:
        """A piece of the same kind, or the signature over it, which comes on an empty text; a block has one signature.

        Gemini 2.5 signs the first piece of a text. What follows it is the same sentence still, so the same block.
        """
        if self._open is None or (self._signed and part.signature is not None):
            return False
        return self._open is type(part) or (isinstance(part, Text) and not part.text)

    def _whole(self, part: Part, events: list[StreamEvent]) -> None:
        self.close(events)
        if isinstance(part, ToolCall):
            known = part.id or made_id(self._response_id, self._number, self._calls, part.name, part.arguments)
            self._calls += 1
            self._start(ToolCall(id=known, name=part.name, arguments="", extra=part.extra), events)
            events.append(BlockDelta(index=self._index, text=part.arguments, signature=part.signature))
        else:
            self._start(part, events)
        events.append(BlockStopped(index=self._index))

    def _start(self, part: Part, events: list[StreamEvent]) -> None:
        self._index = next(self._numbers)
        events.append(BlockStarted(index=self._index, part=part, choice=self._number))

    def _annotate(self, candidate: Candidate, events: list[StreamEvent]) -> None:
        if candidate.logprobs:
            events.append(BlockDelta(index=self._index, logprobs=candidate.logprobs))
        if "groundingMetadata" not in candidate.tree and "citationMetadata" not in candidate.tree:
            return
        for _, citation in grounding.citations(candidate.tree, ["".join(self._pieces)]):
            if self._is_new(citation):
                events.append(BlockDelta(index=self._index, citation=citation))

    def _is_new(self, citation: Citation) -> bool:
        """Frames may repeat what earlier ones said."""
        key = (citation.url, citation.title, citation.start, citation.end)
        if key in self._cited:
            return False
        self._cited.add(key)
        return True
