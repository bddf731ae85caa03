"""The recorded exchanges in the Responses dialect, of five vendors: nothing is lost, whole, streamed or cut."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.base import Context, Fit
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import Answer, Reasoning, Signature
from headgate.errors import BadRequest
from headgate.types import Frame
from recordings import Recording, generations, params
from vendor_laws import events_of, frames_of, missing_canaries

DIALECT = dialects.get("openai_responses")
ROWS = generations("openai_responses")
WHOLE = [row for row in ROWS if row.status == 200 and not row.streamed]
STREAMED = [row for row in ROWS if row.status == 200 and row.streamed]
REFUSED = [row for row in ROWS if row.status != 200]

ENCRYPTED_ANEW = "the vendor encrypts the same reasoning anew for the last event"
NAMED_ANEW = "the vendor makes new ids of items for the last event"
EXCEPTIONS = {792: ENCRYPTED_ANEW, 801: ENCRYPTED_ANEW, 805: ENCRYPTED_ANEW, 807: NAMED_ANEW}
"""Streams whose last event repeats an item otherwise than it was streamed. The stream's form is the one kept."""


def context(row: Recording) -> Context:
    return Context(asked=row.request, id="test", created=1)


def accumulated(frames: list[Frame]) -> Answer:
    accumulator = Accumulator()
    for event in events_of(DIALECT, frames):
        accumulator.feed(event)
    assert accumulator.ended
    return accumulator.answer()


def streamed(answer: Answer, row: Recording) -> list[Frame]:
    encoder = DIALECT.encode_stream(context(row))
    return [frame for event in exploded(answer) for frame in encoder.feed(event)]


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_every_recording_is_tested_here_as_what_it_is() -> None:
    assert (len(WHOLE), len(STREAMED), len(REFUSED)) == (152, 20, 4)
    assert Counter(row.host.split(".")[-2] for row in ROWS) == Counter(
        {"openai": 157, "api": 8, "deepseek": 6, "openrouter": 3, "azure": 2}
    )


@pytest.mark.parametrize("row", params(ROWS))
def test_a_recorded_request_decoded_and_encoded_is_the_same(row: Recording) -> None:
    asked = {name: value for name, value in row.request.items() if (name, value) != ("stream", False)}
    chat = DIALECT.decode_request(row.request)
    fit = Fit(model=chat.model, dropped=[])
    assert DIALECT.encode_request(chat, fit) == asked
    assert fit.dropped == []


@pytest.mark.parametrize("row", params(ROWS))
def test_every_string_of_a_recorded_request_is_text_or_listed_as_not_text(row: Recording) -> None:
    assert missing_canaries(DIALECT, row.request) == []


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_recorded_answer_decoded_and_encoded_is_the_same(row: Recording) -> None:
    tree = json.loads(row.body)
    assert DIALECT.encode_answer(DIALECT.decode_answer(tree), context(row)) == tree


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_peek_at_a_recorded_answer_sees_what_decoding_does(row: Recording) -> None:
    answer = DIALECT.decode_answer(json.loads(row.body))
    peek = DIALECT.peek(row.body)
    assert (peek.usage, peek.stop) == (answer.usage, answer.choices[0].stop)
    assert (peek.id, peek.model) == (answer.id, answer.model)


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_recorded_answer_as_a_stream_accumulates_to_itself(row: Recording) -> None:
    answer = DIALECT.decode_answer(json.loads(row.body))
    assert accumulated(streamed(answer, row)) == answer


@pytest.mark.parametrize("row", params(WHOLE))
def test_the_sdk_follows_a_recorded_answer_as_a_stream(row: Recording) -> None:
    state = ResponseStreamState(text_format=omit, input_tools=omit)
    for frame in streamed(DIALECT.decode_answer(json.loads(row.body)), row):
        event: Any = construct_type(type_=ResponseStreamEvent, value=json.loads(frame.data))
        state.handle_event(event)
    completed = state._completed_response
    assert completed is not None
    assert completed.id == json.loads(row.body)["id"]


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_accumulates_to_the_response_it_ends_with(row: Recording) -> None:
    frames = frames_of(SseFramer(), [row.body])
    last = [json.loads(frame.data) for frame in frames if frame.data != b"[DONE]"][-1]
    whole = DIALECT.decode_answer(last["response"])
    # the first event tells the tier that was asked for, the last one the tier it got
    got = replace(accumulated(frames), service_tier=whole.service_tier)
    if row.number in EXCEPTIONS:
        assert got != whole
        got, whole = unnamed(got), unnamed(whole)
    assert got == whole


def unnamed(answer: Answer) -> Answer:
    """An answer without the signatures and ids of its reasoning."""
    [choice] = answer.choices
    parts = [
        replace(
            part,
            redacted=Signature("openai", "") if part.redacted else None,
            id=None,
            extra={name: {**told, "item": {**told["item"], "id": ""}} for name, told in part.extra.items()},
        )
        if isinstance(part, Reasoning)
        else part
        for part in choice.parts
    ]
    return replace(answer, choices=(replace(choice, parts=tuple(parts)),))


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_meter_of_a_recorded_stream_sees_what_decoding_does(row: Recording) -> None:
    frames = frames_of(SseFramer(), [row.body])
    meter = DIALECT.meter()
    for frame in frames:
        meter.observe(frame)
    answer = accumulated(frames)
    assert (meter.usage, meter.stop, meter.id) == (answer.usage, answer.choices[0].stop, answer.id)
    assert meter.started
    assert meter.ended
    assert meter.error is None
    assert sum(DIALECT.is_terminator(frame) for frame in frames) == 1


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_cut_anywhere_gives_the_same_events(row: Recording) -> None:
    whole = events_of(DIALECT, frames_of(SseFramer(), [row.body]))
    body = row.body
    step = max(len(body) // 400, 1)
    for cut in range(1, len(body), step):
        frames = frames_of(SseFramer(), [body[:cut], body[cut:]])
        assert [frame.data for frame in frames] == [frame.data for frame in frames_of(SseFramer(), [body])]
    for size in (1, 7, 1000):
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        assert events_of(DIALECT, frames_of(SseFramer(), pieces)) == whole


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_encoded_again_accumulates_to_the_same(row: Recording) -> None:
    events = events_of(DIALECT, frames_of(SseFramer(), [row.body]))
    answer = accumulated(frames_of(SseFramer(), [row.body]))
    encoder = DIALECT.encode_stream(context(row))
    frames = [frame for event in events for frame in encoder.feed(event)]
    again = replace(accumulated(frames), service_tier=answer.service_tier)
    assert msgspec.to_builtins(again) == msgspec.to_builtins(answer)


@pytest.mark.parametrize("row", params(REFUSED))
def test_a_recorded_refusal_names_what_is_wrong_and_keeps_the_vendors_document(row: Recording) -> None:
    error = DIALECT.decode_error(row.status, {}, row.body)
    told = json.loads(row.body)["error"]
    assert isinstance(error, BadRequest)
    assert (error.message, error.param) == (told["message"], told["param"])
    assert error.upstream_body is not None
    assert error.upstream_body.raw == row.body
