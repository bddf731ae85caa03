"""A Converse stream as the hub's events.

Bedrock starts blocks of text and reasoning without saying so, and ends with `messageStop`, after which comes only
`metadata` with the usage. A stream cut between these two is complete but for its usage.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from headgate.dialects.bedrock_converse.answer import stop_sequence
from headgate.dialects.bedrock_converse.blocks import (
    NAME,
    ORIGIN,
    citation,
    part_of,
    redacted,
    tool_call,
)
from headgate.dialects.bedrock_converse.errors import in_stream
from headgate.dialects.bedrock_converse.usage import stop_of, tier, usage_of
from headgate.dialects.eventstream import EXCEPTION
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Failed,
    Native,
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
from headgate.dialects.members import as_object, optional, parsed, required
from headgate.errors import MalformedOutput
from headgate.types import JSON, Frame

_PADDING = "p"
"""A member of random length in each event, so that their sizes tell nothing."""


class Decoder:
    """Turns one stream into events."""

    def __init__(self) -> None:
        self._blocks: dict[int, int | _Held] = {}
        """By Bedrock's index, the hub's of a block that is out, or one that comes whole at its end."""
        self._bare: set[int] = set()
        """Tool calls, by the hub's index, whose arguments have not begun."""
        self._next = 0
        self._stopped = False
        self._left: JSON = {}
        self._over = False

    def feed(self, frame: Frame) -> list[StreamEvent]:
        name = frame.event or ""
        if self._over:
            return []
        if name.startswith(EXCEPTION):
            self._over = True
            error = in_stream(name.removeprefix(EXCEPTION), frame.data)
            return [Failed(code=error.code, message=error.message)]
        take = _TAKERS.get(name)
        return take(self, parsed(frame.data, name)) if take else []

    def close(self) -> list[StreamEvent]:
        if self._stopped and not self._over:
            self._over = True
            return [Ended(extra=extra_of(NAME, self._left))]
        return []

    def _message_start(self, tree: JSON) -> list[StreamEvent]:
        return [Started(id="", model="")]

    def _block_start(self, tree: JSON) -> list[StreamEvent]:
        number = required(tree, "contentBlockIndex", int, "contentBlockStart")
        start = required(tree, "start", dict, "contentBlockStart")
        use = optional(start, "toolUse", dict, "contentBlockStart.start")
        if use is None or use.get("type") == "server_tool_use":
            self._blocks[number] = _Held(start)
            return []
        return self._open(number, tool_call(use, "contentBlockStart.start.toolUse", ""))

    def _block_delta(self, tree: JSON) -> list[StreamEvent]:
        number = required(tree, "contentBlockIndex", int, "contentBlockDelta")
        delta = required(tree, "delta", dict, "contentBlockDelta")
        block = self._blocks.get(number)
        if isinstance(block, _Held):
            block.add(delta)
            return []
        if block is None and "toolUse" in delta:
            raise MalformedOutput("contentBlockDelta continues a tool call that has not begun")
        event = _delta(self._next if block is None else block, delta)
        if block is None:
            opened = _opening(delta)
            if opened is None:
                self._blocks[number] = held = _Held({})
                held.add(delta)
                return []
            return [*self._open(number, opened), event]
        if event.text:
            self._bare.discard(block)
        return [event]

    def _block_stop(self, tree: JSON) -> list[StreamEvent]:
        block = self._blocks.pop(required(tree, "contentBlockIndex", int, "contentBlockStop"), None)
        if block is None:  # an empty block
            return []
        if isinstance(block, int):
            if block in self._bare:  # a call without arguments may come without any delta
                return [BlockDelta(index=block, text="{}"), BlockStopped(index=block)]
            return [BlockStopped(index=block)]
        self._next += 1
        return [BlockStarted(index=self._next - 1, part=block.part()), BlockStopped(index=self._next - 1)]

    def _message_stop(self, tree: JSON) -> list[StreamEvent]:
        reason = required(tree, "stopReason", str, "messageStop")
        self._left = {key: value for key, value in tree.items() if key not in (_PADDING, "stopReason")}
        self._stopped = True
        extra = extra_of(NAME, {"stopReason": reason})
        return [Stopped(stop=stop_of(reason), stop_sequence=stop_sequence(tree), extra=extra)]

    def _metadata(self, tree: JSON) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        usage = optional(tree, "usage", dict, "metadata")
        if usage is not None:
            events.append(UsageReported(usage=usage_of(usage, "metadata.usage"), tier=tier(tree, "metadata")))
        if self._stopped:
            self._over = True
            told = {key: value for key, value in tree.items() if key != _PADDING}
            events.append(Ended(extra=extra_of(NAME, {**self._left, **told})))
        return events

    def _open(self, number: int, part: Part) -> list[StreamEvent]:
        if number in self._blocks:
            raise MalformedOutput(f"content block {number} of the stream begins twice")
        index = self._blocks[number] = self._next
        self._next += 1
        if isinstance(part, ToolCall):
            self._bare.add(index)
        return [BlockStarted(index=index, part=part)]


