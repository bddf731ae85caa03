"""A vendor's stream as hub events (API reference, "Streaming events").

Whole items come again when they are done, and the whole response at the end: what a vendor streams only in part, or
not at all, is taken from there. A part's last words are known when the next part of its item begins or the item is
done; only then its block stops, with the part as the item has it.
"""

from __future__ import annotations

from typing import Any

from headgate.dialects.hub import (
    BlockDelta,
    Ended,
    Failed,
    Part,
    Reasoning,
    Refusal,
    Started,
    Stopped,
    StreamEvent,
    Text,
    UsageReported,
)
from headgate.dialects.members import parsed
from headgate.dialects.openai_responses.answer import created_in, rest_of, stop_in, usage_in
from headgate.dialects.openai_responses.blocks import Block, Blocks, Key, tell_rest, text_of
from headgate.dialects.openai_responses.content import citation, logprobs_of, part_of
from headgate.dialects.openai_responses.errors import reported
from headgate.dialects.openai_responses.items import parts_of, thought_of
from headgate.dialects.openai_responses.names import NAME, PART
from headgate.dialects.reading import VENDOR
from headgate.dialects.tiers import tier_of
from headgate.types import JSON, Frame

_TEXT = Text(text="", extra={NAME: {PART: {"type": "output_text", "annotations": [], "logprobs": []}}})
_REFUSAL = Refusal(text="", extra={NAME: {PART: {"type": "refusal"}}})
_SUMMARY = Reasoning(summarised=True, extra={NAME: {PART: {"type": "summary_text"}}})
_THOUGHT = Reasoning(extra={NAME: {PART: {"type": "reasoning_text"}}})
"""Parts as they begin."""


class Decoder:
    """Turns one stream into events."""

    def __init__(self) -> None:
        self._started = False
        self._over = False
        self._tier: str | None = None
        self._blocks = Blocks()
        self._told: list[Part] = []
        """The parts of all items that are done."""
        self._ids: set[str] = set()
        """Ids of these items and calls."""

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
        """The response begins, at the latest with its first content."""
        if self._started:
            return []
        response = VENDOR.optional(tree, "response", dict) or {}
        self._started = True
        tier = VENDOR.optional(response, "service_tier", str, "response")
        self._tier = tier_of(tier)
        return [
            Started(
                id=VENDOR.optional(response, "id", str, "response") or "",
                model=VENDOR.optional(response, "model", str, "response") or "",
                created=created_in(response),
                service_tier=tier,
                tier=self._tier,
            )
        ]

    def _end(self, tree: JSON) -> list[StreamEvent]:
        response = VENDOR.required(tree, "response", dict)
        events = self._begin(tree)
        if response.get("status") == "failed":
            return [*events, *self._fail(tree)]
        for place, (item, where) in enumerate(VENDOR.objects(response, "output", "response")):
            if self._ids.isdisjoint(_ids_of(item)):
                self._finish(place, item, where, events)
        self._blocks.close(events)
        usage = usage_in(response)
        if usage is not None:
            told = VENDOR.optional(response, "service_tier", str, "response")
            events.append(UsageReported(usage=usage, tier=self._tier if told is None else tier_of(told)))
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
        events = self._begin(tree)
        self._blocks.heads[place] = item
        if item.get("type") in ("function_call", "custom_tool_call"):
            [call] = parts_of({**item, "arguments": "", "input": ""}, "item", VENDOR)
            self._blocks.start((place, "call", 0), call, events)
        return events

    def _item_done(self, tree: JSON) -> list[StreamEvent]:
        item = VENDOR.required(tree, "item", dict)
        events = self._begin(tree)
        self._finish(_place(tree, "output_index"), item, "item", events)
        return events

    def _finish(self, place: int, item: JSON, where: str, events: list[StreamEvent]) -> None:
        if self._blocks.is_finished(place):
            return
        parts = parts_of(item, where, VENDOR)
        self._told += parts
        self._ids.update(_ids_of(item))
        self._blocks.finish(place, parts, events)

    # ── parts ──

    def _content_added(self, tree: JSON) -> list[StreamEvent]:
        told = VENDOR.required(tree, "part", dict)
        part: Part = _THOUGHT
        if told.get("type") != "reasoning_text":
            part = part_of({"text": "", "refusal": "", **told}, "part", VENDOR)
            if not isinstance(part, Text | Refusal):
                return []
        events = self._begin(tree)
        self._blocks.open(_key(tree, "content"), part, events)
        return events

    def _summary_added(self, tree: JSON) -> list[StreamEvent]:
        events = self._begin(tree)
        self._blocks.open(_key(tree, "summary"), _SUMMARY, events)
        return events

    def _part_done(self, tree: JSON, name: str) -> list[StreamEvent]:
        block = self._blocks.get(_key(tree, name))
        told = VENDOR.required(tree, "part", dict)
        if block is None:
            return []
        start = block.start
        if isinstance(start, Reasoning):
            block.final = thought_of(told, "part", VENDOR, start.id, start.summarised)
        else:
            block.final = part_of(told, "part", VENDOR)
        block.is_done = True
        events: list[StreamEvent] = []
        tell_rest(block, text_of(block.final), events)
        return events

    def _content_done(self, tree: JSON) -> list[StreamEvent]:
        return self._part_done(tree, "content")

    def _summary_done(self, tree: JSON) -> list[StreamEvent]:
        return self._part_done(tree, "summary")

    # ── words ──

    def _text(self, tree: JSON) -> list[StreamEvent]:
        return self._words(tree, "content", _TEXT)

    def _refusal(self, tree: JSON) -> list[StreamEvent]:
        return self._words(tree, "content", _REFUSAL)

    def _summary(self, tree: JSON) -> list[StreamEvent]:
        return self._words(tree, "summary", _SUMMARY)

    def _thoughts(self, tree: JSON) -> list[StreamEvent]:
        return self._words(tree, "content", _THOUGHT)

    def _words(self, tree: JSON, name: str, start: Part) -> list[StreamEvent]:
        """More of a part, or, in an event that it is done, all of it."""
        events, block = self._block(tree, name, start)
        if block is None:
            return events
        text = VENDOR.optional(tree, "delta", str)
        if text is None:
            block.is_done = True
            tell_rest(block, VENDOR.required(tree, "refusal" if start is _REFUSAL else "text", str), events)
            return events
        block.length += len(text)
        found = VENDOR.objects(tree, "logprobs")
        logprobs = logprobs_of(found, VENDOR) if found else ()
        events.append(BlockDelta(index=block.index, text=text, logprobs=logprobs))
        return events

    def _annotation(self, tree: JSON) -> list[StreamEvent]:
        events, block = self._block(tree, "content", _TEXT)
        if block is not None:
            told = VENDOR.required(tree, "annotation", dict)
            events.append(BlockDelta(index=block.index, citation=citation(told, "annotation", VENDOR)))
        return events

    def _arguments(self, tree: JSON) -> list[StreamEvent]:
        """More of a call, or all of it; a call that was not added is told as a whole when it is done."""
        block = self._blocks.get((_place(tree, "output_index"), "call", 0))
        if block is None:
            return []
        text = VENDOR.optional(tree, "delta", str)
        if text is None:
            events: list[StreamEvent] = []
            tell_rest(block, VENDOR.optional(tree, "input" if "input" in tree else "arguments", str), events)
            return events
        block.length += len(text)
        return [BlockDelta(index=block.index, text=text)]

    def _block(self, tree: JSON, name: str, start: Part) -> tuple[list[StreamEvent], Block | None]:
        """The block an event continues, opened first where the vendor did not say that it begins; None for one that
        is over.
        """
        key = _key(tree, name)
        block = self._blocks.get(key)
        if block is not None or self._blocks.is_over(key):
            return [], block
        events = self._begin(tree)
        self._blocks.open(key, start, events)
        return events, self._blocks.get(key)


