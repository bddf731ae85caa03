"""Legacy completions: to vendors and clients, and through the hub as a chat of one message."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.base import Context, Fit, Quirks
from headgate.dialects.hub import (
    Answer,
    Chat,
    Choice,
    Failed,
    Media,
    Message,
    Reasoning,
    Refusal,
    Started,
    StreamEvent,
    Text,
    Tool,
    ToolCall,
)
from headgate.errors import BadRequest, HeadgateError, MalformedOutput, RateLimited, ServerError, Unsupported
from headgate.types import Frame, Usage
from vendor_laws import events_of, missing_canaries

DIALECT = dialects.get("openai_completions")
CHAT = dialects.get("openai_chat")
CONTEXT = Context(asked={"stream_options": {"include_usage": True}}, id="call", created=7)
JSON = dict[str, Any]

LOGPROBS = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": None, "text_offset": [0]}
DOCUMENT: JSON = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 5,
    "model": "m",
    "choices": [
        {"index": 0, "text": "a", "logprobs": LOGPROBS, "finish_reason": "stop"},
        {"index": 1, "text": "", "logprobs": None, "finish_reason": "length"},
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    "system_fingerprint": "fp",
}


def chat(**members: Any) -> Chat:
    return DIALECT.decode_request({"model": "m", "prompt": "hi", **members})


def accumulated(events: list[StreamEvent]) -> Accumulator:
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    return accumulator


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("prompt", ["hi", ["hi"]])
def test_one_prompt_is_a_users_message_for_any_chat(prompt: Any) -> None:
    told = chat(prompt=prompt, max_tokens=5, stop="x", n=2, temperature=0.5)
    assert told.messages == (Message(role="user", parts=(Text(text="hi"),)),)
    assert CHAT.encode_request(told, Fit(model="m")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "max_completion_tokens": 5,
        "temperature": 0.5,
        "stop": ["x"],
        "n": 2,
    }


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("prompt", ["a", "b"]),
        ("prompt", [1, 2]),
        ("prompt", [[1], [2, 3]]),
        ("suffix", "end"),
        ("echo", True),
        ("best_of", 3),
        ("logprobs", 2),
        ("logprobs", 0),
        ("logit_bias", {"50256": -100}),
    ],
)
@pytest.mark.parametrize("dialect", ["anthropic_messages", "gemini_generate", "openai_responses"])
def test_what_a_chat_cannot_be_asked_goes_to_the_same_dialect_and_is_refused_by_name_elsewhere(
    member: str, value: Any, dialect: str
) -> None:
    request = {"model": "m", "prompt": "hi", member: value}
    told = DIALECT.decode_request(request)
    assert DIALECT.encode_request(told, Fit(model="m")) == request
    with pytest.raises(Unsupported) as refused:
        dialects.get(dialect).encode_request(told, Fit(model="m", max_output_tokens=9))
    assert refused.value.param == member


@pytest.mark.parametrize("idle", [{"echo": False}, {"best_of": 1}, {"suffix": ""}, {"logprobs": None}])
def test_members_that_ask_for_nothing_are_nothing_to_refuse(idle: JSON) -> None:
    assert chat(**idle) == chat()


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": [[1], ["a"]]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"model": None}, "model"),
        ({"max_tokens": "1"}, "max_tokens"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ],
)
def test_a_wrong_member_is_refused_by_name(members: JSON, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        chat(**members)
    assert refused.value.param == field


def test_a_streaming_request_asks_for_usage() -> None:
    assert DIALECT.encode_request(chat(stream=True), Fit(model="x"))["stream_options"] == {"include_usage": True}
    quirks = Quirks(stream_usage=False)
    assert "stream_options" not in DIALECT.encode_request(chat(stream=True), Fit(model="x", quirks=quirks))


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (Chat(model="m", messages=()), "messages"),
        (Chat(model="m", messages=(Message(role="system", parts=()), Message(role="user", parts=()))), "messages"),
        (Chat(model="m", messages=(Message(role="user", parts=(Media(kind="image", data="A"),)),)), "messages"),
        (Chat(model="m", messages=(Message(role="user", parts=()),), tools=(Tool(name="f"),)), "tools"),
        (Chat(model="m", messages=(Message(role="user", parts=()),), top_k=1), "top_k"),
        (Chat(model="m", messages=(Message(role="user", parts=()),), extra={"x": {"novel": 1}}), "novel"),
    ],
)
def test_a_chat_that_is_no_completion_is_refused_by_name(told: Chat, field: str) -> None:
    with pytest.raises(Unsupported) as refused:
        DIALECT.encode_request(told, Fit(model="m"))
    assert refused.value.param == field


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_written_back_as_it_was() -> None:
    answer = DIALECT.decode_answer(DOCUMENT)
    assert [choice.stop for choice in answer.choices] == ["end", "length"]
    assert answer.usage == Usage(input_tokens=3, output_tokens=1)
    assert DIALECT.encode_answer(answer, CONTEXT) == DOCUMENT
    peek = DIALECT.peek(json.dumps(DOCUMENT).encode())
    assert (peek.usage, peek.stop, peek.id) == (answer.usage, "end", "cmpl-1")


def test_the_answer_of_a_chat_model_is_its_text() -> None:
    said = (
        Reasoning(text="hm"),
        Text(text="a"),
        Text(text="b"),
        Refusal(text="c"),
        ToolCall(id="1", name="f", arguments="{}"),
    )
    answer = Answer(id="", model="m", choices=(Choice(parts=said, stop="tool_calls"),), usage=Usage(1, output_tokens=2))
    document = DIALECT.encode_answer(answer, CONTEXT)
    read = Completion.model_validate(document, strict=True)
    assert (read.id, read.created, read.choices[0].text) == ("cmpl-call", 7, "abc")
    assert read.choices[0].finish_reason == "stop"
    assert read.usage is not None
    assert read.usage.total_tokens == 3


@pytest.mark.parametrize("document", [{}, {"choices": [1]}, {"choices": [{}]}, {"choices": [{"text": 1}]}])
def test_what_is_no_answer_is_malformed(document: JSON) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(document)


def test_an_error_in_spite_of_its_status_is_that_error() -> None:
    with pytest.raises(RateLimited):
        DIALECT.decode_answer({"error": {"message": "slow", "code": 429}})


# ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def streamed(answer: Answer, size: int = 16) -> list[Frame]:
    encoder = DIALECT.encode_stream(CONTEXT)
    return [frame for event in exploded(answer, size) for frame in encoder.feed(event)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3), st.integers(1, 9))
def test_an_answer_sent_as_a_stream_is_the_same_answer(texts: list[str], size: int) -> None:
    choices = [
        {"index": index, "text": text, "logprobs": None, "finish_reason": "stop"} for index, text in enumerate(texts)
    ]
    answer = DIALECT.decode_answer({**DOCUMENT, "choices": choices})
    frames = streamed(answer, size)
    again = accumulated(events_of(DIALECT, frames))
    assert again.ended
    assert again.answer() == answer
    assert DIALECT.is_terminator(frames[-1])
    assert DIALECT.is_usage_only(frames[-2])


def test_the_meter_follows_a_stream() -> None:
    meter = DIALECT.meter()
    started: list[bool] = []
    for frame in streamed(DIALECT.decode_answer(DOCUMENT)):
        meter.observe(frame)
        started.append(meter.started)
    assert started[0]
    assert (meter.id, meter.stop, meter.usage, meter.ended) == (
        "cmpl-1",
        "length",
        Usage(input_tokens=3, output_tokens=1),
        True,
    )


def test_a_stream_that_was_cut_has_not_ended() -> None:
    frames = streamed(DIALECT.decode_answer(DOCUMENT))
    assert not accumulated(events_of(DIALECT, frames[:-1])).ended


def test_an_error_in_the_stream_is_a_failure_shown_without_the_vendors_words() -> None:
    found = events_of(DIALECT, [Frame.of({"error": {"message": "secret"}})])
    assert found == [Failed(code="server_error", message="secret")]
    encoder = DIALECT.encode_stream(CONTEXT)
    encoder.feed(Started(id="1", model="m"))
    (frame,) = encoder.feed(found[0])
    assert json.loads(frame.data) == DIALECT.encode_error(ServerError("secret"))
    assert DIALECT.error_frames(ServerError("secret"))[0].data == frame.data


@given(st.binary(max_size=30))
def test_any_bytes_are_an_error_of_some_kind(raw: bytes) -> None:
    for read in (DIALECT.decode_stream().feed, DIALECT.meter().observe):
        with contextlib.suppress(MalformedOutput):
            read(Frame(raw))
    assert isinstance(DIALECT.decode_error(400, {}, raw), HeadgateError)


# ── the view ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_prompts_are_the_users_words_and_the_rest_are_parameters() -> None:
    request = {"model": "m", "prompt": ["a", "b"], "suffix": "c", "stop": ["d"], "user": "e"}
    seen = {node.path: node.provenance for node in DIALECT.request_texts(request)}
    assert seen == {
        ("prompt", 0): "user",
        ("prompt", 1): "user",
        ("suffix",): "user",
        ("stop", 0): "parameter",
        ("user",): "parameter",
    }
    assert missing_canaries(DIALECT, request) == []
    assert [node.text for node in DIALECT.answer_texts(DOCUMENT)] == ["a", ""]
    assert next(node.path for node in DIALECT.frame_texts(DOCUMENT)) == ("choices", 0, "text")


def test_where_it_is_found() -> None:
    assert DIALECT.path("m", stream=True) == "/completions"
    assert DIALECT.operation == "complete"
