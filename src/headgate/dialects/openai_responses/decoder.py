"""A vendor's stream as hub events (API reference, "Streaming events").

Whole items come again when they are done, and the whole response at the end: what a vendor streams only in part, or
not at all, is taken from there. A part's last words are known when the next part of its item begins or the item is
done; only then its block stops, with the part as the item has it.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Citation,
    Ended,
    Failed,
    Media,
    Native,
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
from headgate.dialects.members import parsed
from headgate.dialects.openai_responses.answer import created_in, rest_of, stop_in, usage_in
from headgate.dialects.openai_responses.content import citation, logprobs_of, part_of
from headgate.dialects.openai_responses.errors import reported
from headgate.dialects.openai_responses.items import id_of, parts_of, thought_of
from headgate.dialects.openai_responses.names import NAME, PART, WITHIN
from headgate.dialects.reading import VENDOR
from headgate.types import JSON, Frame

_TEXT = Text(text="", extra={NAME: {PART: {"type": "output_text", "annotations": [], "logprobs": []}}})
_REFUSAL = Refusal(text="", extra={NAME: {PART: {"type": "refusal"}}})
_SUMMARY = Reasoning(summarised=True, extra={NAME: {PART: {"type": "summary_text"}}})
_THOUGHT = Reasoning(extra={NAME: {PART: {"type": "reasoning_text"}}})
"""Parts as they begin."""

_Key = tuple[int, str, int]
"""Where a part stands: its item's place in the output, `content`, `summary` or `call`, and its place in there."""


class _Block:
    """A part under way."""

    __slots__ = ("final", "index", "is_done", "length", "start")

    def __init__(self, index: int, start: Part) -> None:
        self.index = index
        self.start = start
        self.length = 0
        """Characters streamed."""
        self.is_done = False
        self.final: Part | None = None
        """The part as the vendor gave it when it was done, before its item was."""


