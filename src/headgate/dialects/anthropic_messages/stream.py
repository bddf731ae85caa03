"""Anthropic's stream as the hub's events ("Streaming Messages").

Blocks come one after the other. Those the hub has no deltas for are held until they are whole. The end of a text or
tool call is held until the next frame, since the block behind it may carry another vendor's signature of it.
"""

from __future__ import annotations

from headgate.dialects.anthropic_messages import usage as counts
from headgate.dialects.anthropic_messages.answer import MESSAGE, stop_extra
from headgate.dialects.anthropic_messages.blocks import citation, encoded, part_of, tool_call
from headgate.dialects.anthropic_messages.errors import in_body
from headgate.dialects.anthropic_messages.names import NAME, ORIGIN, beyond
from headgate.dialects.anthropic_messages.stops import stop_of
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Failed,
    Part,
    Reasoning,
    Signature,
    Started,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
    UsageReported,
    extra_of,
)
from headgate.dialects.members import parsed
from headgate.dialects.reading import VENDOR
from headgate.dialects.signatures import Carrier, unseal
from headgate.errors import MalformedOutput
from headgate.types import JSON, Frame

_DELTA = frozenset({"type"})
_MESSAGE_DELTA = frozenset({"type", "delta", "usage"})
_STOP = frozenset({"stop_reason", "stop_sequence", "stop_details"})


class Decoder:
    """Turns one stream into events."""

    def __init__(self) -> None:
        self._next = 0
        self._open: dict[int, _Open] = {}
        """By Anthropic's index, the blocks that have begun and not stopped."""
        self._stopping: tuple[int, Part] | None = None
        """The hub's index and kind of a block whose end is not out yet."""
        self._signature: Signature | None = None
        """Of the tool call to come."""
        self._told: counts.Told | None = None
        self._usage: JSON = {}
        self._left: JSON = {}
        self._over = False

    def feed(self, frame: Frame) -> list[StreamEvent]:
        if self._over:
            return []
        tree = parsed(frame.data, frame.event or "stream event")
        name = tree.get("type")
        if name == "content_block_delta":
            return self._delta(tree)
        take = _TAKERS.get(name) if isinstance(name, str) else None
        return take(self, tree) if take else []

    def close(self) -> list[StreamEvent]:
        """Nothing is left but the end of a block that came before a cut."""
        self._over = True
        return self._stop_held()

    # ── message ──

    def _message_start(self, tree: JSON) -> list[StreamEvent]:
        message = VENDOR.required(tree, "message", dict, "message_start")
        self._note_usage(message, "message_start.message")
        extra = beyond(message, MESSAGE)
        return [
            Started(
                id=VENDOR.optional(message, "id", str, "message_start.message") or "",
                model=VENDOR.optional(message, "model", str, "message_start.message") or "",
                usage=counts.usage_of(self._told) if self._told is not None else None,
                service_tier=self._told.service_tier if self._told is not None else None,
                tier=self._told.tier if self._told is not None else None,
                extra=extra_of(NAME, extra),
            )
        ]

    def _message_delta(self, tree: JSON) -> list[StreamEvent]:
        events = self._stop_held()
        delta = VENDOR.optional(tree, "delta", dict, "message_delta") or {}
        reason = VENDOR.optional(delta, "stop_reason", str, "message_delta.delta")
        if reason is not None:
            sequence = VENDOR.optional(delta, "stop_sequence", str, "message_delta.delta")
            events.append(Stopped(stop=stop_of(reason), stop_sequence=sequence, extra=stop_extra(delta)))
        self._left |= {**beyond(delta, _STOP), **beyond(tree, _MESSAGE_DELTA)}
        if self._note_usage(tree, "message_delta") and self._told is not None:
            events.append(UsageReported(usage=counts.usage_of(self._told), tier=self._told.tier))
        return events

    def _message_stop(self, tree: JSON) -> list[StreamEvent]:
        self._over = True
        if self._usage:
            self._left["usage"] = self._usage
        return [*self._stop_held(), Ended(extra=extra_of(NAME, self._left))]

    def _error(self, tree: JSON) -> list[StreamEvent]:
        self._over = True
        error = in_body(tree)
        return [Failed(code=error.code, message=error.message)]

    def _note_usage(self, members: JSON, where: str) -> bool:
        usage = VENDOR.optional(members, "usage", dict, where)
        if usage is None:
            return False
        self._told = counts.merged(self._told, counts.told_of(usage))
        self._usage |= {name: value for name, value in usage.items() if value is not None or name not in self._usage}
        return True

    # ── blocks ──

    def _block_start(self, tree: JSON) -> list[StreamEvent]:
        number = VENDOR.required(tree, "index", int, "content_block_start")
        block = VENDOR.required(tree, "content_block", dict, "content_block_start")
        where = "content_block_start.content_block"
        kind = VENDOR.required(block, "type", str, where)
        if number in self._open:
            raise MalformedOutput(f"the vendor's stream starts block {number} twice")
        if kind == "redacted_thinking":
            part = part_of(block, where, VENDOR)
            if isinstance(part, Carrier):
                self._open[number] = _Open(None, block)
                return self._carried(part)
        if kind not in ("text", "thinking", "tool_use"):
            self._open[number] = _Open(None, block, held=True)
            return self._stop_held()
        events = self._stop_held()
        if kind == "tool_use":
            part = tool_call(block, "", where, VENDOR)
            if self._signature is not None:
                events.append(self._begin(number, part, block))
                events.append(BlockDelta(index=self._next - 1, signature=self._signature))
                self._signature = None
                return events
        else:
            if block.get("citations") == []:  # the place where they will be gathered
                block = {name: value for name, value in block.items() if name != "citations"}
            part = part_of(block, where, VENDOR)
        return [*events, self._begin(number, part, block)]

    def _begin(self, number: int, part: Part, block: JSON) -> StreamEvent:
        self._open[number] = _Open(self._next, block, part=part)
        self._next += 1
        return BlockStarted(index=self._next - 1, part=part)

    def _carried(self, carrier: Carrier) -> list[StreamEvent]:
        if carrier.what == "call":
            self._signature = carrier.signature
        elif self._stopping is not None:
            index, part = self._stopping
            if isinstance(part, Text if carrier.what == "text" else ToolCall):
                return [BlockDelta(index=index, signature=carrier.signature), *self._stop_held()]
        return self._stop_held()

    def _delta(self, tree: JSON) -> list[StreamEvent]:
        number = VENDOR.required(tree, "index", int, "content_block_delta")
        delta = VENDOR.required(tree, "delta", dict, "content_block_delta")
        block = self._open.get(number)
        if block is None:
            raise MalformedOutput(f"the vendor's stream continues block {number}, which has not begun")
        where = "content_block_delta.delta"
        if block.index is None:
            block.add(delta, where)
            return []
        match VENDOR.required(delta, "type", str, where):
            case "text_delta":
                text = VENDOR.required(delta, "text", str, where)
            case "input_json_delta":
                text = VENDOR.required(delta, "partial_json", str, where)
                block.written = block.written or bool(text)
            case "thinking_delta":
                text = VENDOR.required(delta, "thinking", str, where)
                block.thoughts.append(text)
            case "signature_delta":
                return block.signed(VENDOR.required(delta, "signature", str, where))
            case "citations_delta":
                found = VENDOR.required(delta, "citation", dict, where)
                return [BlockDelta(index=block.index, citation=citation(found, f"{where}.citation", VENDOR))]
            case _:
                return [BlockDelta(index=block.index, extra=extra_of(NAME, beyond(delta, _DELTA)))]
        return [BlockDelta(index=block.index, text=text)] if text else []

    def _block_stop(self, tree: JSON) -> list[StreamEvent]:
        block = self._open.pop(VENDOR.required(tree, "index", int, "content_block_stop"), None)
        if block is None:
            return []
        if block.index is None:
            return self._whole(block) if block.held else []
        if isinstance(block.part, Reasoning):
            return [BlockStopped(index=block.index, part=block.redacted())]
        assert block.part is not None
        self._stopping = (block.index, block.part)
        if isinstance(block.part, ToolCall) and not block.written:
            given = VENDOR.optional(block.start, "input", dict, "content_block_start.content_block")
            return [BlockDelta(index=block.index, text=encoded(given))]
        return []

    def _whole(self, block: _Open) -> list[StreamEvent]:
        index = self._next
        self._next += 1
        part = part_of(block.whole(), "content_block", VENDOR)
        return [BlockStarted(index=index, part=part), BlockStopped(index=index)]

    def _stop_held(self) -> list[StreamEvent]:
        if self._stopping is None:
            return []
        index, _ = self._stopping
        self._stopping = None
        return [BlockStopped(index=index)]


