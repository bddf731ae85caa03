"""Anthropic's streams, read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Citation,
    Ended,
    Failed,
    Media,
    Native,
    Reasoning,
    Refusal,
    Signature,
    Started,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
    UsageReported,
)
from headgate.errors import MalformedOutput, Overloaded
from headgate.types import JSON, Frame, Usage
from vendor_laws import events_of

DIALECT = dialects.get("anthropic_messages")
CONTEXT = Context(asked={"model": "asked"}, id="abc", created=0)
SDK_EVENT = TypeAdapter[Any](RawMessageStreamEvent)

START: JSON = {
    "type": "message_start",
    "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
                "usage": {"input_tokens": 5, "cache_creation_input_tokens": 8, "output_tokens": 1,
                          "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 8}}},
}  # fmt: skip
END: list[JSON] = [
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 9},
    },
    {"type": "message_stop"},
]


def block(index: int, start: JSON, *deltas: JSON) -> list[JSON]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def frames(*trees: JSON) -> list[Frame]:
    return [Frame.of(tree, tree.get("type")) for tree in trees]


def read(*trees: JSON) -> Accumulator:
    accumulator = Accumulator()
    for event in events_of(DIALECT, frames(*trees)):
        accumulator.feed(event)
    return accumulator


def write(*events: StreamEvent, start: Started | None = None) -> list[JSON]:
    """What the encoder writes for a stream of these events, each of them valid to the official SDK."""
    encoder = DIALECT.encode_stream(CONTEXT)
    told = [start or Started(id="x", model="gpt"), *events, Stopped(stop="end"), Ended()]
    written = [json.loads(frame.data) for event in told for frame in encoder.feed(event)]
    for tree in written:
        SDK_EVENT.validate_python(tree)
    return written


def kinds(trees: list[JSON]) -> list[str]:
    return [tree["type"].removeprefix("content_block_") for tree in trees]


def by_sdk(trees: list[JSON]) -> Message:
    """The message the official SDK accumulates from a stream."""
    message: Any = None
    buffers: dict[int, bytes] = {}
    for tree in trees:
        message = accumulate_event(event=SDK_EVENT.validate_python(tree), current_snapshot=message, json_bufs=buffers)
    return message


# ── reading ──


def test_a_stream_of_every_kind_of_block() -> None:
    accumulator = read(
        START,
        {"type": "ping"},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Hm"},
            {"type": "thinking_delta", "thinking": "."},
            {"type": "signature_delta", "signature": "sig"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "enc"}),
        *block(
            2,
            {"type": "text", "text": "", "citations": []},
            {"type": "text_delta", "text": "Hi"},
            {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "c"}},
        ),
        *block(
            3,
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"query":'},
            {"type": "input_json_delta", "partial_json": '"q"}'},
        ),
        *block(4, {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
        *block(
            5,
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"a"'},
            {"type": "input_json_delta", "partial_json": ": 1}"},
        ),
        *block(6, {"type": "tool_use", "id": "u", "name": "g", "input": {}}),
        *block(7, {"type": "compaction", "content": None}, {"type": "compaction_delta", "content": "So far."}),
        *END,
    )
    assert accumulator.ended
    answer = accumulator.answer()
    raw = {"type": "char_location", "cited_text": "c"}
    assert answer.choices[0].parts == (
        Reasoning(text="Hm.", signature=Signature("anthropic", "sig")),
        Reasoning(redacted=Signature("anthropic", "enc")),
        Text(text="Hi", citations=(Citation(cited_text="c", extra={"anthropic_messages": raw}),)),
        native({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}),
        native({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
        ToolCall(id="t", name="f", arguments='{"a": 1}'),
        ToolCall(id="u", name="g", arguments="{}"),
        native({"type": "compaction", "content": "So far."}, "So far."),
    )
    assert answer.choices[0].stop == "end"
    assert answer.usage == Usage(input_tokens=5, cache_write_1h_tokens=8, output_tokens=9)


def native(data: JSON, text: str = "") -> Native:
    return Native(dialect="anthropic_messages", data=data, text=text)


def test_totals_at_the_end_replace_those_at_the_start() -> None:
    usage = {"input_tokens": 50, "cache_creation_input_tokens": 20, "cache_read_input_tokens": None, "output_tokens": 7}
    accumulator = read(START, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage})
    assert accumulator.usage == Usage(input_tokens=50, cache_write_1h_tokens=20, output_tokens=7)


def test_what_is_known_of_usage_is_told_at_the_start() -> None:
    (started,) = events_of(DIALECT, frames(START))
    assert isinstance(started, Started)
    assert started.usage == Usage(input_tokens=5, cache_write_1h_tokens=8, output_tokens=1)


def test_a_cut_stream_has_not_ended_and_keeps_what_came() -> None:
    accumulator = read(START, *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"}), END[0])
    assert not accumulator.ended
    assert accumulator.answer().choices[0].parts == (Text(text="Hi"),)


def test_an_error_ends_the_stream() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    events = events_of(DIALECT, frames(START, error, *END))
    assert events[1:] == [Failed(code="overloaded", message="Busy")]


def test_unknown_events_are_skipped_and_unknown_deltas_kept() -> None:
    accumulator = read(
        START, {"type": "novelty"}, {"no": "type"},
        *block(
            0, {"type": "text", "text": "a"}, {"type": "novelty_delta", "more": 1}, {"type": "text_delta", "text": "b"}
        ),
        *END,
    )  # fmt: skip
    assert accumulator.answer().choices[0].parts == (Text(text="ab", extra={"anthropic_messages": {"more": 1}}),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"type":"message_start"}',
        b'{"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_start","index":"0","content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"f"}}',
        b'{"type":"message_delta","delta":{"stop_reason":3}}',
        b'{"type":"message_delta","usage":{"output_tokens":"9"}}',
    ],
)
def test_a_frame_that_cannot_be_read_is_malformed_and_the_next_is_read(data: bytes) -> None:
    decoder = DIALECT.decode_stream()
    with pytest.raises(MalformedOutput):
        decoder.feed(Frame(data))
    assert [type(event) for event in decoder.feed(Frame.of(START))] == [Started]


def test_a_server_tools_input_that_is_no_object_is_malformed() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "n", "input": {}}
    with pytest.raises(MalformedOutput):
        read(START, *block(0, use, {"type": "input_json_delta", "partial_json": "{"}))


def test_a_carried_signature_reaches_the_call_behind_it_and_the_text_before_it() -> None:
    parts = read(
        START,
        *block(0, {"type": "text", "text": "t"}),
        *block(1, {"type": "redacted_thinking", "data": "hg1.gemini.text.one"}),
        *block(2, {"type": "redacted_thinking", "data": "hg1.gemini.call.two"}),
        *block(3, {"type": "tool_use", "id": "1", "name": "f", "input": {}}),
        *END,
    ).answer().choices[0].parts  # fmt: skip
    assert parts == (
        Text(text="t", signature=Signature("gemini", "one")),
        ToolCall(id="1", name="f", arguments="{}", signature=Signature("gemini", "two")),
    )


# ── the meter ──


def test_the_meter_bills_what_decoding_tells_and_knows_where_the_stream_stands() -> None:
    meter = DIALECT.meter()
    stages: list[tuple[bool, bool]] = []
    text = block(
        0, {"type": "text", "text": ""}, {"type": "text_delta", "text": ""}, {"type": "text_delta", "text": "Hi"}
    )
    for frame in frames(START, {"type": "ping"}, *text, *END):
        meter.observe(frame)
        stages.append((meter.started, meter.ended))
    assert stages == [(False, False)] * 4 + [(True, False)] * 3 + [(True, True)]
    assert meter.usage == Usage(input_tokens=5, cache_write_1h_tokens=8, output_tokens=9)
    assert (meter.stop, meter.id, meter.error) == ("end", "msg_1", None)


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "redacted_thinking"])
def test_a_block_that_comes_with_its_content_starts_the_stream(kind: str) -> None:
    meter = DIALECT.meter()
    meter.observe(Frame.of({"type": "content_block_start", "index": 0, "content_block": {"type": kind}}))
    assert meter.started


def test_the_meter_keeps_a_vendors_error() -> None:
    meter = DIALECT.meter()
    meter.observe(Frame(b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}', "error"))
    assert isinstance(meter.error, Overloaded)
    assert not meter.ended


def test_the_meter_reads_streams_whose_events_have_no_name() -> None:
    meter = DIALECT.meter()
    named = frames(START, *block(0, {"type": "text", "text": "Hi"}), *END)
    for frame in named:
        meter.observe(Frame(frame.data))
    assert meter.ended
    assert [DIALECT.is_terminator(Frame(frame.data)) for frame in named] == [False] * (len(named) - 1) + [True]


# ── writing ──


def test_a_stream_of_another_vendor() -> None:
    usage = Usage(input_tokens=3, cached_tokens=2, output_tokens=4)
    written = write(
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="Hi"),
        BlockStopped(index=0),
        UsageReported(usage=usage),
    )
    assert kinds(written) == ["message_start", "start", "delta", "stop", "message_delta", "message_stop"]
    message = by_sdk(written)
    assert (message.id, message.model, message.stop_reason) == ("x", "gpt", "end_turn")
    assert [each.model_dump(exclude_none=True) for each in message.content] == [{"type": "text", "text": "Hi"}]
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (3, 2, 4)


def test_interleaved_tool_calls_come_one_after_the_other() -> None:
    written = write(
        BlockStarted(index=0, part=ToolCall(id="a", name="f", arguments="")),
        BlockStarted(index=1, part=ToolCall(id="b", name="g", arguments="")),
        BlockDelta(index=1, text='{"y":'),
        BlockDelta(index=0, text='{"x":'),
        BlockDelta(index=1, text="2}"),
        BlockStopped(index=1),
        BlockDelta(index=0, text="1}"),
        BlockStopped(index=0),
    )
    assert [(kind, tree.get("index")) for kind, tree in zip(kinds(written), written, strict=True)] == [
        ("message_start", None),
        ("start", 0), ("delta", 0), ("delta", 0), ("stop", 0),
        ("start", 1), ("delta", 1), ("delta", 1), ("stop", 1),
        ("message_delta", None), ("message_stop", None),
    ]  # fmt: skip
    message: Any = by_sdk(written)
    assert [(use.name, use.input) for use in message.content] == [("f", {"x": 1}), ("g", {"y": 2})]
    assert message.stop_reason == "tool_use"


def test_blocks_with_nothing_in_them_are_not_written() -> None:
    written = write(
        BlockStarted(index=0, part=Text(text="")),
        BlockStarted(index=1, part=Reasoning()),
        BlockStopped(index=0),
        BlockStopped(index=1),
        BlockStarted(index=2, part=Refusal(text="")),
        BlockDelta(index=2, text="No."),
        BlockStopped(index=2),
        BlockStarted(index=3, part=Native(dialect="openai_responses", data={"type": "x"})),
        BlockStopped(index=3),
    )
    assert kinds(written) == ["message_start", "start", "delta", "stop", "message_delta", "message_stop"]
    assert written[1]["index"] == 0
    assert written[-2]["delta"]["stop_reason"] == "refusal"


def test_a_call_without_arguments_is_an_empty_object_to_the_sdk() -> None:
    part = ToolCall(id="a", name="f", arguments="")
    message: Any = by_sdk(write(BlockStarted(index=0, part=part), BlockStopped(index=0)))
    assert message.content[0].input == {}


def test_what_a_blocks_stop_tells_once_more_is_written_as_far_as_it_is_new() -> None:
    cite = Citation(url="https://x")
    whole = Reasoning(text="Hm.", redacted=Signature("openai", "enc"))
    written = write(
        BlockStarted(index=0, part=Reasoning()),
        BlockDelta(index=0, text="H"),
        BlockStopped(index=0, part=whole),
        BlockStarted(index=1, part=Text(text="")),
        BlockDelta(index=1, text="Hi"),
        BlockDelta(index=1, citation=cite),
        BlockStopped(index=1, part=Text(text="Hi there", citations=(cite, Citation(url="https://y")))),
        BlockStarted(index=2, part=ToolCall(id="a", name="f", arguments="")),
        BlockStopped(index=2, part=ToolCall(id="a", name="f", arguments='{"a":1}')),
        BlockStarted(index=3, part=Reasoning()),
        BlockStopped(index=3, part=Reasoning(redacted=Signature("openai", "more"))),
    )
    message: Any = by_sdk(written)
    thinking, text, call, redacted = message.content
    assert (thinking.thinking, thinking.signature) == ("Hm.", "hg1.openai.redacted.enc")
    assert (text.text, [each.url for each in text.citations]) == ("Hi there", ["https://x", "https://y"])
    assert call.input == {"a": 1}
    assert redacted.data == "hg1.openai.redacted.more"


def test_a_calls_signature_stands_before_it_or_where_it_came_late_behind_it() -> None:
    signature = Signature("gemini", "s")
    call = ToolCall(id="a", name="f", arguments="{}", signature=signature)
    early = by_sdk(write(BlockStarted(index=0, part=call), BlockStopped(index=0)))
    late = by_sdk(
        write(
            BlockStarted(index=0, part=ToolCall(id="a", name="f", arguments="{}")),
            BlockDelta(index=0, signature=signature),
            BlockStopped(index=0),
        )
    )
    for message in (early, late):
        tree = {
            "model": "m",
            "max_tokens": 1,
            "messages": [{"role": "assistant", "content": message.to_dict()["content"]}],
        }
        assert DIALECT.decode_request(tree).messages[0].parts == (call,)
    assert [each.type for each in early.content] == ["redacted_thinking", "tool_use"]
    assert [each.type for each in late.content] == ["tool_use", "redacted_thinking"]


def test_anthropics_own_blocks_are_streamed_as_it_streams_them() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    written = write(BlockStarted(index=0, part=native(use)), BlockStopped(index=0))
    assert written[1]["content_block"] == {**use, "input": {}}
    assert json.loads(written[2]["delta"]["partial_json"]) == {"query": "q"}


def test_generated_audio_is_told_by_what_it_says() -> None:
    written = write(
        BlockStarted(index=0, part=Media(kind="audio")),
        BlockDelta(index=0, data="AA", text="Hel"),
        BlockDelta(index=0, text="lo"),
        BlockStopped(index=0),
    )
    assert written[1]["content_block"] == {"type": "text", "text": "Hello"}


def test_only_the_first_of_several_choices_is_told() -> None:
    written = write(
        BlockStarted(index=0, part=Text(text="a"), choice=1),
        BlockDelta(index=0, text="b"),
        BlockStopped(index=0),
        Stopped(stop="length", choice=1),
    )
    assert kinds(written) == ["message_start", "message_delta", "message_stop"]
    assert written[1]["delta"]["stop_reason"] == "end_turn"


def test_what_waits_is_written_at_the_end_even_if_nobody_stopped_it() -> None:
    written = write(
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="a"),
        BlockStarted(index=1, part=Text(text="")),
        BlockDelta(index=1, text="b"),
    )
    assert kinds(written).count("stop") == 2
    assert [tree["delta"]["text"] for tree in written if tree["type"] == "content_block_delta"] == ["a", "b"]


def test_an_error_is_the_last_that_is_told() -> None:
    encoder = DIALECT.encode_stream(CONTEXT)
    encoder.feed(Started(id="x", model="gpt"))
    (frame,) = encoder.feed(Failed(code="overloaded", message="Busy"))
    assert frame.event == "error"
    assert json.loads(frame.data)["error"]["type"] == "overloaded_error"


def test_a_stream_without_a_start_still_is_one() -> None:
    encoder = DIALECT.encode_stream(CONTEXT)
    written = [json.loads(frame.data) for frame in encoder.feed(Ended())]
    assert kinds(written) == ["message_start", "message_delta", "message_stop"]
    assert (written[0]["message"]["id"], written[0]["message"]["model"]) == ("msg_abc", "asked")


def test_what_was_said_beside_an_answer_survives_another_stream() -> None:
    delta = {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None, "container": {"id": "c"}}
    end = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}, "context_management": {}}
    answer: Answer = read(START, end, END[1]).answer()
    assert answer.extra["anthropic_messages"]["container"] == {"id": "c"}
    assert answer.extra["anthropic_messages"]["context_management"] == {}
    encoder = DIALECT.encode_stream(CONTEXT)
    events = events_of(DIALECT, frames(START, end, END[1]))
    written = [json.loads(frame.data) for event in events for frame in encoder.feed(event)]
    assert written[1]["delta"] == delta
    assert written[1]["context_management"] == {}
