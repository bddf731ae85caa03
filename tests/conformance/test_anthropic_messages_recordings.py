"""The recorded Messages exchanges: decoded and written again they are what they were, whole or as streams."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types.beta import BetaMessage

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.anthropic_messages import answer_ids, frame_ids, request_ids
from headgate.dialects.base import Context, Fit
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import Answer, Reasoning, Text, ToolCall
from headgate.dialects.view import get
from headgate.types import Frame
from recordings import Recording, generations, params
from vendor_laws import events_of, frames_of, missing_canaries

DIALECT = dialects.get("anthropic_messages")
ROWS = generations("anthropic_messages")
WHOLE = [row for row in ROWS if not row.streamed]
STREAMED = [row for row in ROWS if row.streamed]


def context(row: Recording) -> Context:
    return Context(asked=row.request, id="made", created=0)


def accumulated(frames: list[Frame]) -> Answer:
    accumulator = Accumulator()
    for event in events_of(DIALECT, frames):
        accumulator.feed(event)
    assert accumulator.ended
    return accumulator.answer()


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_the_recordings_are_all_of_a_kind_that_is_tested_here() -> None:
    assert (len(WHOLE), len(STREAMED)) == (133, 12)
    assert {row.status for row in ROWS} == {200}


@pytest.mark.parametrize("row", params(ROWS))
def test_a_recorded_request_is_written_again_as_it_was(row: Recording) -> None:
    """Up to three things Anthropic itself makes no difference between: `stream: false` and none, a null member and
    none, neighbouring messages of one role and one message.
    """
    fit = Fit(model=row.request["model"])
    assert DIALECT.encode_request(DIALECT.decode_request(row.request), fit) == _normal(row.request)
    assert fit.dropped == []


def _normal(request: dict[str, Any]) -> dict[str, Any]:
    members = {
        name: value for name, value in request.items() if value is not None and (name, value) != ("stream", False)
    }
    messages: list[dict[str, Any]] = []
    for message in members["messages"]:
        if messages and messages[-1]["role"] == message["role"]:
            messages[-1] = {**messages[-1], "content": messages[-1]["content"] + message["content"]}
        else:
            messages.append(message)
    return {**members, "messages": messages}


@pytest.mark.parametrize("row", params(ROWS))
def test_every_string_of_a_recorded_request_is_text_or_listed_as_not_text(row: Recording) -> None:
    assert missing_canaries(DIALECT, row.request) == []


@pytest.mark.parametrize("row", params(ROWS))
def test_the_ids_found_in_recorded_bodies_are_those_of_files_and_containers(row: Recording) -> None:
    found = list(request_ids(row.request))
    assert all(get(row.request, path) == each for path, _, each in found)
    trees = [json.loads(frame.data) for frame in frames_of(SseFramer(), [row.body])] if row.streamed else []
    told = [each for tree in trees for each in frame_ids(tree)]
    if not row.streamed:
        told = list(answer_ids(json.loads(row.body)))
    prefixes = {"file": "file_", "container": "container_"}
    assert all(each.startswith(prefixes[kind]) for _, kind, each in found + told)
    for text, ids in ((json.dumps(row.request), found), (row.body.decode(), told)):
        assert text.count('"file_0') + text.count('"container_0') == len(ids)


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_recorded_answer_is_written_again_as_it_was(row: Recording) -> None:
    tree = json.loads(row.body)
    assert DIALECT.encode_answer(DIALECT.decode_answer(tree), context(row)) == tree


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_recorded_answer_comes_through_a_stream_unchanged(row: Recording) -> None:
    answer = DIALECT.decode_answer(json.loads(row.body))
    assert accumulated(_stream(answer, row)) == answer


@pytest.mark.parametrize("row", params(WHOLE))
def test_billing_reads_the_same_of_a_recorded_answer_as_decoding_it(row: Recording) -> None:
    tree = json.loads(row.body)
    answer = DIALECT.decode_answer(tree)
    peek = DIALECT.peek(row.body)
    assert (peek.usage, peek.stop, peek.id, peek.model) == (
        answer.usage,
        answer.choices[0].stop,
        tree["id"],
        tree["model"],
    )
    told = tree["usage"]
    assert answer.usage is not None
    assert answer.usage.total_input_tokens == (
        told["input_tokens"] + told["cache_read_input_tokens"] + told["cache_creation_input_tokens"]
    )
    assert answer.usage.output_tokens == told["output_tokens"]


@pytest.mark.parametrize("row", params(WHOLE))
def test_the_texts_of_a_recorded_answer_are_those_of_its_parts(row: Recording) -> None:
    tree = json.loads(row.body)
    seen = {node.text for node in DIALECT.answer_texts(tree)}
    parts = DIALECT.decode_answer(tree).choices[0].parts
    assert {part.text for part in parts if isinstance(part, Text | Reasoning) and not _is_redacted(part)} <= seen


def _is_redacted(part: Text | Reasoning) -> bool:
    return isinstance(part, Reasoning) and part.redacted is not None


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_is_the_same_wherever_it_is_cut(row: Recording) -> None:
    whole = frames_of(SseFramer(), [row.body])
    expected = [(frame.event, frame.data) for frame in whole]
    step = max(1, len(row.body) // 400)  # long ones hold the same few kinds of place to cut at over and over
    for cut in range(0, len(row.body) + 1, step):
        pieces = [row.body[:cut], row.body[cut:]]
        assert [(frame.event, frame.data) for frame in frames_of(SseFramer(), pieces)] == expected


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_says_the_same_whole(row: Recording) -> None:
    """Written as a whole message and read again, the answer is the same but for white space in tools' arguments."""
    answer = accumulated(frames_of(SseFramer(), [row.body]))
    again = DIALECT.decode_answer(DIALECT.encode_answer(answer, context(row)))
    assert _parsed(again) == _parsed(answer)
    assert (again.usage, again.choices[0].stop, again.extra) == (answer.usage, answer.choices[0].stop, answer.extra)


