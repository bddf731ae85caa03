"""The blocks of a vendor's stream that are under way, and what of them has been told."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Part,
    Reasoning,
    Refusal,
    StreamEvent,
    Text,
    ToolCall,
)
from headgate.dialects.openai_responses.items import id_of
from headgate.dialects.openai_responses.names import NAME, WITHIN
from headgate.types import JSON

Key = tuple[int, str, int]
"""Where a part stands: its item's place in the output, `content`, `summary` or `call`, and its place in there."""


class Block:
    """A part under way."""

    __slots__ = ("final", "index", "is_done", "length", "start")

    def __init__(self, index: int, start: Part) -> None:
        self.index = index
        self.start = start
        self.length = 0
        """Characters told."""
        self.is_done = False
        """All of it has been told."""
        self.final: Part | None = None
        """The part as the vendor repeated it, before its item was done."""


class Blocks:
    """All blocks of one stream. Methods append the events they cause to a list the caller gives."""

    def __init__(self) -> None:
        self.heads: dict[int, JSON] = {}
        """Items as they were added, by their place in the output."""
        self._under_way: dict[Key, Block] = {}
        self._over: set[Key] = set()
        self._items: set[int] = set()
        """Places of the items that are done."""
        self._next = 0

    def get(self, key: Key) -> Block | None:
        return self._under_way.get(key)

    def is_over(self, key: Key) -> bool:
        """Whether a part, or all of its item, is complete."""
        return key in self._over or key[0] in self._items

    def is_finished(self, place: int) -> bool:
        return place in self._items

    def start(self, key: Key, part: Part, events: list[StreamEvent]) -> None:
        """Begin a block, unless it has begun."""
        if key in self._under_way or self.is_over(key):
            return
        self._under_way[key] = Block(self._next, part)
        events.append(BlockStarted(index=self._next, part=part))
        self._next += 1

    def open(self, key: Key, part: Part, events: list[StreamEvent]) -> None:
        """Begin a part of an item, which ends the parts before it that are done: it is now known which is the last."""
        for other, block in tuple(self._under_way.items()):
            if other[0] == key[0] and other != key and block.is_done:
                self.stop(other, block.final, events, is_last=False)
        known = id_of(self.heads.get(key[0], {}))
        part = replace(part, extra={NAME: {**part.extra[NAME], WITHIN: known}})
        self.start(key, replace(part, id=known or None) if isinstance(part, Reasoning) else part, events)

    def stop(self, key: Key, part: Part | None, events: list[StreamEvent], *, is_last: bool = True) -> None:
        """End a block; `part` is what the vendor says all of it is."""
        block = self._under_way.pop(key)
        self._over.add(key)
        if part is None:
            events.append(BlockStopped(index=block.index))
            return
        tell_rest(block, text_of(part), events)
        if isinstance(part, Reasoning) and part.signature is not None:
            events.append(BlockDelta(index=block.index, signature=part.signature))
        if not is_last:
            within = block.start.extra[NAME][WITHIN]
            part = replace(part, extra={NAME: {**part.extra[NAME], WITHIN: within}})
        events.append(BlockStopped(index=block.index, part=part))

    def finish(self, place: int, parts: list[Part], events: list[StreamEvent]) -> None:
        """Complete an item's blocks, and tell what of the item was not streamed."""
        counts = {"content": 0, "summary": 0, "call": 0}
        for part in parts:
            name = _list_of(part)
            key = (place, name, counts[name])
            counts[name] += 1
            if key in self._over:
                continue
            if key not in self._under_way:
                self.start(key, _emptied(part), events)
                _tell_whole(self._under_way[key], part, events)
            self.stop(key, part, events)
        self._items.add(place)
        self.close(events, place)

    def close(self, events: list[StreamEvent], place: int | None = None) -> None:
        """End what is still under way, in one item or in all."""
        for key in tuple(self._under_way):
            if place is None or key[0] == place:
                self.stop(key, None, events)


def tell_rest(block: Block, text: str | None, events: list[StreamEvent]) -> None:
    """Tell the end of a text that was not streamed, or all of it."""
    if text is not None and len(text) > block.length:
        events.append(BlockDelta(index=block.index, text=text[block.length :]))
        block.length = len(text)


def text_of(part: Part) -> str | None:
    """The words of a part that deltas tell."""
    match part:
        case Text() | Refusal() | Reasoning():
            return part.text
        case ToolCall():
            return part.arguments
        case _:
            return None


def _tell_whole(block: Block, part: Part, events: list[StreamEvent]) -> None:
    tell_rest(block, text_of(part), events)
    if isinstance(part, Text):
        events += [BlockDelta(index=block.index, citation=each) for each in part.citations]
        if part.logprobs:
            events.append(BlockDelta(index=block.index, logprobs=part.logprobs))


def _list_of(part: Part) -> str:
    if isinstance(part, Reasoning) and part.summarised:
        return "summary"
    return "call" if isinstance(part, ToolCall) else "content"


def _emptied(part: Part) -> Part:
    """A part as it begins; what comes whole is there from the start."""
    match part:
        case Text():
            return replace(part, text="", citations=(), logprobs=None)
        case Refusal():
            return replace(part, text="")
        case Reasoning():
            return replace(part, text="", signature=None)
        case ToolCall():
            return replace(part, arguments="")
        case _:
            return part