class Decoder:
    """Turns one stream into events."""

    def __init__(self) -> None:
        self._started = False
        self._over = False
        self._next = 0
        self._blocks: dict[_Key, _Block] = {}
        self._stopped: set[_Key] = set()
        self._heads: dict[int, JSON] = {}
        """Items as they were added, by their place in the output."""
        self._done: set[int] = set()
        self._told: list[Part] = []
        """The parts of all items that are done."""
        self._ids: set[str] = set()

    def feed(self, frame: Frame) -> list[StreamEvent]:
        if self._over or frame.data == b"[DONE]":
            return []
        tree = parsed(frame.data, "event")
        kind = VENDOR.optional(tree, "type", str) or frame.event
        take = _TAKERS.get(kind or "")
        return take(self, tree) if take is not None else []

    def close(self) -> list[StreamEvent]:
        return []

    # ── the response ──

    def _begin(self, tree: JSON) -> list[StreamEvent]:
        response = VENDOR.optional(tree, "response", dict) or {}
        if self._started:
            return []
        self._started = True
        return [
            Started(
                id=VENDOR.optional(response, "id", str, "response") or "",
                model=VENDOR.optional(response, "model", str, "response") or "",
                created=created_in(response),
                service_tier=VENDOR.optional(response, "service_tier", str, "response"),
            )
        ]

    def _end(self, tree: JSON) -> list[StreamEvent]:
        response = VENDOR.required(tree, "response", dict)
        events = self._begin(tree)
        if response.get("status") == "failed":
            return [*events, *self._fail(tree)]
        for place, (item, where) in enumerate(VENDOR.objects(response, "output", "response")):
            if place not in self._done and not self._is_told(item):
                self._finish(place, item, where, events)
        for key in tuple(self._blocks):
            self._stop(key, None, events)
        usage = usage_in(response)
        if usage is not None:
            events.append(UsageReported(usage=usage))
        self._over = True
        return [*events, Stopped(stop=stop_in(response, self._told)), Ended(extra={NAME: rest_of(response)})]

    def _fail(self, tree: JSON) -> list[StreamEvent]:
        """The response failed, or the stream did: an error stands in the response, in `error`, or in the event."""
        self._over = True
        response = tree.get("response")
        holder: Any = response if isinstance(response, dict) else tree
        told = holder.get("error")
        failure = reported(told if isinstance(told, dict) else holder)
        return [Failed(code=failure.code, message=failure.message)]

    # ── items ──

    def _item_added(self, tree: JSON) -> list[StreamEvent]:
        item = VENDOR.required(tree, "item", dict)
        place = _place(tree, "output_index")
        self._heads[place] = item
        kind = item.get("type")
        events = self._begin(tree)
        if kind in ("function_call", "custom_tool_call") and (place, "call", 0) not in self._blocks:
            empty = {**item, "arguments": "", "input": ""}
            [call] = parts_of(empty, "item", VENDOR)
            self._start((place, "call", 0), call, events)
        return events

    def _item_done(self, tree: JSON) -> list[StreamEvent]:
        item = VENDOR.required(tree, "item", dict)
        events = self._begin(tree)
        self._finish(_place(tree, "output_index"), item, "item", events)
        return events

    def _is_told(self, item: JSON) -> bool:
        """Whether an item of the last event was streamed, in whatever place."""
        return not self._ids.isdisjoint(_ids_of(item))

    def _finish(self, place: int, item: JSON, where: str, events: list[StreamEvent]) -> None:
        """Complete an item's blocks, or tell all of an item nothing was heard of."""
        if place in self._done:
            return
        self._done.add(place)
        self._ids.update(_ids_of(item))
        counts = {"content": 0, "summary": 0, "call": 0}
        for part in parts_of(item, where, VENDOR):
            self._told.append(part)
            name = _list_of(part)
            key = (place, name, counts[name])
            counts[name] += 1
            if key in self._stopped:
                continue
            if key not in self._blocks:
                self._start(key, _emptied(part), events)
                self._retell(key, part, events)
            self._stop(key, part, events)
        for key in [each for each in self._blocks if each[0] == place]:
            self._stop(key, None, events)

    # ── parts ──

    def _content_added(self, tree: JSON) -> list[StreamEvent]:
        events = self._begin(tree)
        place = _place(tree, "output_index")
        told = VENDOR.required(tree, "part", dict)
        if told.get("type") == "reasoning_text":
            self._open(place, "content", _place(tree, "content_index"), _THOUGHT, events)
        else:
            part = part_of({"text": "", "refusal": "", **told}, "part", VENDOR)
            if isinstance(part, Text | Refusal):
                self._open(place, "content", _place(tree, "content_index"), part, events)
        return events

    def _summary_added(self, tree: JSON) -> list[StreamEvent]:
        events = self._begin(tree)
        self._open(_place(tree, "output_index"), "summary", _place(tree, "summary_index"), _SUMMARY, events)
        return events

    def _content_done(self, tree: JSON) -> list[StreamEvent]:
        return self._part_done(tree, (_place(tree, "output_index"), "content", _place(tree, "content_index")))

    def _summary_done(self, tree: JSON) -> list[StreamEvent]:
        return self._part_done(tree, (_place(tree, "output_index"), "summary", _place(tree, "summary_index")))

    def _part_done(self, tree: JSON, key: _Key) -> list[StreamEvent]:
        block = self._blocks.get(key)
        told = VENDOR.required(tree, "part", dict)
        if block is None:
            return []
        block.is_done = True
        if isinstance(block.start, Reasoning):
            block.final = thought_of(told, "part", VENDOR, block.start.id, block.start.summarised)
        else:
            block.final = part_of(told, "part", VENDOR)
        return self._rest(block, _text_of(block.final))

    def _text(self, tree: JSON) -> list[StreamEvent]:
        events, block = self._block(tree, "content", _TEXT)
        if block is None:
            return events
        text = VENDOR.required(tree, "delta", str)
        block.length += len(text)
        found = VENDOR.objects(tree, "logprobs")
        logprobs = logprobs_of(found, VENDOR) if found else ()
        events.append(BlockDelta(index=block.index, text=text, logprobs=logprobs))
        return events

    def _refusal(self, tree: JSON) -> list[StreamEvent]:
        return self._words(tree, "content", _REFUSAL)

    def _summary(self, tree: JSON) -> list[StreamEvent]:
        return self._words(tree, "summary", _SUMMARY)

    def _thoughts(self, tree: JSON) -> list[StreamEvent]:
        return self._words(tree, "content", _THOUGHT)

    def _words(self, tree: JSON, name: str, start: Part) -> list[StreamEvent]:
        events, block = self._block(tree, name, start)
        if block is None:
            return events
        text = VENDOR.required(tree, "delta", str)
        block.length += len(text)
        events.append(BlockDelta(index=block.index, text=text))
        return events

    def _arguments(self, tree: JSON) -> list[StreamEvent]:
        """More of a call; of one that was not added all is told when it is done."""
        text = VENDOR.required(tree, "delta", str)
        block = self._blocks.get((_place(tree, "output_index"), "call", 0))
        if block is None:
            return []
        block.length += len(text)
        return [BlockDelta(index=block.index, text=text)]

    def _arguments_done(self, tree: JSON) -> list[StreamEvent]:
        block = self._blocks.get((_place(tree, "output_index"), "call", 0))
        return self._rest(block, tree.get("arguments", tree.get("input"))) if block is not None else []

    def _text_done(self, tree: JSON) -> list[StreamEvent]:
        return self._words_done(tree, "content", _TEXT)

    def _refusal_done(self, tree: JSON) -> list[StreamEvent]:
        return self._words_done(tree, "content", _REFUSAL)

    def _summary_text_done(self, tree: JSON) -> list[StreamEvent]:
        return self._words_done(tree, "summary", _SUMMARY)

    def _thoughts_done(self, tree: JSON) -> list[StreamEvent]:
        return self._words_done(tree, "content", _THOUGHT)

    def _words_done(self, tree: JSON, name: str, start: Part) -> list[StreamEvent]:
        events, block = self._block(tree, name, start)
        if block is None:
            return events
        block.is_done = True
        return [*events, *self._rest(block, tree.get("refusal" if isinstance(start, Refusal) else "text"))]

    def _annotation(self, tree: JSON) -> list[StreamEvent]:
        events, block = self._block(tree, "content", _TEXT)
        if block is None:
            return events
        told = VENDOR.required(tree, "annotation", dict)
        events.append(BlockDelta(index=block.index, citation=citation(told, "annotation", VENDOR)))
        return events

    # ── blocks ──

    def _block(self, tree: JSON, name: str, start: Part) -> tuple[list[StreamEvent], _Block | None]:
        """The block an event continues, opened first where the vendor did not say that it begins; None for one that
        is over.
        """
        index = _place(tree, "summary_index" if name == "summary" else "content_index")
        key = (_place(tree, "output_index"), name, index)
        block = self._blocks.get(key)
        if block is not None or key in self._stopped or key[0] in self._done:
            return [], block
        events = self._begin(tree)
        self._open(key[0], name, index, start, events)
        return events, self._blocks[key]

    def _open(self, place: int, name: str, index: int, start: Part, events: list[StreamEvent]) -> None:
        """Begin a part of an item, which ends the parts before it that are done."""
        for key in [each for each, block in self._blocks.items() if each[0] == place and block.is_done]:
            self._stop(key, self._blocks[key].final, events, is_last=False)
        known = id_of(self._heads.get(place, {}))
        start = replace(start, extra={NAME: {**start.extra[NAME], WITHIN: known}})
        if isinstance(start, Reasoning):
            start = replace(start, id=known or None)
        self._start((place, name, index), start, events)

    def _start(self, key: _Key, part: Part, events: list[StreamEvent]) -> None:
        self._blocks[key] = _Block(self._next, part)
        events.append(BlockStarted(index=self._next, part=part))
        self._next += 1

    def _stop(self, key: _Key, part: Part | None, events: list[StreamEvent], *, is_last: bool = True) -> None:
        block = self._blocks.pop(key)
        self._stopped.add(key)
        if part is None:
            events.append(BlockStopped(index=block.index))
            return
        text = _text_of(part)
        if text is not None:
            events += self._rest(block, text)
        if isinstance(part, Reasoning) and part.signature is not None:
            events.append(BlockDelta(index=block.index, signature=part.signature))
        if not is_last:
            part = replace(part, extra={NAME: {**part.extra[NAME], WITHIN: block.start.extra[NAME][WITHIN]}})
        events.append(BlockStopped(index=block.index, part=part))

    def _retell(self, key: _Key, part: Part, events: list[StreamEvent]) -> None:
        """What of a part that was not streamed is told in deltas besides its text."""
        if isinstance(part, Text):
            block = self._blocks[key]
            events += self._rest(block, part.text)
            cited: tuple[Citation, ...] = part.citations
            events += [BlockDelta(index=block.index, citation=each) for each in cited]

    def _rest(self, block: _Block, text: Any) -> list[StreamEvent]:
        """The end of a text that was not streamed, or all of it."""
        if not isinstance(text, str) or len(text) <= block.length:
            return []
        missing = text[block.length :]
        block.length = len(text)
        return [BlockDelta(index=block.index, text=missing)]


