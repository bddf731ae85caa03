"""Cohere's stream as the hub's events (Cohere docs, "A Guide to Streaming Responses").

Citations may come after the end of the text they stand on, so a text stays open until another block begins.
"""

from __future__ import annotations

from typing import Any

from headgate.dialects.cohere_chat.answer import (
    NAME,
    PLAN,
    citation,
    cited_content,
    logprobs,
    part_of,
    tool_call,
)
from headgate.dialects.cohere_chat.errors import in_stream
from headgate.dialects.cohere_chat.usage import stop_of, usage_of
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Ended,
    Failed,
    Native,
    Part,
    Reasoning,
    Started,
    Stopped,
    StreamEvent,
    ToolCall,
    UsageReported,
    extra_of,
)
from headgate.dialects.members import as_object, optional, parsed, required
from headgate.errors import MalformedOutput
from headgate.types import JSON, Frame

_Key = tuple[str, int]
"""Contents and tool calls are numbered apart from each other: `("content", 0)`."""

_PLAN: _Key = ("plan", 0)


class Decoder:
    """Turns one stream into events."""

    def __init__(self) -> None:
        self._open: dict[_Key, int] = {}
        self._bare: set[int] = set()
        """Tool calls whose arguments have not begun."""
        self._next = 0
        self._logprobs: list[JSON] = []
        self._loose: list[JSON] = []
        self._over = False

    def feed(self, frame: Frame) -> list[StreamEvent]:
        if self._over or frame.data == b"[DONE]":
            return []
        tree = parsed(frame.data, "event")
        take = _TAKERS.get(required(tree, "type", str, "event"))
        return take(self, tree) if take else []

    def close(self) -> list[StreamEvent]:
        return []

    def _message_start(self, tree: JSON) -> list[StreamEvent]:
        return [Started(id=optional(tree, "id", str, "message-start") or "", model="")]

    def _content_start(self, tree: JSON) -> list[StreamEvent]:
        block = required(_message(tree), "content", dict, "content-start.delta.message")
        part = part_of(block, "content-start.delta.message.content")
        events = self._begin(("content", _index(tree)), part)
        return [*events, *self._stop(("content", _index(tree)))] if isinstance(part, Native) else events

    def _content_delta(self, tree: JSON) -> list[StreamEvent]:
        index = self._open.get(("content", _index(tree)))
        if index is None:
            return []  # more of a kind of content that nobody has heard of
        where = "content-delta.delta.message.content"
        block = required(_message(tree), "content", dict, "content-delta.delta.message")
        text = optional(block, "text", str, where) or optional(block, "thinking", str, where) or ""
        told = tree.get("logprobs")
        if told is None:
            return [BlockDelta(index=index, text=text)]
        item = as_object(told, "content-delta.logprobs")
        self._logprobs.append(item)
        return [BlockDelta(index=index, text=text, logprobs=logprobs([item], "content-delta.logprobs"))]

    def _plan_delta(self, tree: JSON) -> list[StreamEvent]:
        text = required(_message(tree), "tool_plan", str, "tool-plan-delta.delta.message")
        events = [] if _PLAN in self._open else self._begin(_PLAN, Reasoning(extra=PLAN))
        return [*events, BlockDelta(index=self._open[_PLAN], text=text)]

    def _call_start(self, tree: JSON) -> list[StreamEvent]:
        where = "tool-call-start.delta.message.tool_calls"
        return self._begin(("tool", _index(tree)), tool_call(_call(tree, "tool-call-start"), where, empty=""))

    def _call_delta(self, tree: JSON) -> list[StreamEvent]:
        where = "tool-call-delta.delta.message.tool_calls"
        function = required(_call(tree, "tool-call-delta"), "function", dict, where)
        text = optional(function, "arguments", str, f"{where}.function") or ""
        index = self._open.get(("tool", _index(tree)))
        if index is None:
            raise MalformedOutput("tool-call-delta continues a tool call that has not begun")
        if text:
            self._bare.discard(index)
        return [BlockDelta(index=index, text=text)]

    def _call_end(self, tree: JSON) -> list[StreamEvent]:
        return self._stop(("tool", _index(tree)))

    def _citation(self, tree: JSON) -> list[StreamEvent]:
        where = "citation-start.delta.message.citations"
        told = _message(tree).get("citations")
        found = as_object(told[0] if isinstance(told, list) and told else told, where)
        place = cited_content(found, where)
        index = None if place is None else self._open.get(("content", place))
        if index is None:
            self._loose.append(found)
            return []
        return [BlockDelta(index=index, citation=citation(found, where))]

    def _message_end(self, tree: JSON) -> list[StreamEvent]:
        delta = required(tree, "delta", dict, "message-end")
        self._over = True
        events = [event for key in tuple(self._open) for event in self._stop(key)]
        usage = optional(delta, "usage", dict, "message-end.delta")
        if usage is not None:
            events.append(UsageReported(usage=usage_of(usage, "message-end.delta.usage")))
        error = optional(delta, "error", str, "message-end.delta")
        reason = optional(delta, "finish_reason", str, "message-end.delta")
        if error:
            failure = in_stream(error, reason)
            return [*events, Failed(code=failure.code, message=failure.message)]
        told: dict[str, Any] = {"finish_reason": reason} if reason is not None else {}
        stop = stop_of(reason) if reason is not None else None
        events.append(Stopped(stop=stop, extra=extra_of(NAME, told)))
        extra = {key: value for key, value in delta.items() if key not in ("finish_reason", "error")}
        if self._logprobs:
            extra["logprobs"] = self._logprobs
        if self._loose:
            extra["citations"] = self._loose
        return [*events, Ended(extra=extra_of(NAME, extra))]

    def _begin(self, key: _Key, part: Part) -> list[StreamEvent]:
        """Open a block, ending the plan and the texts before it. Tool calls may overlap."""
        if key in self._open:
            raise MalformedOutput(f"{key[0]} {key[1]} of the stream begins twice")
        events = [event for other in tuple(self._open) if other[0] != "tool" for event in self._stop(other)]
        index = self._open[key] = self._next
        self._next += 1
        if isinstance(part, ToolCall) and not part.arguments:
            self._bare.add(index)
        return [*events, BlockStarted(index=index, part=part)]

    def _stop(self, key: _Key) -> list[StreamEvent]:
        index = self._open.pop(key, None)
        if index is None:
            return []
        if index in self._bare:
            return [BlockDelta(index=index, text="{}"), BlockStopped(index=index)]
        return [BlockStopped(index=index)]


_TAKERS = {
    "message-start": Decoder._message_start,
    "content-start": Decoder._content_start,
    "content-delta": Decoder._content_delta,
    "tool-plan-delta": Decoder._plan_delta,
    "tool-call-start": Decoder._call_start,
    "tool-call-delta": Decoder._call_delta,
    "tool-call-end": Decoder._call_end,
    "citation-start": Decoder._citation,
    "message-end": Decoder._message_end,
}


def _index(tree: JSON) -> int:
    return optional(tree, "index", int, "event") or 0


def _message(tree: JSON) -> JSON:
    return required(required(tree, "delta", dict, "event"), "message", dict, "event.delta")


def _call(tree: JSON, where: str) -> JSON:
    """A tool call's part of an event: an object, though some servers put it into a list."""
    told = _message(tree).get("tool_calls")
    return as_object(told[0] if isinstance(told, list) and told else told, f"{where}.delta.message.tool_calls")