_TAKERS = {
    "messageStart": Decoder._message_start,
    "contentBlockStart": Decoder._block_start,
    "contentBlockDelta": Decoder._block_delta,
    "contentBlockStop": Decoder._block_stop,
    "messageStop": Decoder._message_stop,
    "metadata": Decoder._metadata,
}


def _opening(delta: JSON) -> Part | None:
    """The empty part that a block's first delta opens; None for one that has to be held until it is whole."""
    if "text" in delta or "citation" in delta:
        return Text(text="")
    if "reasoningContent" in delta and "redactedContent" not in as_object(delta["reasoningContent"], "delta"):
        return Reasoning()
    return None


def _delta(index: int, delta: JSON) -> BlockDelta:
    where = "contentBlockDelta.delta"
    if "text" in delta:
        return BlockDelta(index=index, text=required(delta, "text", str, where))
    if "toolUse" in delta:
        use = required(delta, "toolUse", dict, where)
        return BlockDelta(index=index, text=required(use, "input", str, f"{where}.toolUse"))
    if "citation" in delta:
        return BlockDelta(index=index, citation=citation(required(delta, "citation", dict, where), where))
    if "reasoningContent" in delta:
        content = required(delta, "reasoningContent", dict, where)
        signature = optional(content, "signature", str, f"{where}.reasoningContent")
        return BlockDelta(
            index=index,
            text=optional(content, "text", str, f"{where}.reasoningContent") or "",
            signature=Signature(ORIGIN, signature) if signature else None,
        )
    return BlockDelta(index=index, extra=extra_of(NAME, delta))


class _Held:
    """A block the hub has no deltas for: encrypted reasoning, an image, a server tool's call or result."""

    def __init__(self, start: JSON) -> None:
        self._start = start
        self._deltas: list[JSON] = []

    def add(self, delta: JSON) -> None:
        self._deltas.append(delta)

    def part(self) -> Part:
        """The whole block, as the unary answer would have had it.

        Raises:
            MalformedOutput: its pieces do not fit together.
        """
        where = "contentBlockDelta.delta"
        if "toolUse" in self._start:
            use = required(self._start, "toolUse", dict, "contentBlockStart.start")
            pieces = [required(each, "toolUse", dict, where) for each in self._deltas]
            text = "".join(required(each, "input", str, f"{where}.toolUse") for each in pieces)
            return Native(dialect=NAME, data={"toolUse": {**use, "input": _document(text)}})
        if "toolResult" in self._start:
            result = required(self._start, "toolResult", dict, "contentBlockStart.start")
            content = [item for each in self._deltas for item in required(each, "toolResult", list, where)]
            return Native(dialect=NAME, data={"toolResult": {**result, "content": content}})
        if "image" in self._start:
            image = required(self._start, "image", dict, "contentBlockStart.start")
            pieces = [required(each, "image", dict, where) for each in self._deltas]
            return part_of({"image": {**image, **_image(pieces)}}, "image")
        if self._deltas and "reasoningContent" in self._deltas[0]:
            contents = [required(each, "reasoningContent", dict, where) for each in self._deltas]
            blobs = [optional(each, "redactedContent", str, where) or "" for each in contents]
            return Reasoning(redacted=redacted(_blob(blobs)))
        return Native(dialect=NAME, data={"start": self._start, "deltas": self._deltas})


def _document(text: str) -> Any:
    """A server tool's input; text that is not an object stays text."""
    try:
        return parsed(text.encode(), "input") if text else {}
    except MalformedOutput:
        return text


def _image(pieces: list[JSON]) -> JSON:
    image: JSON = {}
    blobs: list[str] = []
    for piece in pieces:
        source = optional(piece, "source", dict, "image") or {}
        if "bytes" in source:
            blobs.append(required(source, "bytes", str, "image.source"))
        else:
            image |= piece
    return {**image, "source": {"bytes": _blob(blobs)}} if blobs else image


def _blob(pieces: list[str]) -> str:
    """One blob from pieces, each of which is base64 by itself."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(each, validate=True) for each in pieces)).decode()
    except binascii.Error:
        raise MalformedOutput("a blob of the stream is not base64") from None