_TAKERS = {
    "response.created": Decoder._begin,
    "response.queued": Decoder._begin,
    "response.in_progress": Decoder._begin,
    "response.output_item.added": Decoder._item_added,
    "response.output_item.done": Decoder._item_done,
    "response.content_part.added": Decoder._content_added,
    "response.content_part.done": Decoder._content_done,
    "response.output_text.delta": Decoder._text,
    "response.output_text.done": Decoder._text_done,
    "response.output_text.annotation.added": Decoder._annotation,
    "response.refusal.delta": Decoder._refusal,
    "response.refusal.done": Decoder._refusal_done,
    "response.reasoning_summary_part.added": Decoder._summary_added,
    "response.reasoning_summary_part.done": Decoder._summary_done,
    "response.reasoning_summary_text.delta": Decoder._summary,
    "response.reasoning_summary_text.done": Decoder._summary_text_done,
    "response.reasoning_text.delta": Decoder._thoughts,
    "response.reasoning_text.done": Decoder._thoughts_done,
    "response.function_call_arguments.delta": Decoder._arguments,
    "response.function_call_arguments.done": Decoder._arguments_done,
    "response.custom_tool_call_input.delta": Decoder._arguments,
    "response.custom_tool_call_input.done": Decoder._arguments_done,
    "response.completed": Decoder._end,
    "response.incomplete": Decoder._end,
    "response.failed": Decoder._fail,
    "error": Decoder._fail,
}


def _ids_of(item: JSON) -> list[str]:
    return [each for each in (item.get("id"), item.get("call_id")) if isinstance(each, str) and each]


def _place(tree: JSON, name: str) -> int:
    return VENDOR.optional(tree, name, int) or 0


def _list_of(part: Part) -> str:
    if isinstance(part, Reasoning) and part.summarised:
        return "summary"
    return "call" if isinstance(part, ToolCall) else "content"


def _text_of(part: Part) -> str | None:
    match part:
        case Text() | Refusal() | Reasoning():
            return part.text
        case ToolCall():
            return part.arguments
        case _:
            return None


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
        case Media() | Native():
            return part
        case _:
            return part
