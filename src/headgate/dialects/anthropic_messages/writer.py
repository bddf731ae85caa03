"""Hub events as the stream a client of Anthropic's dialect expects ("Streaming Messages").

Its blocks come one after the other, while others' interleave: what belongs to a later block waits until those before
it have stopped. A block begins when there is something to put into it, so none is empty.
"""

from __future__ import annotations

from headgate.dialects.anthropic_messages import reply, usage
from headgate.dialects.anthropic_messages.block_writer import BlockWriter, writer_of
from headgate.dialects.anthropic_messages.errors import encode_error
from headgate.dialects.anthropic_messages.names import NAME
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Failed,
    Part,
    Started,
    Stopped,
    StreamEvent,
    UsageReported,
)
from headgate.errors import error_of
from headgate.types import JSON, Frame, Usage


class Encoder:
    """Writes one stream. Of several choices only the first is told: this dialect knows no more."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._blocks: dict[int, BlockWriter] = {}
        """Blocks that are not out in full, in the order in which they began."""
        self._parts: list[Part] = []
        self._next = 0
        self._usage: Usage | None = None
        self._told: JSON = {}
        self._tier: str | None = None
        self._stop = Stopped(stop=None)
        self._begun = False

    def feed(self, event: StreamEvent) -> list[Frame]:
        match event:
            case BlockDelta():
                block = self._blocks.get(event.index)
                if block is None:
                    return []
                block.add(event)
                return self._advance()
            case BlockStarted():
                if event.choice == 0:
                    self._blocks[event.index] = writer_of(event.part)
                    self._parts.append(event.part)
                return self._advance()
            case BlockStopped():
                block = self._blocks.get(event.index)
                if block is None:
                    return []
                block.stop(event.part)
                return self._advance()
            case Started():
                return self._start(event)
            case Stopped():
                if event.choice == 0:
                    self._stop = event
                return []
            case UsageReported():
                self._usage = event.usage
                return []
            case Ended():
                return self._end(event)
            case Failed():
                return [Frame.of(encode_error(error_of(event.code)(event.message)), "error")]

    def _start(self, event: Started) -> list[Frame]:
        if self._begun:
            return []
        self._begun = True
        self._usage = event.usage
        self._tier = event.service_tier
        extra = dict(event.extra.get(NAME, {}))
        self._told = extra.pop("usage", {})
        message = {
            "id": event.id or f"msg_{self._context.id}",
            "type": "message",
            "role": "assistant",
            "model": event.model or self._context.asked.get("model") or "",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self._told or usage.written(event.usage, event.service_tier),
            **extra,
        }
        return [Frame.of({"type": "message_start", "message": message}, "message_start")]

    def _advance(self) -> list[Frame]:
        """Write what can be: of the first block what there is, and of those behind it once it is out."""
        frames: list[Frame] = []
        while self._blocks:
            index = next(iter(self._blocks))
            block = self._blocks[index]
            self._next = block.write(self._next, frames)
            if not block.done:
                break
            del self._blocks[index]
        return frames

    def _end(self, event: Ended) -> list[Frame]:
        """The frames of the end. Blocks nobody stopped stop here."""
        begun = [] if self._begun else self._start(Started(id="", model=""))
        for block in self._blocks.values():
            block.stop(None)
        frames = begun + self._advance()
        extra = dict(event.extra.get(NAME, {}))
        told = {**self._told, **extra.pop("usage", {})}
        stop = self._stop
        delta = reply.stop_members(stop.stop, stop.stop_sequence, stop.extra, self._parts)
        if "container" in extra:
            delta["container"] = extra.pop("container")
        counts = told or usage.written(self._usage, self._tier)
        last = {"type": "message_delta", "delta": delta, "usage": counts, **extra}
        return [*frames, Frame.of(last, "message_delta"), Frame.of({"type": "message_stop"}, "message_stop")]
