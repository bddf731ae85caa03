"""Streams of chat completions: the peculiarities of vendors, and what clients are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Citation,
    Ended,
    Failed,
    Media,
    Part,
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
from headgate.errors import MalformedOutput, Overloaded, RateLimited, ServerError
from headgate.types import Frame, Payload, Usage

DIALECT = dialects.get("openai_chat")
DONE = Frame(b"[DONE]")
JSON = dict[str, Any]


def chunk(delta: JSON, finish: str | None = None, choice: int = 0, **members: Any) -> Frame:
    entry = {"index": choice, "delta": delta, "finish_reason": finish}
    return Frame.of({"id": "1", "created": 5, "model": "m", "choices": [entry], **members})


def events(*frames: Frame) -> list[StreamEvent]:
    decoder = DIALECT.decode_stream()
    return [event for frame in frames for event in decoder.feed(frame)] + decoder.close()


def joined(*frames: Frame) -> Accumulator:
    accumulator = Accumulator()
    for event in events(*frames):
        accumulator.feed(event)
    return accumulator


def bare(part: Any) -> Any:
    return type(part)(**{name: getattr(part, name) for name in part.__struct_fields__ if name != "extra"})


def parts(*frames: Frame) -> list[Any]:
    return [bare(part) for part in joined(*frames, DONE).answer().choices[0].parts]


def call(index: int | None, arguments: str, **members: Any) -> JSON:
    entry: JSON = {"function": {"arguments": arguments, **members.pop("function", {})}, **members}
    return {"tool_calls": [entry if index is None else {"index": index, **entry}]}


# ── from vendors ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_started_blocks_stop_usage_and_end() -> None:
    told = {"prompt_tokens": 3, "completion_tokens": 1}
    found = events(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "a"}),
        chunk({"content": "b"}),
        chunk({}, "stop"),
        Frame.of({"id": "1", "choices": [], "usage": told}),
        DONE,
    )
    assert found == [
        Started(id="1", model="m", created=5),
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="a"),
        BlockDelta(index=0, text="b"),
        BlockStopped(index=0),
        Stopped(stop="end"),
        UsageReported(usage=Usage(input_tokens=3, output_tokens=1)),
        Ended(extra={"openai_chat": {"usage": told}}),
    ]


def test_a_block_ends_where_one_of_another_kind_begins() -> None:
    found = events(
        chunk({"reasoning": "hm"}), chunk({"content": "a"}), chunk(call(0, "", id="c", function={"name": "f"}))
    )
    kinds = [
        (type(each).__name__, each.index)
        for each in found
        if isinstance(each, BlockStarted | BlockDelta | BlockStopped)
    ]
    assert kinds == [
        ("BlockStarted", 0),
        ("BlockDelta", 0),
        ("BlockStopped", 0),
        ("BlockStarted", 1),
        ("BlockDelta", 1),
        ("BlockStopped", 1),
        ("BlockStarted", 2),
        ("BlockStopped", 2),
    ]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_thoughts_are_read_under_either_name(field: str) -> None:
    assert parts(chunk({field: "h"}), chunk({field: "m"}), chunk({"content": "a"})) == [
        Reasoning(text="hm"),
        Text(text="a"),
    ]


def test_thoughts_that_come_twice_count_once() -> None:
    def entry(**members: Any) -> JSON:
        return {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1", **members}

    assert parts(
        chunk({"reasoning": "h", "reasoning_details": [entry(text="h")]}),
        chunk({"reasoning": "m", "reasoning_details": [entry(text="m")]}),
        chunk({"reasoning": None, "reasoning_details": [entry(signature="s")]}),
        chunk({"content": "a"}),
    ) == [Reasoning(text="hm", signature=Signature("anthropic", "s")), Text(text="a")]


def test_thoughts_of_mistral_stream_in_lists_of_content() -> None:
    def thinking(text: str) -> Frame:
        return chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]})

    assert parts(thinking("h"), thinking("m"), chunk({"content": "4"})) == [Reasoning(text="hm"), Text(text="4")]


def test_calls_without_numbers_are_told_apart_by_their_ids() -> None:
    assert parts(
        chunk(call(None, "{}", id="a", function={"name": "f"})),
        chunk(call(None, "[", id="b", function={"name": "g"})),
        chunk(call(None, "]")),
    ) == [ToolCall(id="a", name="f", arguments="{}"), ToolCall(id="b", name="g", arguments="[]")]


def test_calls_that_all_have_the_same_number_are_told_apart_by_their_ids() -> None:
    assert parts(
        chunk(call(0, "{}", id="a", function={"name": "f"})), chunk(call(0, "[]", id="b", function={"name": "g"}))
    ) == [ToolCall(id="a", name="f", arguments="{}"), ToolCall(id="b", name="g", arguments="[]")]


def test_an_id_repeated_in_every_piece_is_the_same_call() -> None:
    assert parts(
        chunk(call(0, "[", id="a", function={"name": "f"})), chunk(call(0, "]", id="a", function={"name": "f"}))
    ) == [ToolCall(id="a", name="f", arguments="[]")]


def test_signatures_of_calls_may_come_with_any_piece() -> None:
    signed = {"google": {"thought_signature": "g"}}
    (found,) = parts(chunk(call(0, "{}", id="a", function={"name": "f"})), chunk(call(0, "", extra_content=signed)))
    assert found == ToolCall(id="a", name="f", arguments="{}", signature=Signature("gemini", "g"))


def test_function_calls_of_old_models_are_calls() -> None:
    found = joined(
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
        DONE,
    ).answer()
    assert bare(found.choices[0].parts[0]) == ToolCall(id="call_f", name="f", arguments="{}")
    assert found.choices[0].stop == "tool_calls"


def test_citations_that_come_before_and_after_their_text_are_on_it() -> None:
    def cited(url: str) -> JSON:
        return {"annotations": [{"type": "url_citation", "url_citation": {"url": url}}]}

    (text,) = parts(chunk(cited("u")), chunk({"content": "a"}), chunk(cited("v")))
    assert [each.url for each in text.citations] == ["u", "v"]


def test_audio_comes_in_pieces_with_its_transcript() -> None:
    assert parts(
        chunk({"audio": {"id": "x", "transcript": "he"}}),
        chunk({"audio": {"data": "AA"}}),
        chunk({"audio": {"transcript": "y", "data": "BB"}}),
        chunk({"audio": {"expires_at": 9}}),
    ) == [Media(kind="audio", data="AABB", transcript="hey")]


def test_a_refusal_is_a_block_of_its_own() -> None:
    assert parts(chunk({"refusal": "n"}), chunk({"refusal": "o"})) == [Refusal(text="no")]


def test_several_choices_have_their_own_blocks_and_stops() -> None:
    found = joined(
        chunk({"content": "a"}, choice=1),
        chunk({"content": "b"}, choice=0),
        chunk({}, "length", choice=1),
        chunk({}, "stop", choice=0),
        DONE,
    ).answer()
    assert [(choice.parts, choice.stop) for choice in found.choices] == [
        ((Text(text="b"),), "end"),
        ((Text(text="a"),), "length"),
    ]


def test_a_second_reason_and_usage_in_a_chunk_with_choices_end_nothing_twice() -> None:
    found = events(
        chunk({"content": "a"}),
        chunk({"content": ""}, "stop"),
        chunk({"content": ""}, "stop", usage={"prompt_tokens": 1}),
        DONE,
    )
    assert [type(each).__name__ for each in found][-4:] == ["BlockStopped", "Stopped", "UsageReported", "Ended"]


def test_a_first_chunk_about_nobodys_answer_is_waited_out() -> None:
    filters = Frame.of({"id": "", "model": "", "choices": [], "prompt_filter_results": []})
    found = joined(filters, chunk({"content": "a"}), DONE).answer()
    assert (found.id, found.model) == ("1", "m")
    assert found.extra == {"openai_chat": {"prompt_filter_results": []}}


def test_a_stream_that_was_cut_has_not_ended() -> None:
    accumulator = joined(chunk({"content": "a"}))
    assert not accumulator.ended
    assert accumulator.answer().choices[0].stop is None


def test_a_stream_cut_after_its_reason_knows_the_reason_but_has_not_ended() -> None:
    accumulator = joined(chunk({"content": "a"}), chunk({}, "stop"))
    assert not accumulator.ended
    assert accumulator.answer().choices[0].stop == "end"


def test_nothing_follows_the_end() -> None:
    assert events(chunk({"content": "a"}), DONE, chunk({"content": "b"}))[-1] == Ended()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"message": "m", "type": "server_error"}, "server_error"),
        ({"message": "m", "code": 429}, "rate_limit_exceeded"),
        ({"message": "m", "code": "insufficient_quota"}, "insufficient_quota"),
        ({"message": "m", "type": "invalid_request_error", "status_code": 400}, "invalid_request"),
        ("overloaded", "server_error"),
    ],
)
def test_an_error_in_the_stream_is_a_failure(error: Any, code: str) -> None:
    frame = Frame.of({"error": error})
    found = events(chunk({"content": "a"}), frame, DONE)
    assert isinstance(found[-1], Failed)
    assert found[-1].code == code
    meter = DIALECT.meter()
    meter.observe(frame)
    assert meter.error is not None
    assert meter.error.code == code


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b'{"choices": 1}',
        b'{"choices": [1]}',
        b'{"choices": [{"delta": {"content": 1}}]}',
        b'{"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}',
        b'{"choices": [{"delta": {"reasoning_details": [1]}}]}',
        b'{"usage": {"prompt_tokens": "1"}, "choices": []}',
    ],
)
def test_a_frame_that_cannot_be_read_is_malformed_and_the_next_one_is_read(data: bytes) -> None:
    decoder = DIALECT.decode_stream()
    decoder.feed(chunk({"content": "a"}))
    with pytest.raises(MalformedOutput):
        decoder.feed(Frame(data))
    left = decoder.feed(chunk({"content": "b"})) + decoder.feed(DONE)
    open_blocks: set[int] = set()
    for event in left:
        if isinstance(event, BlockStarted):
            open_blocks.add(event.index)
        elif isinstance(event, BlockDelta):
            assert event.index in {0, *open_blocks}
            assert event.text == "b"
        elif isinstance(event, BlockStopped):
            open_blocks.discard(event.index)
    assert open_blocks == set()
    assert left[-1] == Ended()


# ── the meter ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("delta", "started"),
    [
        ({"role": "assistant", "content": ""}, False),
        ({"role": "assistant", "content": None, "refusal": None, "reasoning_details": []}, False),
        ({"content": "a"}, True),
        ({"content": [{"type": "thinking"}]}, True),
        ({"reasoning": "a"}, True),
        ({"reasoning_content": "a"}, True),
        ({"reasoning_details": [{}]}, True),
        ({"refusal": "a"}, True),
        ({"tool_calls": [{}]}, True),
        ({"function_call": {}}, False),
        ({"function_call": {"name": "f"}}, True),
        ({"audio": {"id": "a"}}, True),
        ({"images": [{}]}, True),
    ],
)
def test_a_stream_has_started_when_content_is_out(delta: JSON, started: bool) -> None:
    meter = DIALECT.meter()
    meter.observe(chunk(delta))
    assert meter.started is started
    assert meter.id == "1"


def test_the_meter_follows_a_stream_to_its_end() -> None:
    meter = DIALECT.meter()
    for frame in (
        chunk({"content": "a"}),
        chunk({}, "length"),
        Frame.of({"choices": [], "usage": {"prompt_tokens": 2}}),
    ):
        meter.observe(frame)
    assert (meter.stop, meter.usage, meter.ended) == ("length", Usage(input_tokens=2), False)
    meter.observe(DONE)
    assert meter.ended
    assert DIALECT.is_terminator(DONE)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"choices":[],"usage":{"prompt_tokens":1}}', True),
        (b'{"choices":[],"usage":null}', False),
        (b'{"choices":[{"delta":{}}],"usage":{}}', False),
        (b'{"choices":[],"usage":{},"moderation":{}}', False),
        (b'{"choices":[{"delta":{"content":"\\"usage\\""}}]}', False),
        (b'{"usage"', False),
    ],
)
def test_only_a_chunk_about_usage_alone_may_be_taken_out(data: bytes, expected: bool) -> None:
    assert DIALECT.is_usage_only(Frame(data)) is expected


def test_usage_is_asked_for_and_other_options_stay() -> None:
    def asked(**members: Any) -> Any:
        return DIALECT.ask_usage(Payload("openai_chat", tree={"model": "m", **members})).tree["stream_options"]

    assert asked() == {"include_usage": True}
    assert asked(stream_options={"include_obfuscation": False}) == {"include_obfuscation": False, "include_usage": True}
    ready = Payload("openai_chat", tree={"stream_options": {"include_usage": True}})
    assert DIALECT.ask_usage(ready) is ready


# ── to clients ──────────────────────────────────────────────────────────────────────────────────────────────────────


def sent(*told: StreamEvent, **asked: Any) -> list[JSON | bytes]:
    encoder = DIALECT.encode_stream(Context(asked=asked, id="call", created=7))
    frames = [frame for event in (Started(id="", model="m"), *told) for frame in encoder.feed(event)]
    return [frame.data if frame.data == b"[DONE]" else json.loads(frame.data) for frame in frames]


def deltas(*told: StreamEvent, **asked: Any) -> list[JSON]:
    """What is sent after the role."""
    return [each["choices"][0]["delta"] for each in sent(*told, **asked)[1:] if isinstance(each, dict)]


def block(part: Part, *more: BlockDelta, index: int = 0) -> list[StreamEvent]:
    return [BlockStarted(index=index, part=part), *more, BlockStopped(index=index)]


def test_a_client_is_sent_role_text_reason_usage_and_the_terminator() -> None:
    told = [
        *block(Text(text=""), BlockDelta(index=0, text="a")),
        Stopped(stop="end"),
        UsageReported(usage=Usage(input_tokens=1, output_tokens=2)),
        Ended(),
    ]
    found = sent(*told, stream_options={"include_usage": True})
    assert found[-1] == b"[DONE]"
    chunks = [ChatCompletionChunk.model_validate(each, strict=True) for each in found[:-1]]
    assert {(each.id, each.created, each.model) for each in chunks} == {("chatcmpl-call", 7, "m")}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[1].choices[0].delta.content == "a"
    assert chunks[2].choices[0].finish_reason == "stop"
    assert chunks[3].choices == []
    assert chunks[3].usage is not None
    assert chunks[3].usage.total_tokens == 3
    assert len(sent(*told)) == len(found) - 1


def test_calls_are_numbered_and_only_their_first_piece_has_id_and_name() -> None:
    assert deltas(
        BlockStarted(index=0, part=ToolCall(id="a", name="f", arguments="")),
        BlockStarted(index=1, part=ToolCall(id="b", name="g", arguments="", kind="custom")),
        BlockDelta(index=1, text="x"),
        BlockDelta(index=0, text="{}"),
    ) == [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "custom", "custom": {"name": "g", "input": ""}}]},
        {"tool_calls": [{"index": 1, "custom": {"input": "x"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    ]


def test_a_call_whose_arguments_come_whole_at_its_end_is_sent_whole() -> None:
    whole = ToolCall(id="a", name="f", arguments="{}")
    found = deltas(
        BlockStarted(index=0, part=ToolCall(id="a", name="f", arguments="")), BlockStopped(index=0, part=whole)
    )
    assert found[1] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}


def test_thoughts_of_another_dialect_go_out_as_text_and_as_details_to_be_given_back() -> None:
    assert deltas(
        *block(
            Reasoning(),
            BlockDelta(index=0, text="hm"),
            BlockDelta(index=0, signature=Signature("anthropic", "s")),
        ),
        *block(Reasoning(redacted=Signature("anthropic", "r")), index=1),
    ) == [
        {"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "hm"}]},
        {
            "reasoning_details": [
                {"type": "reasoning.text", "index": 0, "signature": "s", "format": "anthropic-claude-v1"}
            ]
        },
        {
            "reasoning_details": [
                {"type": "reasoning.encrypted", "index": 1, "data": "r", "format": "anthropic-claude-v1"}
            ]
        },
    ]


def test_thoughts_encrypted_at_their_end_have_an_entry_of_their_own() -> None:
    whole = Reasoning(text="hm", summarised=True, redacted=Signature("openai", "r"), id="rs")
    found = deltas(
        BlockStarted(index=0, part=Reasoning(summarised=True)),
        BlockDelta(index=0, text="hm"),
        BlockStopped(index=0, part=whole),
    )
    assert found == [
        {"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.summary", "index": 0, "summary": "hm"}]},
        {
            "reasoning_details": [
                {"type": "reasoning.encrypted", "index": 1, "data": "r", "format": "openai-responses-v1", "id": "rs"}
            ]
        },
    ]


def test_citations_count_from_the_start_of_all_the_text_and_are_numbered() -> None:
    found = deltas(
        *block(Text(text=""), BlockDelta(index=0, text="abc")),
        *block(
            Text(text=""),
            BlockDelta(index=1, text="de"),
            BlockDelta(index=1, citation=Citation(url="u")),
            BlockDelta(index=1, citation=Citation(url="v", title="t", start=0, end=1)),
            index=1,
        ),
    )
    told = [each["annotations"][0] for each in found if "annotations" in each]
    assert [each["index"] for each in told] == [0, 1]
    assert [each["url_citation"] for each in told] == [
        {"url": "u", "title": "", "start_index": 3, "end_index": 5},
        {"url": "v", "title": "t", "start_index": 3, "end_index": 4},
    ]


def test_each_choice_begins_with_its_role() -> None:
    found = sent(BlockStarted(index=0, part=Text(text=""), choice=1), BlockDelta(index=0, text="a"))
    entries = [each["choices"][0] for each in found if isinstance(each, dict)]
    assert [(each["index"], each["delta"]) for each in entries] == [
        (0, {"role": "assistant", "content": ""}),
        (1, {"role": "assistant", "content": ""}),
        (1, {"content": "a"}),
    ]


def test_a_client_that_knows_functions_only_is_sent_function_calls() -> None:
    told = [
        *block(ToolCall(id="a", name="f", arguments=""), BlockDelta(index=0, text="{}")),
        Stopped(stop="tool_calls"),
    ]
    found = sent(*told, functions=[{"name": "f"}])
    entries = [each["choices"][0] for each in found[1:] if isinstance(each, dict)]
    assert [each["delta"] for each in entries] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        {},
    ]
    assert entries[-1]["finish_reason"] == "function_call"


def test_a_failure_is_an_error_without_the_vendors_words_and_without_a_terminator() -> None:
    found = sent(Failed(code="server_error", message="secret"))
    assert found[-1] == DIALECT.encode_error(ServerError("secret"))
    assert "secret" not in json.dumps(found[-1])
    shown = sent(Failed(code="rate_limit_exceeded", message="slow down"))
    assert shown[-1] == DIALECT.encode_error(RateLimited("slow down"))


def test_a_stream_that_cannot_go_on_ends_in_an_error_the_sdk_raises() -> None:
    (frame,) = DIALECT.error_frames(Overloaded("busy"))
    assert json.loads(frame.data)["error"]["message"] == "busy"
    assert not DIALECT.is_terminator(frame)
