"""What streams of streamGenerateContent mean in the hub, and what the meter reads of them."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.dialects import get
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.hub import (
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Citation,
    Ended,
    Failed,
    Native,
    Reasoning,
    Signature,
    Started,
    Stopped,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    UsageReported,
)
from headgate.errors import MalformedOutput, Overloaded
from headgate.types import Frame, Usage

DIALECT = get("gemini_generate")
NAME = "gemini_generate"


def frame(*parts: Any, finish: str | None = None, index: int | None = None, **members: Any) -> Frame:
    candidate: Any = {"content": {"role": "model", "parts": list(parts)}, **members.pop("candidate", {})}
    if finish:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return Frame.of({"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-3-flash", **members})


def events(*frames: Frame) -> list[StreamEvent]:
    decoder = DIALECT.decode_stream()
    return [event for each in frames for event in decoder.feed(each)] + decoder.close()


def joined(*frames: Frame) -> Accumulator:
    accumulator = Accumulator()
    for event in events(*frames):
        accumulator.feed(event)
    return accumulator


def metered(*frames: Frame) -> Any:
    meter = DIALECT.meter()
    for each in frames:
        meter.observe(each)
    return meter


def test_pieces_of_text_are_one_block_that_ends_with_the_connection() -> None:
    found = events(
        frame({"text": "Hel"}),
        frame({"text": "lo"}, usageMetadata={"promptTokenCount": 1, "candidatesTokenCount": 2}),
        frame({"text": ""}, finish="STOP", usageMetadata={"promptTokenCount": 1, "candidatesTokenCount": 2}),
    )
    assert found[:-1] == [
        Started(id="r1", model="gemini-3-flash"),
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="Hel"),
        BlockDelta(index=0, text="lo"),
        UsageReported(usage=Usage(input_tokens=1, output_tokens=2)),
        BlockStopped(index=0),
        Stopped(stop="end", extra={NAME: {"finishReason": "STOP"}}),
    ]
    assert isinstance(found[-1], Ended)


def test_a_change_of_kind_ends_a_block() -> None:
    answer = joined(
        frame({"text": "hm", "thought": True}),
        frame({"text": "m", "thought": True}, {"text": "Let me see."}),
        frame({"functionCall": {"name": "f", "args": {"a": [1]}}, "thoughtSignature": "c2ln"}),
        frame({"executableCode": {"code": "1"}}, {"text": "Done."}, finish="STOP"),
    ).answer()
    thought, text, call, code, last = answer.choices[0].parts
    assert thought == Reasoning(text="hmm", summarised=True)
    assert (text, last) == (Text(text="Let me see."), Text(text="Done."))
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments, call.signature) == ("f", '{"a":[1]}', Signature("gemini", "c2ln"))
    assert code == Native(dialect=NAME, data={"executableCode": {"code": "1"}}, text="1")
    assert answer.choices[0].stop == "tool_calls"


def test_a_call_has_the_same_id_streamed_as_whole() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    whole = DIALECT.decode_answer(
        {
            "candidates": [{"content": {"parts": [{"text": "a"}, call, call]}, "finishReason": "STOP"}],
            "responseId": "r1",
        }
    )
    streamed = joined(frame({"text": "a"}), frame(call), frame(call), frame(finish="STOP")).answer()
    assert streamed.choices[0].parts == whole.choices[0].parts


def test_a_signature_on_a_last_empty_text_signs_the_text_before_it() -> None:
    signed = Signature("gemini", "c2ln")
    last = frame({"text": "", "thoughtSignature": "c2ln"}, finish="STOP")
    assert joined(frame({"text": "Hi"}), last).answer().choices[0].parts == (Text(text="Hi", signature=signed),)
    assert joined(last).answer().choices[0].parts == (Reasoning(signature=signed),)
    call = frame({"functionCall": {"name": "f", "id": "x"}})
    assert joined(call, last).answer().choices[0].parts[1] == Reasoning(signature=signed)


def test_a_text_signed_at_its_beginning_goes_on_and_a_second_signature_begins_another() -> None:
    parts = (
        joined(
            frame({"text": "a", "thoughtSignature": "b25l"}),
            frame({"text": "b"}),
            frame({"text": "c", "thoughtSignature": "dHdv"}, finish="STOP"),
        )
        .answer()
        .choices[0]
        .parts
    )
    assert parts == (
        Text(text="ab", signature=Signature("gemini", "b25l")),
        Text(text="c", signature=Signature("gemini", "dHdv")),
    )


def test_candidates_are_told_apart_and_the_end_waits_for_all() -> None:
    frames = (
        frame({"text": "a"}, index=0),
        frame({"text": "b"}, index=1, finish="MAX_TOKENS"),
        frame({"text": "c"}, index=0, finish="STOP"),
    )
    answer = joined(*frames).answer()
    assert [(choice.parts, choice.stop) for choice in answer.choices] == [
        ((Text(text="ac"),), "end"),
        ((Text(text="b"),), "length"),
    ]
    assert events(*frames[:2])[-1] != Ended()
    assert not any(isinstance(event, Stopped | Ended) for event in events(*frames[:2]))
    assert not metered(*frames[:2]).ended
    assert metered(*frames).ended


def test_a_reason_in_every_frame_does_not_end_the_stream_early() -> None:
    found = events(frame({"text": "a"}, finish="STOP"), frame({"text": "b"}, finish="STOP"))
    assert [type(event) for event in found][-3:] == [BlockStopped, Stopped, Ended]
    assert sum(isinstance(event, Stopped) for event in found) == 1


def test_a_cut_stream_has_no_end() -> None:
    assert not any(isinstance(event, Stopped | Ended) for event in events(frame({"text": "a"})))
    assert events() == []
    assert not metered(frame({"text": "a"})).ended


def test_a_refused_prompt_is_an_ended_stream_without_content() -> None:
    refused = Frame.of({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"trafficType": "ON_DEMAND"}})
    told = joined(refused)
    assert told.ended
    assert told.answer().choices[0].stop == "content_filter"
    assert told.usage == Usage()
    meter = metered(refused)
    assert (meter.ended, meter.started, meter.stop, meter.usage) == (True, True, "content_filter", Usage())


def test_a_prompt_refused_while_the_answer_was_under_way_ends_it_for_the_filter() -> None:
    frames = (frame({"text": "a"}), Frame.of({"promptFeedback": {"blockReason": "SAFETY"}}))
    told = joined(*frames)
    assert told.ended
    assert told.answer().choices[0].parts == (Text(text="a"),)
    assert told.answer().choices[0].stop == "content_filter"
    assert told.usage is None
    meter = metered(*frames)
    assert (meter.ended, meter.stop, meter.usage) == (True, "content_filter", None)


def test_citations_and_log_probabilities_reach_the_text_under_way_once() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://example.com"}}],
        "groundingSupports": [{"segment": {"text": "Köln"}, "groundingChunkIndices": [0]}],
    }
    logprobs = {"chosenCandidates": [{"token": "ln", "logProbability": -1.5}]}
    answer = joined(
        frame({"text": "Kö"}),
        frame({"text": "ln"}, candidate={"groundingMetadata": grounding, "logprobsResult": logprobs}),
        frame(finish="STOP", candidate={"groundingMetadata": grounding}),
        frame(candidate={"groundingMetadata": {}}),
    ).answer()
    (part,) = answer.choices[0].parts
    assert isinstance(part, Text)
    assert part.citations == (Citation(url="https://example.com", start=0, end=4),)
    assert part.logprobs == (TokenLogprob("ln", -1.5),)
    assert answer.choices[0].extra[NAME]["groundingMetadata"] == grounding


def test_usage_is_told_when_it_changes_and_not_before_there_is_any() -> None:
    counts = {"promptTokenCount": 3}
    found = events(
        frame({"text": "a"}, usageMetadata={"trafficType": "ON_DEMAND"}),
        frame({"text": "b"}, usageMetadata=counts),
        frame({"text": "c"}, usageMetadata=counts),
        frame(finish="STOP", usageMetadata={**counts, "candidatesTokenCount": 3}),
    )
    told = [event.usage for event in found if isinstance(event, UsageReported)]
    assert told == [Usage(input_tokens=3), Usage(input_tokens=3, output_tokens=3)]


def test_an_error_inside_the_stream_is_typed_and_nothing_follows() -> None:
    error = Frame.of({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})
    found = events(frame({"text": "a"}), error, frame({"text": "b"}, finish="STOP"))
    assert found[-1] == Failed(code="overloaded", message="The model is overloaded.")
    assert isinstance(metered(error).error, Overloaded)


def test_a_frame_that_cannot_be_read_leaves_the_decoder_able_to_go_on() -> None:
    decoder = DIALECT.decode_stream()
    accumulator = Accumulator()
    broken = frame({"text": "lost"}, {"text": 7})
    for each in (frame({"text": "a"}), broken, frame({"text": "b"}, finish="STOP")):
        try:
            found = decoder.feed(each)
        except MalformedOutput:
            continue
        for event in found:
            accumulator.feed(event)
    for event in decoder.close():
        accumulator.feed(event)
    assert accumulator.ended
    assert accumulator.answer().choices[0].parts == (Text(text="ab"),)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"', b'{"candidates": 1}', b"[" * 5000])
def test_what_is_no_frame_is_malformed_output(data: bytes) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_stream().feed(Frame(data))
    with pytest.raises(MalformedOutput):
        DIALECT.meter().observe(Frame(data))


@pytest.mark.parametrize(
    ("part", "started"),
    [
        ({"text": "a"}, True),
        ({"text": ""}, False),
        ({"functionCall": {"name": "f"}}, True),
        ({"inlineData": {"mimeType": "image/png", "data": "QUJD"}}, True),
    ],
)
def test_content_starts_a_stream_and_an_empty_text_does_not(part: Any, started: bool) -> None:
    assert metered(frame(part)).started is started
