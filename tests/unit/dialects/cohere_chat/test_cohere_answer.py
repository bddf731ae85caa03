"""Cohere's answers and streams, the texts in them, what billing reads of them, and its errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.hub import (
    Citation,
    Failed,
    Native,
    Reasoning,
    Stopped,
    Text,
    TokenLogprob,
    ToolCall,
    UsageReported,
)
from headgate.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    MalformedOutput,
    NotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    UpstreamAuth,
)
from headgate.types import Frame, Usage
from vendor_laws import events_of

DIALECT = dialects.get("cohere_chat")
SOURCE = {"type": "document", "id": "doc:0", "document": {"id": "doc:0", "title": "Book", "url": "https://example.org"}}
CITATION = {"start": 0, "end": 2, "text": "so", "sources": [SOURCE], "type": "TEXT_CONTENT"}
USAGE = {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 90, "output_tokens": 6}}


def answer(**message: Any) -> dict[str, Any]:
    return {"id": "i", "finish_reason": "COMPLETE", "message": {"role": "assistant", **message}, "usage": USAGE}


def event(kind: str, index: int | None = None, **message: Any) -> Frame:
    tree: dict[str, Any] = {"type": kind, "delta": {"message": message}}
    if index is not None:
        tree["index"] = index
    return Frame.of(tree, kind)


START = Frame.of({"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant"}}}, "message-start")
END = Frame.of({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}}, "message-end")


def accumulated(*frames: Frame) -> Accumulator:
    accumulator = Accumulator()
    for each in events_of(DIALECT, list(frames)):
        accumulator.feed(each)
    return accumulator


def test_what_bills_is_usage_and_the_rest_is_kept() -> None:
    decoded = DIALECT.decode_answer(answer(content=[{"type": "text", "text": "so"}]))
    assert decoded.usage == Usage(input_tokens=3, output_tokens=4)
    assert decoded.extra["cohere_chat"]["usage"] == USAGE


def test_tokens_stand_in_where_nothing_says_what_bills() -> None:
    tree = {**answer(content=[]), "usage": {"tokens": {"input_tokens": 9.0, "output_tokens": 1}}}
    assert DIALECT.decode_answer(tree).usage == Usage(input_tokens=9, output_tokens=1)


def test_plan_thinking_text_and_calls_in_their_order() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    decoded = DIALECT.decode_answer(
        answer(
            tool_plan="I will",
            content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}, {"type": "new", "x": 1}],
            tool_calls=[call],
        )
    )
    assert decoded.choices[0].parts == (
        Reasoning(text="I will", extra={"cohere_chat": {"field": "tool_plan"}}),
        Reasoning(text="hm"),
        Text(text="so"),
        Native(dialect="cohere_chat", data={"type": "new", "x": 1}),
        ToolCall(id="c", name="f", arguments='{"a":1}'),
    )


def test_citations_stand_on_their_text_and_those_of_the_plan_are_kept_apart() -> None:
    on_plan = {**CITATION, "type": "PLAN"}
    decoded = DIALECT.decode_answer(answer(content=[{"type": "text", "text": "so"}], citations=[CITATION, on_plan]))
    wanted = Citation(url="https://example.org", title="Book", start=0, end=2, extra={"cohere_chat": CITATION})
    assert decoded.choices[0].parts == (Text(text="so", citations=(wanted,)),)
    assert decoded.extra["cohere_chat"]["citations"] == [on_plan]


def test_log_probabilities_of_single_tokens_are_the_hubs() -> None:
    told = [
        {"text": "so", "token_ids": [1], "logprobs": [-0.5]},
        {"text": " on", "token_ids": [2, 3], "logprobs": [-1, -2]},
    ]
    decoded = DIALECT.decode_answer({**answer(content=[{"type": "text", "text": "so on"}]), "logprobs": told})
    assert decoded.choices[0].parts == (Text(text="so on", logprobs=(TokenLogprob("so", -0.5),)),)
    assert decoded.extra["cohere_chat"]["logprobs"] == told


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("COMPLETE", "end"),
        ("STOP_SEQUENCE", "stop_sequence"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("ERROR", "error"),
        ("TIMEOUT", "error"),
        ("NOVELTY", "end"),
    ],
)
def test_each_finish_reason(reason: str, stop: str) -> None:
    tree = {**answer(content=[]), "finish_reason": reason}
    assert DIALECT.decode_answer(tree).choices[0].stop == stop
    assert DIALECT.peek(json.dumps(tree).encode()).stop == stop


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"message": []},
        answer(content="so"),
        answer(content=["so"]),
        answer(content=[{"text": "so"}]),
        answer(content=[{"type": "text", "text": 1}]),
        answer(tool_plan=1),
        answer(tool_calls=[{"id": "c"}]),
        answer(tool_calls=[{"function": {"name": "f"}}]),
        answer(citations=[1]),
        answer(content=[{"type": "text", "text": "a"}], citations=[{"start": "0"}]),
        {**answer(), "logprobs": 1},
        {**answer(), "usage": {"billed_units": {"input_tokens": 1.5}}},
        {**answer(), "finish_reason": 1},
    ],
)
def test_what_is_no_answer_is_malformed_output(tree: dict[str, Any]) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


def test_a_stream_with_plan_text_citation_and_calls() -> None:
    done = accumulated(
        START,
        event("tool-plan-delta", tool_plan="I "),
        event("tool-plan-delta", tool_plan="will"),
        event("content-start", 0, content={"type": "text", "text": ""}),
        event("content-delta", 0, content={"text": "so"}),
        Frame.of({"type": "content-end", "index": 0}, "content-end"),
        event("citation-start", 0, citations=CITATION),
        Frame.of({"type": "citation-end", "index": 0}, "citation-end"),
        event("tool-call-start", 0, tool_calls={"id": "c", "type": "function", "function": {"name": "f"}}),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"a"'}}),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": ":1}"}}),
        Frame.of({"type": "tool-call-end", "index": 0}, "tool-call-end"),
        event("tool-call-start", 1, tool_calls={"id": "d", "type": "function", "function": {"name": "g"}}),
        Frame.of({"type": "tool-call-end", "index": 1}, "tool-call-end"),
        END,
        Frame(b"[DONE]"),
    )
    calls = [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "d", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    whole = answer(tool_plan="I will", content=[{"type": "text", "text": "so"}], citations=[CITATION], tool_calls=calls)
    assert done.ended
    assert done.answer() == DIALECT.decode_answer(whole)


def test_a_citation_whose_text_is_over_is_kept_with_the_answer() -> None:
    done = accumulated(
        START,
        event("content-start", 0, content={"type": "text", "text": "a"}),
        event("content-start", 1, content={"type": "text", "text": "b"}),
        event("citation-start", 0, citations=CITATION),
        END,
    )
    assert done.answer().extra["cohere_chat"]["citations"] == [CITATION]


def test_log_probabilities_of_a_stream() -> None:
    item = {"text": "so", "token_ids": [1], "logprobs": [-0.5]}
    tree = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "so"}}}, "logprobs": item}
    done = accumulated(
        START, event("content-start", 0, content={"type": "text", "text": ""}), Frame.of(tree, "content-delta"), END
    )
    assert done.answer().choices[0].parts == (Text(text="so", logprobs=(TokenLogprob("so", -0.5),)),)
    assert done.answer().extra["cohere_chat"]["logprobs"] == [item]


def test_an_error_at_the_end_of_a_stream_is_a_failure_that_still_bills() -> None:
    tree = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "gave up", "usage": USAGE}}
    events = events_of(DIALECT, [START, Frame.of(tree)])
    assert events[1:] == [
        UsageReported(usage=Usage(input_tokens=3, output_tokens=4)),
        Failed(code="server_error", message="gave up"),
    ]
    meter = DIALECT.meter()
    meter.observe(Frame.of(tree))
    assert isinstance(meter.error, ServerError)
    assert meter.usage == Usage(input_tokens=3, output_tokens=4)
    assert not meter.ended


def test_a_stream_cut_before_its_end_is_not_complete() -> None:
    begun = event("content-start", 0, content={"type": "text", "text": "a"})
    done = accumulated(START, begun)
    assert not done.ended
    assert not any(isinstance(each, Stopped) for each in events_of(DIALECT, [START, begun]))


@pytest.mark.parametrize("named", [True, False])
def test_the_meter_knows_where_a_stream_stands_with_and_without_event_lines(named: bool) -> None:
    def frame(each: Frame) -> Frame:
        return each if named else Frame(each.data)

    meter = DIALECT.meter()
    meter.observe(frame(START))
    assert (meter.id, meter.started) == ("i", False)
    meter.observe(frame(event("content-delta", 0, content={"text": "a"})))
    assert (meter.started, meter.ended) == (True, False)
    meter.observe(frame(END))
    assert (meter.ended, meter.stop, meter.usage) == (True, "end", Usage(input_tokens=3, output_tokens=4))
    assert DIALECT.is_terminator(frame(END))
    assert not DIALECT.is_terminator(frame(START))


@pytest.mark.parametrize(
    "frame",
    [
        Frame(b"{"),
        Frame(b"[]"),
        Frame(b"{}"),
        event("content-start", 0, content="x"),
        event("tool-call-delta", 3, tool_calls={"function": {"arguments": "x"}}),
        event("tool-plan-delta"),
        Frame.of({"type": "message-end"}),
        Frame.of({"type": "message-start", "id": 1}),
    ],
)
def test_a_frame_that_cannot_be_understood_is_malformed_and_the_next_is_read(frame: Frame) -> None:
    decoder = DIALECT.decode_stream()
    with pytest.raises(MalformedOutput):
        decoder.feed(frame)
    assert decoder.feed(event("content-start", 0, content={"type": "text", "text": "a"}))


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: x is required", BadRequest),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081", ContextTooLong),
        (400, "too many tokens: max tokens must be less than or equal to 4096", BadRequest),
        (401, "invalid api token", UpstreamAuth),
        (402, "Please add a payment method", QuotaExhausted),
        (404, "model 'x' not found", NotFound),
        (422, "invalid type", BadRequest),
        (429, "You are past the per minute request limit", RateLimited),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month", QuotaExhausted),
        (498, "blocked", ContentFiltered),
        (500, "internal", ServerError),
        (503, "busy", Overloaded),
        (504, "slow", Timeout),
    ],
)
def test_each_error_has_its_type(status: int, message: str, kind: type[HeadgateError]) -> None:
    error = DIALECT.decode_error(status, {}, json.dumps({"id": "i", "message": message}).encode())
    assert type(error) is kind
    assert error.message == message
    assert (error.upstream_body is not None) is kind.safe


def test_the_texts_of_a_request_say_what_they_are() -> None:
    tree = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "rules"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:x"}}],
            },
            {
                "role": "assistant",
                "tool_plan": "plan",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {
                "role": "tool",
                "tool_call_id": "c",
                "content": [{"type": "document", "document": {"id": "d", "data": {"type": "found"}}}],
            },
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "does", "parameters": {"type": "object"}}}
        ],
        "documents": [{"id": "x", "data": {"id": "kept"}}, "plain"],
        "safety_mode": "STRICT",
        "stop_sequences": ["halt"],
    }
    assert [(node.role, node.provenance, node.text) for node in DIALECT.request_texts(tree)] == [
        ("system", "system", "rules"),
        ("user", "user", "hi"),
        ("assistant", "reasoning", "plan"),
        ("assistant", "tool_call", "{}"),
        ("tool", "document", "found"),
        ("", "tool_definition", "does"),
        ("", "document", "kept"),
        ("", "document", "plain"),
        ("", "parameter", "halt"),
    ]


def test_the_texts_of_a_frame() -> None:
    frame = event("content-delta", 0, content={"thinking": "hm"})
    assert [(node.provenance, node.text) for node in DIALECT.frame_texts(json.loads(frame.data))] == [
        ("reasoning", "hm")
    ]
