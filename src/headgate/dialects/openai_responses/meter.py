"""Reading just enough of responses and their streams to bill them."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.base import Peek
from headgate.dialects.hub import Stop
from headgate.dialects.openai_responses.errors import reported
from headgate.dialects.openai_responses.usage import WireUsage, stop_of, web_searches
from headgate.dialects.tiers import tier_of
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import Frame, Usage

_CALLS = frozenset({"function_call", "custom_tool_call"})
_CONTENT = frozenset(
    {
        "response.output_text.delta",
        "response.output_text.done",
        "response.refusal.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.custom_tool_call_input.delta",
    }
)
_ENDS = ("response.completed", "response.incomplete")


class _Kind(msgspec.Struct):
    type: str | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    action: _Kind | None = None
    content: msgspec.Raw = msgspec.Raw()


class _Details(msgspec.Struct):
    reason: str | None = None


class _Searches(msgspec.Struct):
    num_requests: int | None = None


class _ToolUsage(msgspec.Struct):
    web_search: _Searches | None = None


class _Response(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    incomplete_details: _Details | None = None
    output: list[_Item] | None = None
    usage: WireUsage | None = None
    service_tier: str | None = None
    tool_usage: _ToolUsage | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    response: msgspec.Raw = msgspec.Raw()
    item: _Kind | None = None


class _Failure(msgspec.Struct):
    error: Any = None


_response = msgspec.json.Decoder(_Response)
_event = msgspec.json.Decoder(_Event)
_kinds = msgspec.json.Decoder(list[_Kind])
_failure = msgspec.json.Decoder(_Failure)
_anything = msgspec.json.Decoder()


def peek(raw: bytes) -> Peek:
    """Usage, tier, stop, id and model of a whole response.

    Raises:
        MalformedOutput: it is not JSON, or one of the members read has the wrong type.
    """
    told = _read(_response, raw)
    return Peek(
        usage=_usage(told), tier=tier_of(told.service_tier), stop=_stop(told, False), id=told.id, model=told.model
    )


def is_end(frame: Frame) -> bool:
    """Whether it is the last event of a complete stream; its name stands in its data, and mostly on a line too."""
    if frame.event is not None:
        return frame.event in _ENDS
    return b'"response.completed"' in frame.data or b'"response.incomplete"' in frame.data


class ResponsesMeter:
    """Follows one stream, which is complete with `response.completed` or `response.incomplete`."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.tier: str | None = None
        """As asked for until the last event tells how it really was."""
        self.stop: Stop | None = None
        self.id: str | None = None
        self.started = False
        self.ended = False
        self.error: HeadgateError | None = None
        self._called = False
        """A call was streamed: some vendors' last event has no output."""

    def observe(self, frame: Frame) -> None:
        """Take note of one frame.

        Raises:
            MalformedOutput: it cannot be read.
        """
        if (self.started and frame.event in _CONTENT) or frame.data == b"[DONE]":
            return
        event = _read(_event, frame.data)
        kind = event.type or frame.event
        if kind in _CONTENT:
            self.started = True
        elif kind == "response.output_item.added":
            if event.item is not None and event.item.type in _CALLS:
                self.started = self._called = True
        elif kind == "response.created":
            told = _read(_response, event.response)
            self.id, self.tier = told.id, tier_of(told.service_tier)
        elif kind in _ENDS:
            self._end(event.response)
        elif kind == "response.failed":
            self.error = reported(_read(_failure, event.response).error)
        elif kind == "error":
            self._fail(frame)

    def _end(self, raw: msgspec.Raw) -> None:
        told = _read(_response, raw)
        if told.status == "failed":
            self.error = reported(_read(_failure, raw).error)
            return
        self.id = self.id or told.id
        self.usage = _usage(told)
        if told.service_tier is not None:
            self.tier = tier_of(told.service_tier)
        self.stop = _stop(told, self._called)
        self.started = self.ended = True

    def _fail(self, frame: Frame) -> None:
        told = _read(_anything, frame.data)
        inner = told.get("error")
        self.error = reported(inner if isinstance(inner, dict) else told)


def _usage(told: _Response) -> Usage | None:
    if told.usage is None:
        return None
    billed = told.tool_usage.web_search.num_requests if told.tool_usage and told.tool_usage.web_search else None
    actions = [(item.type or "", item.action.type if item.action else None) for item in told.output or ()]
    return told.usage.to_hub(web_searches(billed, actions))


def _stop(told: _Response, called: bool) -> Stop | None:
    called = called or any(item.type in _CALLS for item in told.output or ())
    reason = told.incomplete_details.reason if told.incomplete_details else None
    return stop_of(told.status, reason, called, _refused(told))


def _refused(told: _Response) -> bool:
    contents = [item.content for item in told.output or () if item.type == "message"]
    return any(
        b'"refusal"' in bytes(raw) and any(each.type == "refusal" for each in _read(_kinds, raw)) for raw in contents
    )


def _read(decoder: msgspec.json.Decoder[Any], raw: bytes | msgspec.Raw) -> Any:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
