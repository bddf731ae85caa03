"""Hub events as a stream for a client (API reference, "Streaming events").

Each output item is added, filled and done, and stands in the last event once more as a whole. Blocks may overlap, as
calls do in some dialects: every event names its item. The last part of an item says that the item is complete; text
from elsewhere goes into one message until something else begins.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.accumulate import joined
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Extra,
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
from headgate.dialects.openai_responses.content import written, written_annotation, written_logprob
from headgate.dialects.openai_responses.items import id_of
from headgate.dialects.openai_responses.names import ITEM, NAME, ORIGIN, PART, WITHIN, in_message, memory
from headgate.dialects.openai_responses.output import (
    carrier,
    continues,
    head_of,
    image_item,
    is_sayable,
    item_id,
    item_of,
    thought,
    written_call,
)
from headgate.dialects.openai_responses.reply import finished, response_head
from headgate.dialects.signatures import carried, seal
from headgate.types import JSON, Frame, Usage

_UNDER_WAY: JSON = {
    "status": "in_progress",
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
    "output": [],
    "usage": None,
}


class _Item:
    """An output item under way."""

    def __init__(self, index: int, known: str, is_own: bool) -> None:
        self.index = index
        self.id = known
        self.is_own = is_own
        self.parts: list[Part | None] = []
        """Its parts in order; None while they are under way."""
        self.thoughts = {True: 0, False: 0}
        """Pieces of summary and of thoughts so far."""
        self.sealed = False
        """Nothing more will be added."""


class _Block:
    """A part under way."""

    __slots__ = ("deltas", "item", "part", "place", "slot")

    def __init__(self, part: Part, item: _Item) -> None:
        self.part = part
        self.item = item
        self.slot = len(item.parts)
        item.parts.append(None)
        self.place = -1
        """`content_index` or `summary_index`, once the client has heard of it."""
        self.deltas: list[BlockDelta] = []


class Encoder:
    """Writes one stream."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._frames: list[Frame] = []
        self._number = 0
        self._started = Started(id="", model="")
        self._extra: Extra = {}
        self._usage: Usage | None = None
        self._stopped = Stopped(stop=None)
        self._items: list[JSON | None] = []
        self._blocks: dict[int, _Block] = {}
        self._open: _Item | None = None
        """The item that the next part may still belong to."""
        self._last: Part | None = None

    def feed(self, event: StreamEvent) -> list[Frame]:
        match event:
            case BlockDelta():
                block = self._blocks.get(event.index)
                if block is not None:
                    self._delta(block, event)
            case BlockStarted():
                if event.choice == 0 and is_sayable(event.part):
                    self._begin(event.index, event.part)
            case BlockStopped():
                block = self._blocks.pop(event.index, None)
                if block is not None:
                    self._stop(block, event.part or joined(block.part, block.deltas))
            case Started():
                self._start(event)
            case UsageReported():
                self._usage = event.usage
            case Stopped():
                if event.choice == 0:
                    self._stopped = event
            case Ended():
                self._end(event)
            case Failed():
                self._fail(event)
        frames = self._frames
        self._frames = []
        return frames

    # ── the response ──

    def _start(self, event: Started) -> None:
        self._started = event
        self._extra = event.extra
        self._usage = event.usage
        under_way = {**self._head(), **_UNDER_WAY}
        self._tell("response.created", {"response": under_way})
        self._tell("response.in_progress", {"response": under_way})

    def _head(self) -> JSON:
        started = self._started
        head = response_head(started.id, started.model, started.created, self._extra.get(NAME), self._context)
        if started.service_tier is not None:
            head.setdefault("service_tier", started.service_tier)
        return head

    def _end(self, event: Ended) -> None:
        for index in tuple(self._blocks):
            block = self._blocks.pop(index)
            self._stop(block, joined(block.part, block.deltas))
        self._seal()
        if NAME in event.extra:
            self._extra = {NAME: {**self._extra.get(NAME, {}), **event.extra[NAME]}}
        head = self._head()
        head["output"] = [item for item in self._items if item is not None]
        has_refusal = any(_refuses(item) for item in head["output"])
        response = finished(head, self._usage, self._stopped.stop, has_refusal, self._context)
        kind = "response.incomplete" if response["status"] == "incomplete" else "response.completed"
        self._tell(kind, {"response": response})

    def _fail(self, event: Failed) -> None:
        output = [item for item in self._items if item is not None]
        error = {"code": event.code, "message": event.message}
        response = {**self._head(), "status": "failed", "error": error, "output": output, "usage": None}
        self._tell("response.failed", {"response": response})

    # ── items ──

    def _begin(self, index: int, part: Part) -> None:
        match part:
            case Native() if not in_message(part):
                self._whole(part.data)
            case Media():
                self._whole(image_item(part, len(self._items), self._context.id))
            case ToolCall():
                sealed = carried(part, ORIGIN)
                if sealed:
                    self._whole(carrier(sealed, len(self._items), self._context.id))
                self._begin_call(index, part)
            case _:
                self._begin_piece(index, part)

    def _whole(self, item: JSON) -> None:
        """An item that comes all at once."""
        self._seal()
        index = len(self._items)
        self._items.append(item)
        self._tell("response.output_item.added", {"output_index": index, "item": item})
        self._tell("response.output_item.done", {"output_index": index, "item": item})

    def _begin_call(self, index: int, call: ToolCall) -> None:
        self._seal()
        head = head_of(call, len(self._items), self._context.id)
        item = self._add({**written_call(replace(call, arguments=""), head), "status": "in_progress"}, call)
        self._blocks[index] = block = _Block(replace(call, arguments=""), item)
        self._open = None
        if call.arguments:
            self._delta(block, BlockDelta(index=index, text=call.arguments))

    def _begin_piece(self, index: int, part: Part) -> None:
        """A text or refusal in a message, or a piece of reasoning."""
        item = self._open
        if item is None or self._last is None or not continues(self._last, part):
            self._seal()
            item = self._add_for(part)
        self._open = item
        self._last = _unfinished(part)
        self._blocks[index] = block = _Block(part, item)
        if in_message(part):
            block.place = block.slot
            empty = _emptied(part)
            content = {"content_index": block.place, "part": written(empty)}
            self._tell("response.content_part.added", {**self._of(item), **content})
            if isinstance(part, Text | Refusal) and part.text:
                block.part = empty
                self._delta(block, BlockDelta(index=index, text=part.text))
        elif isinstance(part, Reasoning):
            if part.text or _has_piece(part):
                self._begin_thought(block, part)
            if part.text:
                block.part = replace(part, text="")
                self._delta(block, BlockDelta(index=index, text=part.text))

    def _add_for(self, part: Part) -> _Item:
        """The item a first part opens."""
        head = head_of(part, len(self._items), self._context.id)
        if in_message(part):
            return self._add({**head, "status": "in_progress", "content": []}, part)
        return self._add({"summary": [], **head}, part)

    def _add(self, added: JSON, part: Part) -> _Item:
        item = _Item(len(self._items), id_of(added), is_own=memory(part) is not None)
        self._items.append(None)
        self._tell("response.output_item.added", {"output_index": item.index, "item": added})
        return item

    def _seal(self) -> None:
        """Something else begins: the item before it gets no more parts."""
        item = self._open
        self._open = None
        if item is not None:
            item.sealed = True
            self._finish(item)

    def _finish(self, item: _Item) -> None:
        """Complete an item if it gets no more parts and all it has are complete."""
        parts = [part for part in item.parts if part is not None]
        if not item.sealed or len(parts) < len(item.parts) or self._items[item.index] is not None:
            return
        tree = item_of(parts, item.index, self._context.id)
        self._items[item.index] = tree
        self._tell("response.output_item.done", {"output_index": item.index, "item": tree})

    # ── parts ──

    def _delta(self, block: _Block, event: BlockDelta) -> None:
        block.deltas.append(event)
        part, item = block.part, block.item
        match part:
            case Text():
                if event.text or event.logprobs:
                    logprobs = [written_logprob(each, is_own=item.is_own) for each in event.logprobs]
                    told = {"content_index": block.place, "delta": event.text, "logprobs": logprobs}
                    self._tell("response.output_text.delta", {**self._of(item), **told})
                if event.citation is not None:
                    self._cite(block, event)
            case Refusal():
                if event.text:
                    told = {"content_index": block.place, "delta": event.text}
                    self._tell("response.refusal.delta", {**self._of(item), **told})
            case Reasoning():
                if event.text:
                    self._think(block, part, event.text)
            case ToolCall():
                if event.text:
                    self._tell(f"{_call_events(part)}.delta", {**self._of(item), "delta": event.text})
            case _:
                pass

    def _cite(self, block: _Block, event: BlockDelta) -> None:
        length = sum(len(each.text) for each in block.deltas)
        annotation = written_annotation(event.citation, length) if event.citation is not None else None
        if annotation is not None:
            number = sum(each.citation is not None for each in block.deltas) - 1
            told = {"content_index": block.place, "annotation_index": number, "annotation": annotation}
            self._tell("response.output_text.annotation.added", {**self._of(block.item), **told})

    def _begin_thought(self, block: _Block, part: Reasoning) -> None:
        counts = block.item.thoughts
        block.place = counts[part.summarised]
        counts[part.summarised] += 1
        empty = {"summary_index" if part.summarised else "content_index": block.place, "part": thought(_emptied(part))}
        kind = "response.reasoning_summary_part.added" if part.summarised else "response.content_part.added"
        self._tell(kind, {**self._of(block.item), **empty})

    def _think(self, block: _Block, part: Reasoning, text: str) -> None:
        if block.place < 0:
            self._begin_thought(block, part)
        if part.summarised:
            told = {"summary_index": block.place, "delta": text}
            self._tell("response.reasoning_summary_text.delta", {**self._of(block.item), **told})
        else:
            told = {"content_index": block.place, "delta": text}
            self._tell("response.reasoning_text.delta", {**self._of(block.item), **told})

    def _stop(self, block: _Block, part: Part) -> None:
        item = block.item
        if item.is_own and not (memory(part) or {}).keys() & {ITEM, WITHIN}:
            part = replace(part, extra=block.part.extra)
        item.parts[block.slot] = part
        self._last = part if self._open is item else self._last
        match part:
            case Text():
                logprobs = [written_logprob(each, is_own=item.is_own) for each in part.logprobs or ()]
                done = {"content_index": block.place, "text": part.text, "logprobs": logprobs}
                self._tell("response.output_text.done", {**self._of(item), **done})
            case Refusal():
                done = {"content_index": block.place, "refusal": part.text}
                self._tell("response.refusal.done", {**self._of(item), **done})
            case Reasoning():
                self._stop_thought(block, part)
            case ToolCall():
                content = "input" if part.kind == "custom" else "arguments"
                done = {**self._of(item), content: part.arguments}
                if part.kind == "function":
                    done["name"] = part.name
                self._tell(f"{_call_events(part)}.done", done)
                item.sealed = True
            case _:
                pass
        if in_message(part):
            tree = written(part)
            self._tell("response.content_part.done", {**self._of(item), "content_index": block.place, "part": tree})
        self._close(block, item, part)

    def _stop_thought(self, block: _Block, part: Reasoning) -> None:
        if block.place < 0:
            if not part.text:
                return
            self._begin_thought(block, part)
        tree = thought(part)
        if part.summarised:
            place = {**self._of(block.item), "summary_index": block.place}
            self._tell("response.reasoning_summary_text.done", {**place, "text": part.text})
            self._tell("response.reasoning_summary_part.done", {**place, "part": tree})
        else:
            place = {**self._of(block.item), "content_index": block.place}
            self._tell("response.reasoning_text.done", {**place, "text": part.text})
            self._tell("response.content_part.done", {**place, "part": tree})

    def _close(self, block: _Block, item: _Item, part: Part) -> None:
        """Complete the item where this part was its last, and send the signature after a part that has no field."""
        told = memory(part)
        is_last = isinstance(part, Reasoning) if told is None else ITEM in told
        signed: str | None = None
        if isinstance(part, Text) and part.signature is not None:
            signed = seal(part.signature, ORIGIN, "text")
        elif isinstance(part, ToolCall) and part.signature is not None and not _is_signed(block.part):
            signed = seal(part.signature, ORIGIN, "prior_call")
        if is_last or signed is not None:
            item.sealed = True
            if self._open is item:
                self._open = None
        self._finish(item)
        if signed is not None:
            self._whole(carrier(signed, len(self._items), self._context.id))

    def _of(self, item: _Item) -> JSON:
        return {"item_id": item.id, "output_index": item.index}

    def _tell(self, kind: str, members: JSON) -> None:
        self._frames.append(Frame.of({"type": kind, "sequence_number": self._number, **members}, kind))
        self._number += 1


def _is_signed(part: Part) -> bool:
    return isinstance(part, ToolCall) and part.signature is not None


def _emptied(part: Any) -> Any:
    """A part without the words that are still to come."""
    match part:
        case Text():
            return replace(part, text="", citations=(), logprobs=None)
        case Refusal() | Reasoning():
            return replace(part, text="")
        case _:
            return part


def _has_piece(part: Reasoning) -> bool:
    told = memory(part)
    return told is not None and PART in told


def _unfinished(part: Part) -> Part:
    """A part of an item that may go on: whether it was the last one is known when it stops."""
    told = memory(part)
    if told is None or ITEM not in told:
        return part
    return replace(part, extra={NAME: {PART: told.get(PART, {}), WITHIN: item_id(told)}})


def _call_events(call: ToolCall) -> str:
    return "response.custom_tool_call_input" if call.kind == "custom" else "response.function_call_arguments"


def _refuses(item: JSON) -> bool:
    content = item.get("content")
    return item.get("type") == "message" and any(each.get("type") == "refusal" for each in content or ())
