"""The recorded Converse exchanges: every one decodes, nothing is lost, every text is seen."""

from __future__ import annotations

import base64
import json

import pytest

from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.eventstream import EventStreamFramer
from headgate.dialects.hub import Answer, Text
from headgate.errors import BadRequest
from headgate.types import Frame
from recordings import Recording, generations, params
from vendor_laws import events_of, frames_of, held, leaves, missing_canaries

DIALECT = dialects.get("bedrock_converse")
ROWS = generations("bedrock_converse")
WHOLE = [row for row in ROWS if row.status == 200 and not row.streamed]
STREAMED = [row for row in ROWS if row.status == 200 and row.streamed]
ERRORS = [row for row in ROWS if row.status != 200]


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_the_recordings_are_all_of_a_kind_that_is_tested_here() -> None:
    assert (len(WHOLE), len(STREAMED), len(ERRORS)) == (111, 3, 8)
    assert len(WHOLE) + len(STREAMED) + len(ERRORS) == len(ROWS)


@pytest.mark.parametrize("row", params(WHOLE))
def test_every_leaf_of_a_recorded_answer_is_found_in_the_decoded_one(row: Recording) -> None:
    tree = json.loads(row.body)
    found = held(DIALECT.decode_answer(tree))
    for path, value in leaves(tree):
        if path[:3] == ("output", "message", "role"):
            assert value == "assistant"  # the only role an answer has
        elif path[-1] == "redactedContent":
            assert json.dumps(base64.b64decode(value).decode()) in found
        else:
            assert json.dumps(value) in found, path


@pytest.mark.parametrize("row", params(WHOLE))
def test_usage_counts_every_token_of_a_recorded_answer_once(row: Recording) -> None:
    told = json.loads(row.body)["usage"]
    peek = DIALECT.peek(row.body)
    answer = DIALECT.decode_answer(json.loads(row.body))
    assert peek.usage is not None
    assert peek.usage == answer.usage
    assert peek.stop == answer.choices[0].stop
    assert peek.usage.total_input_tokens + peek.usage.total_output_tokens == told["totalTokens"]
    assert peek.usage.output_tokens == told["outputTokens"]


@pytest.mark.parametrize("row", params(ROWS))
def test_every_string_of_a_recorded_request_is_text_or_listed_as_not_text(row: Recording) -> None:
    assert missing_canaries(DIALECT, row.request) == []


@pytest.mark.parametrize("row", params(WHOLE))
def test_the_texts_of_a_recorded_answer_are_those_of_its_parts(row: Recording) -> None:
    tree = json.loads(row.body)
    seen = {node.text for node in DIALECT.answer_texts(tree)}
    answer = DIALECT.decode_answer(tree)
    assert {part.text for part in answer.choices[0].parts if isinstance(part, Text)} <= seen


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_is_the_same_wherever_it_is_cut(row: Recording) -> None:
    whole = events_of(DIALECT, frames_of(EventStreamFramer(), [row.body]))
    for cut in range(len(row.body) + 1):
        pieces = [row.body[:cut], row.body[cut:]]
        assert events_of(DIALECT, frames_of(EventStreamFramer(), pieces)) == whole


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_is_complete_and_its_meter_agrees(row: Recording) -> None:
    frames = frames_of(EventStreamFramer(), [row.body])
    answer, ended = _accumulated(frames)
    meter = DIALECT.meter()
    for frame in frames:
        meter.observe(frame)
    assert ended
    assert meter.ended
    assert meter.usage == answer.usage is not None
    assert meter.stop == answer.choices[0].stop is not None
    assert DIALECT.is_terminator(frames[-1])


@pytest.mark.parametrize("row", params(STREAMED))
def test_every_leaf_of_a_recorded_stream_is_found_in_the_accumulated_answer(row: Recording) -> None:
    frames = frames_of(EventStreamFramer(), [row.body])
    answer, _ = _accumulated(frames)
    found = held(answer)
    said = ""
    for frame in frames:
        for path, value in leaves(json.loads(frame.data)):
            if path == ("delta", "text"):
                said += value
            elif path == ("delta", "toolUse", "input"):  # these tools' arguments came in one piece each
                assert {json.dumps(each) for _, each in leaves(json.loads(value))} <= found
            elif path[-1] not in ("p", "contentBlockIndex", "role"):  # padding, a block's place, the only role there is
                assert json.dumps(value) in found, path
    assert said == "".join(part.text for part in answer.choices[0].parts if isinstance(part, Text))


@pytest.mark.parametrize("row", params(ERRORS))
def test_a_recorded_refusal_is_the_callers_own_error(row: Recording) -> None:
    error = DIALECT.decode_error(row.status, {}, row.body)
    assert type(error) is BadRequest
    assert error.message == json.loads(row.body)["message"]
    assert error.upstream_body is not None


def _accumulated(frames: list[Frame]) -> tuple[Answer, bool]:
    accumulator = Accumulator()
    for event in events_of(DIALECT, frames):
        accumulator.feed(event)
    return accumulator.answer(), accumulator.ended
