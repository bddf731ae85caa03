"""Converse streams as hub events, and what billing reads of them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import aws_eventstream
from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.eventstream import EventStreamFramer
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Citation,
    Ended,
    Failed,
    Media,
    Native,
    Reasoning,
    Signature,
    Started,
    Stopped,
    Text,
    ToolCall,
)
from headgate.errors import MalformedOutput
from headgate.types import Frame, Usage
from vendor_laws import events_of

DIALECT = dialects.get("bedrock_converse")
START = Frame.of({"role": "assistant", "p": "abc"}, "messageStart")
STOP = Frame.of({"stopReason": "end_turn", "p": "a"}, "messageStop")
METADATA = Frame.of({"usage": {"inputTokens": 2, "outputTokens": 3}, "metrics": {"latencyMs": 9}}, "metadata")


def delta(index: int, **told: Any) -> Frame:
    return Frame.of({"contentBlockIndex": index, "delta": told}, "contentBlockDelta")


def start(index: int, **told: Any) -> Frame:
    return Frame.of({"contentBlockIndex": index, "start": told}, "contentBlockStart")


def stop(index: int) -> Frame:
    return Frame.of({"contentBlockIndex": index}, "contentBlockStop")


def accumulated(*frames: Frame) -> Accumulator:
    accumulator = Accumulator()
    for event in events_of(DIALECT, [START, *frames]):
        accumulator.feed(event)
    return accumulator


def parts(*frames: Frame) -> tuple[Any, ...]:
    return accumulated(*frames, STOP, METADATA).answer().choices[0].parts


def test_text_begins_with_its_first_delta() -> None:
    events = events_of(DIALECT, [START, delta(0, text="a"), delta(0, text="b"), stop(0), STOP, METADATA])
    assert events[:5] == [
        Started(id="", model=""),
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="a"),
        BlockDelta(index=0, text="b"),
        BlockStopped(index=0),
    ]
    assert isinstance(events[5], Stopped)
    assert isinstance(events[-1], Ended)


def test_usage_and_whatever_else_the_end_tells_is_kept() -> None:
    done = accumulated(delta(0, text="a"), stop(0), STOP, METADATA)
    answer = done.answer()
    assert done.ended
    assert answer.usage == Usage(input_tokens=2, output_tokens=3)
    assert answer.extra["bedrock_converse"]["metrics"] == {"latencyMs": 9}
    assert answer.choices[0].stop == "end"


def test_signed_reasoning() -> None:
    signed = parts(
        delta(0, reasoningContent={"text": "h"}),
        delta(0, reasoningContent={"text": "m"}),
        delta(0, reasoningContent={"signature": "s"}),
        stop(0),
    )
    assert signed == (Reasoning(text="hm", signature=Signature("anthropic", "s")),)


def test_redacted_reasoning_comes_whole_however_many_pieces_it_had() -> None:
    pieces = [base64.b64encode(each).decode() for each in (b"abc", b"d")]
    frames = [delta(0, reasoningContent={"redactedContent": piece}) for piece in pieces]
    assert parts(*frames, stop(0)) == (Reasoning(redacted=Signature("anthropic", "abcd")),)


def test_tool_calls_side_by_side() -> None:
    called = parts(
        start(0, toolUse={"toolUseId": "a", "name": "f"}),
        start(1, toolUse={"toolUseId": "b", "name": "g"}),
        delta(0, toolUse={"input": '{"x"'}),
        delta(1, toolUse={"input": ""}),
        delta(0, toolUse={"input": ":1}"}),
        stop(0),
        stop(1),
    )
    assert called == (ToolCall(id="a", name="f", arguments='{"x":1}'), ToolCall(id="b", name="g", arguments="{}"))


def test_citations_join_the_text_they_stand_on() -> None:
    cited = {"title": "Book", "sourceContent": [{"text": "q"}]}
    assert parts(delta(0, text="a"), delta(0, citation=cited), stop(0)) == (
        Text(text="a", citations=(Citation(title="Book", cited_text="q", extra={"bedrock_converse": cited}),)),
    )


def test_a_server_tools_call_and_result_come_whole() -> None:
    ran = parts(
        start(0, toolUse={"toolUseId": "a", "name": "code", "type": "server_tool_use"}),
        delta(0, toolUse={"input": '{"x":'}),
        delta(0, toolUse={"input": "1}"}),
        stop(0),
        start(1, toolResult={"toolUseId": "a", "status": "success"}),
        delta(1, toolResult=[{"text": "o"}]),
        delta(1, toolResult=[{"json": {"k": 1}}]),
        stop(1),
    )
    use = {"toolUseId": "a", "name": "code", "type": "server_tool_use", "input": {"x": 1}}
    result = {"toolUseId": "a", "status": "success", "content": [{"text": "o"}, {"json": {"k": 1}}]}
    assert ran == (
        Native(dialect="bedrock_converse", data={"toolUse": use}),
        Native(dialect="bedrock_converse", data={"toolResult": result}),
    )


def test_a_generated_image_comes_whole() -> None:
    drawn = parts(
        start(0, image={"format": "png"}),
        delta(0, image={"source": {"bytes": base64.b64encode(b"a").decode()}}),
        delta(0, image={"source": {"bytes": base64.b64encode(b"b").decode()}}),
        stop(0),
    )
    assert drawn == (Media(kind="image", data=base64.b64encode(b"ab").decode(), media_type="image/png"),)


def test_unheard_of_blocks_and_events_do_no_harm() -> None:
    seen = parts(Frame.of({"x": 1}, "novelty"), delta(0, hologram={"y": 2}), stop(0), stop(7), delta(1, text="a"))
    assert seen == (
        Native(dialect="bedrock_converse", data={"start": {}, "deltas": [{"hologram": {"y": 2}}]}),
        Text(text="a"),
    )


def test_a_stream_cut_before_its_stop_is_not_complete() -> None:
    assert not accumulated(delta(0, text="a"), stop(0)).ended


def test_a_stream_cut_after_its_stop_is_complete_without_usage() -> None:
    done = accumulated(delta(0, text="a"), stop(0), STOP)
    assert done.ended
    assert done.usage is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("throttlingException", "rate_limit_exceeded"),
        ("modelStreamErrorException", "server_error"),
        ("internalServerException", "server_error"),
        ("serviceUnavailableException", "overloaded"),
        ("validationException", "invalid_request"),
        ("somethingNew", "server_error"),
    ],
)
def test_an_exception_ends_the_stream_with_its_code(name: str, code: str) -> None:
    framer = EventStreamFramer()
    frames = framer.feed(aws_eventstream.exception(name, b'{"message":"no"}'))
    decoder = DIALECT.decode_stream()
    assert decoder.feed(frames[0]) == [Failed(code=code, message="no")]
    assert decoder.feed(STOP) == []
    assert decoder.close() == []
    meter = DIALECT.meter()
    meter.observe(frames[0])
    assert meter.error is not None
    assert meter.error.code == code
    assert not meter.ended


def test_the_meter_knows_where_a_stream_stands() -> None:
    meter = DIALECT.meter()
    meter.observe(START)
    assert not meter.started
    meter.observe(delta(0, text="a"))
    assert meter.started
    assert not meter.ended
    meter.observe(STOP)
    assert (meter.ended, meter.stop) == (True, "end")
    meter.observe(METADATA)
    assert meter.usage == Usage(input_tokens=2, output_tokens=3)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(b"{", "contentBlockDelta"),
        Frame(b"[]", "contentBlockDelta"),
        Frame.of({"delta": {"text": "a"}}, "contentBlockDelta"),
        delta(0, text=1),
        delta(0, toolUse={}),
        delta(0, reasoningContent="x"),
        Frame.of({"contentBlockIndex": 0}, "contentBlockStart"),
        start(0, toolUse={"name": "f"}),
        Frame.of({}, "messageStop"),
        Frame.of({"usage": []}, "metadata"),
    ],
)
def test_a_frame_that_cannot_be_understood_is_malformed_and_the_next_is_read(frame: Frame) -> None:
    decoder = DIALECT.decode_stream()
    with pytest.raises(MalformedOutput):
        decoder.feed(frame)
    assert decoder.feed(delta(0, text="on")) == [
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="on"),
    ]


def test_a_block_that_begins_twice_is_malformed() -> None:
    decoder = DIALECT.decode_stream()
    decoder.feed(start(0, toolUse={"toolUseId": "a", "name": "f"}))
    with pytest.raises(MalformedOutput):
        decoder.feed(start(0, toolUse={"toolUseId": "b", "name": "f"}))


def test_metadata_is_the_terminator() -> None:
    assert DIALECT.is_terminator(METADATA)
    assert not DIALECT.is_terminator(STOP)