class _Open:
    """A block that has begun. `index` is the hub's, None for one that comes whole at its end or not at all."""

    def __init__(self, index: int | None, start: JSON, part: Part | None = None, held: bool = False) -> None:
        self.index = index
        self.start = start
        self.part = part
        self.held = held
        self.written = False
        """Some of a tool call's input has come."""
        self.thoughts: list[str] = []
        self._redacted: Signature | None = None
        self._input: list[str] = []
        self._members: JSON = {}

    def add(self, delta: JSON, where: str) -> None:
        """Take note of more of a block that is held."""
        if delta.get("type") == "input_json_delta":
            self._input.append(VENDOR.required(delta, "partial_json", str, where))
        else:
            self._members |= beyond(delta, _DELTA)

    def whole(self) -> JSON:
        """A held block as the unary answer would have had it.

        Raises:
            MalformedOutput: its input is not a JSON object.
        """
        text = "".join(self._input)
        given: JSON = {"input": parsed(text.encode(), "input")} if text else {}
        return {**self.start, **self._members, **given}

    def signed(self, sealed: str) -> list[StreamEvent]:
        """The signature of a thinking block. Another vendor's encrypted thoughts are told at the end only."""
        assert self.index is not None
        signature, what = unseal(sealed, ORIGIN)
        if what == "redacted":
            self._redacted = signature
            return []
        return [BlockDelta(index=self.index, signature=signature)] if sealed else []

    def redacted(self) -> Reasoning | None:
        """The whole block, if its signature held encrypted thoughts."""
        if self._redacted is None or not isinstance(self.part, Reasoning):
            return None
        text = self.part.text + "".join(self.thoughts)
        return Reasoning(text=text, redacted=self._redacted, extra=self.part.extra)


_TAKERS = {
    "message_start": Decoder._message_start,
    "content_block_start": Decoder._block_start,
    "content_block_stop": Decoder._block_stop,
    "message_delta": Decoder._message_delta,
    "message_stop": Decoder._message_stop,
    "error": Decoder._error,
}
