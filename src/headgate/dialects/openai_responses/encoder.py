"""Hub events as a stream for a client (API reference, "Streaming events").

Each output item is added, filled and done, and stands in the last event once more as a whole. Blocks may overlap, as
calls do in some dialects: every event names its item. The last part of an item says that the item is complete; text
from elsewhere goes into one message until something else begins.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    Started,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
    UsageReported,
)
from headgate.dialects.openai_responses.items import id_of
from headgate.dialects.openai_responses.names import ITEM, NAME, ORIGIN, PART, WITHIN, in_message, memory
from headgate.dialects.openai_responses.namespaces import placed, spaces
from headgate.dialects.openai_responses.output import (
    carrier,
    continues,
    head_of,
    image_item,
    is_sayable,
    item_id,
    item_of,
    written_call,
)
from headgate.dialects.openai_responses.pieces import Block, Item, Told, begun, continued, stopped
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
        self._blocks: dict[int, Block] = {}
        self._open: Item | None = None
        """The item that the next part may still belong to."""
        self._last: Part | None = None
        self._spaces = spaces(context.asked)

    def feed(self, event: StreamEvent) -> list[Frame]:
        match event:
            case BlockDelta():
                block = self._blocks.get(event.index)
                if block is not None:
                    self._tell_all(continued(block, event))
            case BlockStarted():
                if event.choice == 0 and is_sayable(event.part):
                    self._begin(event.index, placed(event.part, self._spaces))
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
        self._blocks[index] = block = Block(call, item)
        self._tell_all(begun(block))

    def _begin_piece(self, index: int, part: Part) -> None:
        """A text or refusal in a message, or a piece of reasoning."""
        item = self._open
        if item is None or self._last is None or not continues(self._last, part):
            self._seal()
            item = self._add_for(part)
        self._open = item
        self._last = _unfinished(part)
        self._blocks[index] = block = Block(part, item)
        self._tell_all(begun(block))

    def _add_for(self, part: Part) -> Item:
        """The item a first part opens."""
        head = head_of(part, len(self._items), self._context.id)
        if in_message(part):
            return self._add({**head, "status": "in_progress", "content": []}, part)
        return self._add({"summary": [], **head}, part)

    def _add(self, added: JSON, part: Part) -> Item:
        item = Item(len(self._items), id_of(added), is_own=memory(part) is not None)
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

    def _finish(self, item: Item) -> None:
        """Complete an item if it gets no more parts and all it has are complete."""
        parts = [part for part in item.parts if part is not None]
        if not item.sealed or len(parts) < len(item.parts) or self._items[item.index] is not None:
            return
        tree = item_of(parts, item.index, self._context.id)
        self._items[item.index] = tree
        self._tell("response.output_item.done", {"output_index": item.index, "item": tree})

    # ── parts ──

    def _stop(self, block: Block, part: Part) -> None:
        item = block.item
        if item.is_own and not (memory(part) or {}).keys() & {ITEM, WITHIN}:
            part = replace(part, extra=block.part.extra)
        item.parts[block.slot] = part
        if self._open is item:
            self._last = part
        self._tell_all(stopped(block, part))
        self._close(block, part)

    def _close(self, block: Block, part: Part) -> None:
        """Complete the item where this part was its last, and send a signature the part has no field for."""
        item, told = block.item, memory(part)
        is_last = isinstance(part, Reasoning | ToolCall) if told is None else ITEM in told
        sealed: str | None = None
        if isinstance(part, Text) and part.signature is not None:
            sealed = seal(part.signature, ORIGIN, "text")
        elif isinstance(part, ToolCall) and part.signature is not None and carried(block.part, ORIGIN) is None:
            sealed = seal(part.signature, ORIGIN, "prior_call")
        if is_last or sealed is not None:
            item.sealed = True
            if self._open is item:
                self._open = None
        self._finish(item)
        if sealed is not None:
            self._whole(carrier(sealed, len(self._items), self._context.id))

    def _tell_all(self, events: Iterable[Told]) -> None:
        for kind, members in events:
            self._tell(kind, members)

    def _tell(self, kind: str, members: JSON) -> None:
        self._frames.append(Frame.of({"type": kind, "sequence_number": self._number, **members}, kind))
        self._number += 1


def _unfinished(part: Part) -> Part:
    """A part of an item that may go on: whether it was the last one is known when it stops."""
    told = memory(part)
    if told is None or ITEM not in told:
        return part
    return replace(part, extra={NAME: {PART: told.get(PART, {}), WITHIN: item_id(told)}})


def _refuses(item: JSON) -> bool:
    content = item.get("content")
    return item.get("type") == "message" and any(each.get("type") == "refusal" for each in content or ())
