"""Streams of responses: read from vendors that send all events or some, written in the grammar of OpenAI's SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Choice,
    Citation,
    Ended,
    Failed,
    Media,
    Native,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Started,
    Stopped,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    UsageReported,
)
from headgate.errors import MalformedOutput, QuotaExhausted
from headgate.types import Frame, Usage

DIALECT = dialects.get("openai_responses")
CONTEXT = Context(asked={"model": "m", "input": "x"}, id="call", created=1)
HEAD = {"id": "resp_1", "object": "response", "created_at": 5, "model": "m"}


def frame(kind: str, **members: Any) -> Frame:
    return Frame.of({"type": kind, **members}, kind)


def completed(*output: dict[str, Any], **members: Any) -> Frame:
    return frame("response.completed", response={**HEAD, "status": "completed", "output": list(output), **members})


def read(*frames: Frame) -> list[StreamEvent]:
    decoder = DIALECT.decode_stream()
    return [event for each in frames for event in decoder.feed(each)] + decoder.close()


def accumulated(*frames: Frame) -> Answer:
    accumulator = Accumulator()
    for event in read(*frames):
        accumulator.feed(event)
    return accumulator.answer()


def said(answer: Answer) -> list[tuple[str, str]]:
    return [
        (type(part).__name__, getattr(part, "text", "") or getattr(part, "arguments", ""))
        for part in answer.choices[0].parts
    ]


def written(*events: StreamEvent) -> list[dict[str, Any]]:
    encoder = DIALECT.encode_stream(CONTEXT)
    return [json.loads(each.data) for event in events for each in encoder.feed(event)]


def streamed(*parts: Part, **members: Any) -> list[dict[str, Any]]:
    answer = Answer(id="a", model="m", choices=(Choice(parts=parts, stop="end"),), **members)
    return written(*exploded(answer, 4))


def kinds(trees: list[dict[str, Any]]) -> list[str]:
    return [tree["type"].removeprefix("response.") for tree in trees]


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
TEXT = {**MESSAGE, "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}

# ── from a vendor ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_vendor_that_sends_the_last_event_only_is_understood() -> None:
    call = {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    answer = accumulated(completed(TEXT, call, usage={"input_tokens": 3, "output_tokens": 2}))
    assert said(answer) == [("Text", "Hello"), ("ToolCall", "{}")]
    assert (answer.id, answer.choices[0].stop) == ("resp_1", "tool_calls")
    assert answer.usage == Usage(input_tokens=3, output_tokens=2)


def test_deltas_without_anything_around_them_are_understood() -> None:
    events = read(
        frame("response.output_text.delta", delta="Hel"),
        frame("response.output_text.delta", delta="lo"),
        completed(TEXT),
    )
    assert isinstance(events[0], Started)
    deltas = [event.text for event in events if isinstance(event, BlockDelta)]
    assert deltas == ["Hel", "lo"]
    assert sum(isinstance(event, BlockStarted) for event in events) == 1


def test_text_told_only_when_it_is_done_is_a_delta_all_the_same() -> None:
    events = read(
        frame("response.output_text.delta", output_index=0, content_index=0, delta="Hel"),
        frame("response.output_text.done", output_index=0, content_index=0, text="Hello"),
        completed(TEXT),
    )
    assert [event.text for event in events if isinstance(event, BlockDelta)] == ["Hel", "lo"]


def test_a_type_may_stand_on_the_event_line_alone() -> None:
    event = Frame(b'{"delta": "Hi"}', "response.output_text.delta")
    assert said(accumulated(event)) == [("Text", "Hi")]


def test_parallel_calls_are_blocks_of_their_own_however_their_deltas_mix() -> None:
    def call(place: int, **more: Any) -> dict[str, Any]:
        return {
            "id": f"fc_{place}",
            "type": "function_call",
            "call_id": f"c{place}",
            "name": "f",
            "arguments": "",
            **more,
        }

    answer = accumulated(
        frame("response.output_item.added", output_index=0, item=call(0)),
        frame("response.output_item.added", output_index=1, item=call(1)),
        frame("response.function_call_arguments.delta", output_index=1, delta='{"b"'),
        frame("response.function_call_arguments.delta", output_index=0, delta='{"a"'),
        frame("response.function_call_arguments.delta", output_index=1, delta=":1}"),
        frame("response.function_call_arguments.done", output_index=0, arguments='{"a":1}'),
        frame("response.output_item.done", output_index=1, item=call(1, arguments='{"b":1}')),
        frame("response.output_item.done", output_index=0, item=call(0, arguments='{"a":1}')),
        completed(),
    )
    assert said(answer) == [("ToolCall", '{"a":1}'), ("ToolCall", '{"b":1}')]
    assert answer.choices[0].stop == "tool_calls"


def test_reasoning_is_signed_when_its_item_is_done() -> None:
    item = {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
    }
    events = read(
        frame("response.output_item.added", output_index=0, item={**item, "summary": []}),
        frame(
            "response.reasoning_summary_part.added",
            output_index=0,
            summary_index=0,
            part={"type": "summary_text", "text": ""},
        ),
        frame("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="a"),
        frame("response.reasoning_summary_part.done", output_index=0, summary_index=0, part=item["summary"][0]),
        frame(
            "response.reasoning_summary_part.added",
            output_index=0,
            summary_index=1,
            part={"type": "summary_text", "text": ""},
        ),
        frame("response.reasoning_summary_text.delta", output_index=0, summary_index=1, delta="b"),
        frame("response.output_item.done", output_index=0, item={**item, "encrypted_content": "enc"}),
        completed({**item, "encrypted_content": "enc"}),
    )
    shape = [type(event).__name__ for event in events[1:-2]]
    assert shape == [
        "BlockStarted",
        "BlockDelta",
        "BlockStopped",
        "BlockStarted",
        "BlockDelta",
        "BlockDelta",
        "BlockStopped",
    ]
    assert events[6] == BlockDelta(index=1, signature=Signature("openai", "enc"))


def test_hosted_tools_come_whole_when_they_are_done() -> None:
    item = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}}
    events = read(
        frame("response.output_item.added", output_index=0, item={**item, "status": "in_progress"}),
        frame("response.web_search_call.searching", output_index=0, item_id="ws_1"),
        frame("response.output_item.done", output_index=0, item=item),
        completed(item),
    )
    [started] = [event for event in events if isinstance(event, BlockStarted)]
    assert started.part == Native(dialect="openai_responses", data=item)


def test_citations_and_log_probabilities_come_as_they_are_told() -> None:
    note = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    token = {"token": "Hi", "logprob": -0.5, "top_logprobs": []}
    events = read(
        frame("response.output_text.delta", delta="Hi", logprobs=[token]),
        frame("response.output_text.annotation.added", annotation=note),
    )
    logprobs, cited = [event for event in events if isinstance(event, BlockDelta)]
    assert logprobs.logprobs == (TokenLogprob("Hi", -0.5),)
    assert cited.citation is not None
    assert cited.citation.url == "u"


def test_events_about_what_is_over_or_unknown_change_nothing() -> None:
    frames = [
        frame("response.created", response=HEAD),
        frame("response.output_item.done", output_index=0, item=TEXT),
        frame("response.output_text.delta", output_index=0, content_index=0, delta="again"),
        frame("response.output_item.done", output_index=0, item=TEXT),
        frame("response.novelty.progress", output_index=0),
        frame("response.function_call_arguments.delta", output_index=7, delta="x"),
        completed(TEXT),
        Frame(b"[DONE]"),
        frame("response.output_text.delta", output_index=3, delta="late"),
    ]
    assert said(accumulated(*frames)) == [("Text", "Hello")]
    assert sum(isinstance(event, Ended) for event in read(*frames)) == 1


def test_a_stream_without_its_last_event_has_not_ended() -> None:
    events = read(frame("response.created", response=HEAD), frame("response.output_text.delta", delta="Hi"))
    assert not any(isinstance(event, Ended | Stopped) for event in events)


def test_an_incomplete_response_ends_too() -> None:
    last = {**HEAD, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}
    events = read(frame("response.incomplete", response=last))
    assert [event.stop for event in events if isinstance(event, Stopped)] == ["length"]
    assert isinstance(events[-1], Ended)


@pytest.mark.parametrize(
    "last",
    [
        frame(
            "response.failed",
            response={**HEAD, "status": "failed", "error": {"code": "insufficient_quota", "message": "gone"}},
        ),
        frame("error", code="insufficient_quota", message="gone", param=None),
        frame("error", error={"code": "insufficient_quota", "type": "x", "message": "gone"}),
        frame(
            "response.completed",
            response={**HEAD, "status": "failed", "error": {"code": "insufficient_quota", "message": "gone"}},
        ),
    ],
)
def test_a_failure_inside_a_stream_is_told_with_its_kind(last: Frame) -> None:
    first = frame("response.created", response=HEAD)
    assert read(first, last)[-1] == Failed(code=QuotaExhausted.code, message="gone")
    meter = DIALECT.meter()
    meter.observe(first)
    meter.observe(last)
    assert isinstance(meter.error, QuotaExhausted)
    assert not meter.ended


@pytest.mark.parametrize(
    "bad",
    [
        Frame(b"{"),
        Frame(b"[]"),
        frame("response.output_text.delta", delta=3),
        frame("response.output_item.added", item="x"),
        frame("response.output_item.added", output_index="x", item={}),
        frame("response.output_item.done", item={"type": "function_call"}),
        frame("response.completed"),
        frame("response.completed", response={"output": [3]}),
    ],
)
def test_a_malformed_event_says_so_and_the_decoder_goes_on(bad: Frame) -> None:
    decoder = DIALECT.decode_stream()
    with pytest.raises(MalformedOutput):
        decoder.feed(bad)
    assert any(isinstance(event, Ended) for event in decoder.feed(completed(TEXT)))


# ── to a client ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_text_is_added_filled_and_done() -> None:
    trees = streamed(Text(text="Hello!"), usage=Usage(input_tokens=3, output_tokens=2))
    assert kinds(trees) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [tree["sequence_number"] for tree in trees] == list(range(10))
    assert trees[6]["text"] == "Hello!"
    last = trees[-1]["response"]
    assert last["output"] == [trees[-2]["item"]]
    assert last["usage"]["input_tokens"] == 3
    assert (trees[0]["response"]["status"], last["status"]) == ("in_progress", "completed")
    assert {tree["item_id"] for tree in trees[3:8]} == {last["output"][0]["id"]}


def test_every_event_fits_the_sdks_own_models() -> None:
    models = TypeAdapter[Any](ResponseStreamEvent)
    trees = streamed(
        Reasoning(text="Hm.", summarised=True, signature=Signature("anthropic", "s")),
        Reasoning(text="step"),
        Text(text="Hello", citations=(Citation(url="u", title="t"),), logprobs=(TokenLogprob("Hello", -0.1),)),
        Refusal(text="no"),
        ToolCall(id="c1", name="f", arguments='{"a":1}'),
        ToolCall(id="c2", name="g", arguments="free", kind="custom"),
        Media(kind="image", data="AA", media_type="image/png"),
        usage=Usage(input_tokens=1, output_tokens=1),
    )
    for tree in trees:
        models.validate_python(tree, strict=True)


def test_reasoning_is_told_as_summary_or_as_thoughts() -> None:
    told = kinds(streamed(Reasoning(text="Hm.", summarised=True), Reasoning(text="s")))
    assert told[2:7] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ]
    assert told[8:12] == ["output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done"]


def test_encrypted_reasoning_has_no_words() -> None:
    trees = streamed(Reasoning(redacted=Signature("anthropic", "r")))
    assert kinds(trees)[2:-1] == ["output_item.added", "output_item.done"]
    assert trees[-2]["item"]["encrypted_content"] == "hg1.anthropic.redacted.r"


def test_text_goes_on_in_one_message_until_something_else_begins() -> None:
    output = streamed(Text(text="a"), Text(text="b"), ToolCall(id="c", name="f", arguments="{}"), Text(text="c"))[-1]
    assert [len(item.get("content", ())) for item in output["response"]["output"]] == [2, 0, 1]


def test_a_text_block_still_open_when_a_call_begins_is_completed_when_it_stops() -> None:
    trees = written(
        Started(id="a", model="m"),
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="Hi"),
        BlockStarted(index=1, part=ToolCall(id="c", name="f", arguments="")),
        BlockDelta(index=1, text="{}"),
        BlockDelta(index=0, text="!"),
        BlockStopped(index=1),
        BlockStopped(index=0),
        Stopped(stop="tool_calls"),
        Ended(),
    )
    message, call = trees[-1]["response"]["output"]
    assert message["content"][0]["text"] == "Hi!"
    assert call["arguments"] == "{}"
    done = [tree["item"]["type"] for tree in trees if tree["type"] == "response.output_item.done"]
    assert done == ["function_call", "message"]


def test_the_signature_of_a_call_goes_before_it_or_after_it_as_it_comes() -> None:
    signature = Signature("gemini", "sig")
    call = ToolCall(id="c", name="f", arguments="", signature=signature)
    early = written(Started(id="a", model="m"), BlockStarted(index=0, part=call), BlockStopped(index=0), Ended())
    late = streamed(replace(call, arguments="{}"))
    assert [item.get("encrypted_content") for item in early[-1]["response"]["output"]] == ["hg1.gemini.call.sig", None]
    assert [item.get("encrypted_content") for item in late[-1]["response"]["output"]] == [
        None,
        "hg1.gemini.prior_call.sig",
    ]


def test_what_has_no_item_and_other_choices_are_left_out() -> None:
    trees = written(
        Started(id="a", model="m"),
        BlockStarted(index=0, part=Native(dialect="anthropic_messages", data={})),
        BlockStopped(index=0),
        BlockStarted(index=1, part=Text(text=""), choice=1),
        BlockDelta(index=1, text="other"),
        BlockStopped(index=1),
        Stopped(stop="length", choice=1),
        Stopped(stop="end"),
        UsageReported(usage=Usage(output_tokens=1)),
        Ended(),
    )
    assert trees[-1]["type"] == "response.completed"
    assert trees[-1]["response"]["output"] == []


def test_a_stream_that_did_not_finish_says_incomplete() -> None:
    trees = written(Started(id="a", model="m"), Stopped(stop="length"), Ended())
    assert trees[-1]["type"] == "response.incomplete"
    assert trees[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_the_terminator_comes_with_the_end_only() -> None:
    encoder = DIALECT.encode_stream(CONTEXT)
    frames = encoder.feed(Started(id="a", model="m")) + encoder.feed(Stopped(stop="end"))
    assert not any(DIALECT.is_terminator(each) for each in frames)
    assert [DIALECT.is_terminator(each) for each in encoder.feed(Ended())] == [True]


def test_a_failure_ends_the_stream_with_what_there_is() -> None:
    trees = written(
        Started(id="a", model="m"),
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="Hi"),
        Failed(code="server_error", message="gone"),
    )
    assert trees[-1]["type"] == "response.failed"
    assert trees[-1]["response"]["error"] == {"code": "server_error", "message": "gone"}
    assert trees[-1]["response"]["id"] == trees[0]["response"]["id"]


# ── metering ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "started"),
    [
        (frame("response.created", response=HEAD), False),
        (frame("response.queued", response=HEAD), False),
        (frame("response.output_item.added", item={"type": "message"}), False),
        (frame("response.output_item.added", item={"type": "function_call"}), True),
        (frame("response.web_search_call.searching", item_id="x"), False),
        (frame("response.content_part.added", part={"type": "output_text", "text": ""}), False),
        (frame("response.output_text.delta", delta="x"), True),
        (frame("response.refusal.delta", delta="x"), True),
        (frame("response.reasoning_summary_text.delta", delta="x"), True),
        (frame("response.function_call_arguments.delta", delta="x"), True),
        (completed(), True),
        (Frame(b"[DONE]"), False),
    ],
)
def test_a_stream_has_started_with_its_first_content(event: Frame, started: bool) -> None:
    meter = DIALECT.meter()
    meter.observe(event)
    assert meter.started is started


def test_a_meter_reads_usage_and_stop_at_the_end() -> None:
    meter = DIALECT.meter()
    meter.observe(frame("response.created", response=HEAD))
    assert (meter.id, meter.ended) == ("resp_1", False)
    meter.observe(completed(TEXT, usage={"input_tokens": 3, "output_tokens": 2}))
    assert (meter.usage, meter.stop, meter.ended) == (Usage(input_tokens=3, output_tokens=2), "end", True)


def test_a_call_is_why_it_stopped_though_the_last_event_has_no_output() -> None:
    meter = DIALECT.meter()
    meter.observe(frame("response.output_item.added", item={"type": "function_call"}))
    meter.observe(completed())
    assert meter.stop == "tool_calls"


def test_a_meter_says_so_when_a_frame_is_garbage() -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.meter().observe(Frame(b"<html>"))