_TAKERS = {
    "response.created": Decoder._begin,
    "response.queued": Decoder._begin,
    "response.in_progress": Decoder._begin,
    "response.output_item.added": Decoder._item_added,
    "response.output_item.done": Decoder._item_done,
    "response.content_part.added": Decoder._content_added,
    "response.content_part.done": Decoder._content_done,
    "response.output_text.delta": Decoder._text,
    "response.output_text.done": Decoder._text,
    "response.output_text.annotation.added": Decoder._annotation,
    "response.refusal.delta": Decoder._refusal,
    "response.refusal.done": Decoder._refusal,
    "response.reasoning_summary_part.added": Decoder._summary_added,
    "response.reasoning_summary_part.done": Decoder._summary_done,
    "response.reasoning_summary_text.delta": Decoder._summary,
    "response.reasoning_summary_text.done": Decoder._summary,
    "response.reasoning_text.delta": Decoder._thoughts,
    "response.reasoning_text.done": Decoder._thoughts,
    "response.function_call_arguments.delta": Decoder._arguments,
    "response.function_call_arguments.done": Decoder._arguments,
    "response.custom_tool_call_input.delta": Decoder._arguments,
    "response.custom_tool_call_input.done": Decoder._arguments,
    "response.completed": Decoder._end,
    "response.incomplete": Decoder._end,
    "response.failed": Decoder._fail,
    "error": Decoder._fail,
}


def _ids_of(item: JSON) -> list[str]:
    return [each for each in (item.get("id"), item.get("call_id")) if isinstance(each, str) and each]


def _key(tree: JSON, name: str) -> Key:
    return _place(tree, "output_index"), name, _place(tree, f"{name}_index")


def _place(tree: JSON, name: str) -> int:
    return VENDOR.optional(tree, name, int) or 0
