"""Checking a stream while it passes."""

from __future__ import annotations

import asyncio

import msgspec

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import LARGE
from headgate.checks.partial_json import PartialJson
from headgate.dialects.base import AnyDialect
from headgate.dialects.hub import BlockDelta, BlockStarted, Text, ToolCall
from headgate.events import Event, ValidationSkipped
from headgate.routing.validation.demand import Demand
from headgate.routing.validation.transcript import Transcript
from headgate.routing.validation.verdict import Verdict, judged
from headgate.types import Chunk


class _Block(msgspec.Struct, frozen=True):
    """A text or a call under way."""

    choice: int
    name: str
    """The tool's, empty for a text."""
    checker: PartialJson

    async def grown(self, text: str) -> list[str]:
        """Take more of it; what is wrong for good by now."""
        if not self.checker.add(text):
            return []
        look = self.checker.look
        found = look() if self.checker.length <= LARGE else await asyncio.to_thread(look)
        return [f"call of '{self.name}': {each}" for each in found] if self.name else found


class Passing:
    """Looks at each chunk of a stream before it goes on. What cannot be checked is noted in `events`."""

    def __init__(self, dialect: AnyDialect, demand: Demand, events: list[Event]) -> None:
        self._demand = demand
        self._events = events
        self.transcript = Transcript(dialect)
        self._texts: dict[int, PartialJson] = {}
        """By choice: thoughts may come between the pieces of one text, and make them blocks of their own."""
        self._blocks: dict[int, _Block] = {}
        self._is_judged = False

    async def take(self, chunk: Chunk) -> Verdict:
        """What is wrong for good with what has come by now; when the stream is complete, all that is."""
        for event in self.transcript.feed(chunk):
            if isinstance(event, BlockStarted):
                found = await self._begun(event)
                if found is not None:
                    return Verdict(problems=[found], choice=event.choice)
            elif isinstance(event, BlockDelta) and event.index in self._blocks:
                block = self._blocks[event.index]
                problems = await block.grown(event.text)
                if problems:
                    return Verdict(problems=problems, choice=block.choice)
        return await self.end() if self.transcript.ended else Verdict()

    async def end(self) -> Verdict:
        """All that is wrong, now that nothing follows; nothing if that has been told."""
        if self._is_judged:
            return Verdict()
        self._is_judged = True
        self.transcript.close()
        if not self.transcript.is_readable:
            self._events.append(ValidationSkipped("the stream cannot be read"))
            return Verdict()
        verdict = await judged(self.transcript.answer(), self._demand, repair=False)
        self._events += [ValidationSkipped(reason) for reason in verdict.skipped]
        return verdict

    async def _begun(self, event: BlockStarted) -> str | None:
        """Begin to check a block; what is wrong with there being one. Words before a call are free, and only the end
        tells whether one follows.
        """
        part = event.part
        if isinstance(part, Text) and self._demand.document is not None and not self._demand.expected.calls:
            checker = self._texts.setdefault(event.choice, PartialJson(self._demand.document))
            self._blocks[event.index] = _Block(event.choice, "", checker)
        elif isinstance(part, ToolCall):
            stranger = self._demand.stranger(part.name)
            if stranger is not None:
                return stranger
            try:
                schema = await self._demand.arguments(part.name)
            except Uncheckable:
                return None  # which is told at the end
            if schema is not None:
                self._blocks[event.index] = _Block(event.choice, part.name, PartialJson(schema))
        return None