def _parsed(answer: Answer) -> list[Any]:
    return [json.loads(part.arguments) if isinstance(part, ToolCall) else part for part in answer.choices[0].parts]


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_comes_through_another_unchanged(row: Recording) -> None:
    answer = accumulated(frames_of(SseFramer(), [row.body]))
    assert accumulated(_stream(answer, row)) == answer


@pytest.mark.parametrize("row", params(STREAMED))
def test_the_meter_of_a_recorded_stream_agrees_with_decoding_it(row: Recording) -> None:
    frames = frames_of(SseFramer(), [row.body])
    answer = accumulated(frames)
    meter = DIALECT.meter()
    for frame in frames:
        meter.observe(frame)
    assert meter.ended
    assert meter.started
    assert meter.usage == answer.usage is not None
    assert meter.stop == answer.choices[0].stop is not None
    assert meter.id == answer.id
    assert [DIALECT.is_terminator(frame) for frame in frames] == [False] * (len(frames) - 1) + [True]


@pytest.mark.parametrize("row", params(ROWS))
def test_what_is_written_of_a_recorded_answer_is_a_message_to_the_official_sdk(row: Recording) -> None:
    if row.streamed:
        answer = accumulated(frames_of(SseFramer(), [row.body]))
    else:
        answer = DIALECT.decode_answer(json.loads(row.body))
    message = DIALECT.encode_answer(answer, context(row))
    tools = message["usage"].get("server_tool_use")
    if tools is not None:
        tools.setdefault("web_fetch_requests", 0)  # which two recordings are too old to have
    BetaMessage.model_validate(message)


def _stream(answer: Answer, row: Recording) -> list[Frame]:
    encoder = DIALECT.encode_stream(context(row))
    return [frame for event in exploded(answer) for frame in encoder.feed(event)]
