"""One hub block as the frames of Anthropic's blocks: it gathers what comes and writes it when its turn is there.

A block begins when there is something to put into it. What the block's stop tells once more is only written as far as
it had not been told before.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.accumulate import joined
from headgate.dialects.anthropic_messages import reply
from headgate.dialects.anthropic_messages.names import ORIGIN
from headgate.dialects.hub import BlockDelta, Citation, Part, Reasoning, Refusal, Signature, Text, ToolCall
from headgate.dialects.signatures import seal
from headgate.types import JSON, Frame


class BlockWriter:
    """Base of the writers of all kinds of block."""

    def __init__(self) -> None:
        self.done = False
        self._pending: list[BlockDelta] = []
        self._stopped = False
        self._whole: Part | None = None
        self._number: int | None = None
        """Of the block that is open."""
        self._next = 0
        self._frames: list[Frame] = []

    def add(self, delta: BlockDelta) -> None:
        self._pending.append(delta)

    def stop(self, whole: Part | None) -> None:
        """The block is complete; `whole`, if given, is all of it."""
        self._stopped = True
        self._whole = whole

    def write(self, number: int, frames: list[Frame]) -> int:
        """Append the frames of what has come, blocks numbered from `number`. Gives the number of the next block."""
        self._next = number
        self._frames = frames
        for delta in self._pending:
            self._more(delta)
        self._pending.clear()
        if self._stopped:
            self._finish()
            self.done = True
        return self._next

    def _more(self, delta: BlockDelta) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError

    def _begin(self, block: JSON) -> None:
        self._number = self._next
        self._next += 1
        self._frame("content_block_start", content_block=block)

    def _delta(self, kind: str, **members: Any) -> None:
        self._frame("content_block_delta", delta={"type": kind, **members})

    def _end(self) -> None:
        if self._number is not None:
            self._frame("content_block_stop")
            self._number = None

    def _frame(self, kind: str, **members: Any) -> None:
        self._frames.append(Frame.of({"type": kind, "index": self._number, **members}, kind))

    def _carrier(self, data: str) -> None:
        self._begin({"type": "redacted_thinking", "data": data})
        self._end()


class TextWriter(BlockWriter):
    """Text and refusals."""

    def __init__(self, part: Text | Refusal) -> None:
        super().__init__()
        self._part = part
        self._length = 0
        self._cited = 0
        self._signature: Signature | None = None
        self._again(part)

    def _again(self, part: Text | Refusal) -> None:
        """Take note of a part as far as it has not been told."""
        if len(part.text) > self._length:
            self._pending.append(BlockDelta(index=0, text=part.text[self._length :]))
        if isinstance(part, Text):
            self._pending += [BlockDelta(index=0, citation=each) for each in part.citations[self._cited :]]
            self._signature = part.signature or self._signature

    def _more(self, delta: BlockDelta) -> None:
        if delta.text:
            self._length += len(delta.text)
            self._ensure()
            self._delta("text_delta", text=delta.text)
        if delta.citation is not None:
            self._cite(delta.citation)
        self._signature = delta.signature or self._signature

    def _cite(self, citation: Citation) -> None:
        self._cited += 1
        written = reply.citation(citation)
        if written is not None:
            self._ensure()
            self._delta("citations_delta", citation=written)

    def _ensure(self) -> None:
        if self._number is None:
            self._begin(reply.opening_text(self._part))

    def _finish(self) -> None:
        if isinstance(self._whole, Text | Refusal):
            self._again(self._whole)
            for delta in self._pending:
                self._more(delta)
        self._end()
        if self._signature is not None:
            self._carrier(seal(self._signature, ORIGIN, "text"))


class ThinkingWriter(BlockWriter):
    """Reasoning, whose signature comes last."""

    def __init__(self, part: Reasoning) -> None:
        super().__init__()
        self._part = part
        self._length = 0
        self._signature = part.signature
        if part.text:
            self._pending.append(BlockDelta(index=0, text=part.text))

    def _more(self, delta: BlockDelta) -> None:
        self._signature = delta.signature or self._signature
        if delta.text:
            self._length += len(delta.text)
            self._ensure()
            self._delta("thinking_delta", thinking=delta.text)

    def _ensure(self) -> None:
        if self._number is None:
            self._begin(reply.opening_thinking(self._part))

    def _finish(self) -> None:
        whole = self._whole if isinstance(self._whole, Reasoning) else self._part
        if len(whole.text) > self._length:
            self._more(BlockDelta(index=0, text=whole.text[self._length :]))
        signature = whole.signature or self._signature
        told = Reasoning(signature=signature, redacted=whole.redacted)
        if self._length or signature is not None:
            self._ensure()
            sealed = reply.thinking_signature(told)
            if sealed:
                self._delta("signature_delta", signature=sealed)
        in_signature = signature is None and self._length and not reply.is_own(whole.redacted)
        self._end()
        if whole.redacted is not None and not in_signature:
            self._begin(reply.redacted_block(whole.redacted, {} if self._length else self._part.extra))
            self._end()


class CallWriter(BlockWriter):
    """A tool call. Arguments in free text are told as the JSON they stand for once they are whole."""

    def __init__(self, part: ToolCall) -> None:
        super().__init__()
        self._part = part
        self._length = 0
        self._held: list[str] = []
        self._late: Signature | None = None
        self._begun = False
        if part.arguments:
            self._pending.append(BlockDelta(index=0, text=part.arguments))

    def write(self, number: int, frames: list[Frame]) -> int:
        if not self._begun:
            self._begun = True
            self._next, self._frames = number, frames
            early = [delta.signature for delta in self._pending if delta.signature is not None]
            signature = self._part.signature or (early[-1] if early else None)
            if signature is not None:
                self._carrier(seal(signature, ORIGIN, "call"))
                self._pending = [msgspec.structs.replace(delta, signature=None) for delta in self._pending]
            self._begin(reply.opening_call(self._part))
            number = self._next
        return super().write(number, frames)

    def _more(self, delta: BlockDelta) -> None:
        self._late = delta.signature or self._late
        self._length += len(delta.text)
        if self._part.kind == "custom":
            self._held.append(delta.text)
        elif delta.text:
            self._delta("input_json_delta", partial_json=delta.text)

    def _finish(self) -> None:
        if isinstance(self._whole, ToolCall) and len(self._whole.arguments) > self._length:
            self._more(BlockDelta(index=0, text=self._whole.arguments[self._length :]))
        if self._part.kind == "custom":
            text = msgspec.json.encode({"input": "".join(self._held)}).decode()
            self._delta("input_json_delta", partial_json=text)
        self._end()
        if self._late is not None:
            self._carrier(seal(self._late, ORIGIN, "prior_call"))


class WholeWriter(BlockWriter):
    """What comes whole: blocks of Anthropic's own, as it streams them, and what generated audio says."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self._part = part
        self._deltas: list[BlockDelta] = []

    def _more(self, delta: BlockDelta) -> None:
        self._deltas.append(delta)

    def _finish(self) -> None:
        for block in reply.blocks_of(self._whole or joined(self._part, self._deltas)):
            if block["type"] in ("server_tool_use", "mcp_tool_use"):
                self._begin({**block, "input": {}})
                self._delta("input_json_delta", partial_json=msgspec.json.encode(block.get("input", {})).decode())
            elif block["type"] == "compaction":
                self._begin({"type": "compaction", "content": None})
                self._delta("compaction_delta", **{name: value for name, value in block.items() if name != "type"})
            else:
                self._begin(block)
            self._end()


def writer_of(part: Part) -> BlockWriter:
    """The writer of a block that begins as `part`."""
    match part:
        case Text() | Refusal():
            return TextWriter(part)
        case Reasoning():
            return ThinkingWriter(part)
        case ToolCall():
            return CallWriter(part)
        case _:
            return WholeWriter(part)
