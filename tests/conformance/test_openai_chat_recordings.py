"""The recorded chat completions of twelve vendors: all decode, nothing is lost, every text is seen, wherever it is cut.

Where re-encoding does not give the recorded JSON to the letter, the functions `as_written` and `as_streamed` say in
what, and why that is no loss.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.base import Context, Fit, Quirks
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import Answer, Choice, Failed, Part, StreamEvent, ToolCall
from headgate.errors import BadRequest, RateLimited
from headgate.types import JSON, Frame
from recordings import Recording, generations, params
from vendor_laws import events_of, frames_of, missing_canaries

NAME = "openai_chat"
DIALECT = dialects.get(NAME)
ROWS = generations(NAME)
WHOLE = [row for row in ROWS if row.status == 200 and not row.streamed]
STREAMED = [row for row in ROWS if row.status == 200 and row.streamed]
ERRORS = [row for row in ROWS if row.status != 200]
FAILED = [row for row in STREAMED if b"event: error" in row.body]
COMPLETE = [row for row in STREAMED if row not in FAILED]


def context(row: Recording) -> Context:
    return Context(asked={**row.request, "stream_options": {"include_usage": True}}, id="own", created=1)


def accumulated(events: list[StreamEvent]) -> Accumulator:
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    return accumulator


def as_written(tree: JSON) -> JSON:
    """A recorded answer as we write it: an empty id, which Snowflake gives, is replaced by the gateway's own."""
    return tree if tree["id"] else {**tree, "id": "chatcmpl-own"}


def as_streamed(answer: Answer) -> Answer:
    """What of a whole answer its stream can tell.

    Chunks number the calls of tools anyway, begin them without arguments, and cannot tell absent content from null.
    """
    choices = tuple(
        replace(
            choice,
            parts=tuple(map(_call_as_streamed, choice.parts)),
            extra=_noted(choice.extra, message=_without(choice.extra, "message", "absent")),
        )
        for choice in answer.choices
    )
    return replace(answer, id=answer.id or "chatcmpl-own", choices=choices)


def _call_as_streamed(part: Part) -> Part:
    if not isinstance(part, ToolCall):
        return part
    notes = dict(part.extra.get(NAME, {}))
    notes.pop("index", None)
    absent = [name for name in notes.pop("absent", ()) if name != "arguments"]
    return replace(part, extra={NAME: notes | ({"absent": absent} if absent else {})} if notes or absent else {})


def _without(extra: JSON, *path: str) -> JSON:
    members = extra.get(NAME, {}).get(path[0], {})
    return {name: value for name, value in members.items() if name != path[1]}


def _noted(extra: JSON, message: JSON) -> JSON:
    notes = {name: value for name, value in extra.get(NAME, {}).items() if name != "message"}
    notes |= {"message": message} if message else {}
    return {NAME: notes} if notes else {}


def as_sent(body: JSON) -> JSON:
    """A recorded request as we write it: `stream: false` and an empty `tools` are left out, streams are asked for
    usage, Mistral's `any` is said as `required`, and types that only a function can have are spelled out.
    """
    sent = {name: value for name, value in body.items() if not (name == "stream" and not value) and value != []}
    if sent.get("stream"):
        sent["stream_options"] = {"include_usage": True}
    if sent.get("tool_choice") == "any":
        sent["tool_choice"] = "required"
    if isinstance(sent.get("tool_choice"), dict):
        sent["tool_choice"] = {"type": "function", **sent["tool_choice"]}
    if "tools" in sent:
        sent["tools"] = [{"type": "function", **tool} for tool in sent["tools"]]
    return sent


def quirks(body: JSON) -> Quirks:
    """The quirks of the vendor this request was written for, as far as it shows them."""
    return Quirks(
        max_tokens_field="max_completion_tokens" if "max_completion_tokens" in body else "max_tokens",
        thinking_field="reasoning" if "reasoning" in body else "reasoning_effort",
        reasoning_field="reasoning" if any("reasoning" in each for each in body["messages"]) else "reasoning_content",
    )


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_the_recordings_are_all_of_a_kind_that_is_tested_here() -> None:
    assert (len(WHOLE), len(COMPLETE), len(FAILED), len(ERRORS)) == (171, 11, 1, 4)
    assert len(WHOLE) + len(STREAMED) + len(ERRORS) == len(ROWS)


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_only_the_listed_recordings_need_an_exception() -> None:
    renamed = Counter(row.host for row in WHOLE if as_written(json.loads(row.body)) != json.loads(row.body))
    assert renamed == {"myorg-myaccount.snowflakecomputing.com": 5}
    changed: Counter[str] = Counter()
    for row in WHOLE:
        answer = DIALECT.decode_answer(json.loads(row.body))
        if as_streamed(answer) != answer:
            changed[row.host] += 1
    assert set(changed) <= {
        "api.cerebras.ai",
        "api.deepseek.com",
        "api.groq.com",
        "api.mistral.ai",
        "myorg-myaccount.snowflakecomputing.com",
        "ollama.com",
        "openrouter.ai",
        "router.huggingface.co",
    }
    spelled = Counter(row.host for row in ROWS if {**row.request, "tools": None} != {**_lean(row), "tools": None})
    assert set(spelled) <= {"api.mistral.ai", "router.huggingface.co"}
    twice = [row.host for row in WHOLE if _billed_twice(json.loads(row.body)["usage"])]
    assert twice == ["openrouter.ai"]


def _lean(row: Recording) -> JSON:
    """A request as sent, but for what is left out or added in every one."""
    sent = as_sent(row.request)
    kept = {name: row.request[name] for name in ("stream", "stream_options") if name in row.request}
    return {**{name: value for name, value in sent.items() if name != "stream_options"}, **kept}


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_recorded_answer_is_written_back_as_it_was(row: Recording) -> None:
    tree = json.loads(row.body)
    assert DIALECT.encode_answer(DIALECT.decode_answer(tree), context(row)) == as_written(tree)


@pytest.mark.parametrize("row", params(ROWS))
def test_a_recorded_request_is_written_back_as_it_was(row: Recording) -> None:
    fit = Fit(model=row.request["model"], quirks=quirks(row.request))
    assert DIALECT.encode_request(DIALECT.decode_request(row.request), fit) == as_sent(row.request)
    assert fit.dropped == []


@pytest.mark.parametrize("row", params(WHOLE))
def test_a_recorded_answer_sent_as_a_stream_is_the_same_answer(row: Recording) -> None:
    answer = DIALECT.decode_answer(json.loads(row.body))
    encoder = DIALECT.encode_stream(context(row))
    frames = [frame for event in exploded(answer) for frame in encoder.feed(event)]
    again = accumulated(events_of(DIALECT, frames_of(SseFramer(), [frame.encode() for frame in frames])))
    assert again.ended
    assert as_streamed(again.answer()) == as_streamed(answer)
    assert DIALECT.is_terminator(frames[-1])


@pytest.mark.parametrize("row", params(COMPLETE))
def test_a_recorded_stream_is_the_same_as_the_whole_answer_it_stands_for(row: Recording) -> None:
    streamed = accumulated(events_of(DIALECT, frames_of(SseFramer(), [row.body])))
    assert streamed.ended
    answer = streamed.answer()
    assert DIALECT.decode_answer(DIALECT.encode_answer(answer, context(row))) == answer


@pytest.mark.parametrize("row", params(STREAMED))
def test_a_recorded_stream_is_the_same_wherever_it_is_cut(row: Recording) -> None:
    whole = [(frame.data, frame.event) for frame in frames_of(SseFramer(), [row.body])]
    body = row.body[:4_000] + row.body[-2_000:] if len(row.body) > 6_000 else row.body
    short = frames_of(SseFramer(), [body])
    for cut in range(len(body) + 1):
        pieces = [body[:cut], body[cut:]]
        assert [frame.data for frame in frames_of(SseFramer(), pieces)] == [frame.data for frame in short]
    bytewise = frames_of(SseFramer(), [row.body[at : at + 1] for at in range(len(row.body))])
    assert [(frame.data, frame.event) for frame in bytewise] == whole
    assert events_of(DIALECT, bytewise) == events_of(DIALECT, frames_of(SseFramer(), [row.body]))


@pytest.mark.parametrize("row", params(COMPLETE))
def test_the_text_of_a_recorded_stream_is_what_its_chunks_say(row: Recording) -> None:
    frames = frames_of(SseFramer(), [row.body])
    chunks = [json.loads(frame.data) for frame in frames if frame.data != b"[DONE]"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    answer = accumulated(events_of(DIALECT, frames)).answer()
    assert _texts(answer, "text") == "".join(delta.get("content") or "" for delta in deltas)
    assert _texts(answer, "reasoning") == "".join(delta.get("reasoning") or "" for delta in deltas)
    said = [call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls") or ()]
    called = [part.arguments for part in answer.choices[0].parts if isinstance(part, ToolCall)]
    assert "".join(called) == "".join(said)


def _texts(answer: Answer, kind: str) -> str:
    parts: list[Any] = [part for choice in answer.choices for part in choice.parts]
    return "".join(part.text for part in parts if type(part).__name__.lower() == kind)


@pytest.mark.parametrize("row", params(WHOLE))
def test_usage_counts_every_token_of_a_recorded_answer_once(row: Recording) -> None:
    told = json.loads(row.body)["usage"]
    peek = DIALECT.peek(row.body)
    answer: Answer = DIALECT.decode_answer(json.loads(row.body))
    assert peek.usage is not None
    assert (peek.usage, peek.stop, peek.id or "") == (answer.usage, answer.choices[0].stop, answer.id)
    assert peek.usage.total_input_tokens - _billed_twice(told) == told["prompt_tokens"]
    assert peek.usage.total_output_tokens == told["completion_tokens"]
    assert told["total_tokens"] == told["prompt_tokens"] + told["completion_tokens"]


def _billed_twice(told: JSON) -> int:
    """Tokens that OpenRouter says were both written to Gemini's cache and read from it; its cost is that of both."""
    details = told.get("prompt_tokens_details") or {}
    written, cached = details.get("cache_write_tokens") or 0, details.get("cached_tokens") or 0
    return min(written, cached) if written + cached > told["prompt_tokens"] else 0


@pytest.mark.parametrize("row", params(COMPLETE))
def test_the_meter_agrees_with_the_decoder_on_a_recorded_stream(row: Recording) -> None:
    frames = frames_of(SseFramer(), [row.body])
    meter = DIALECT.meter()
    for frame in frames:
        meter.observe(frame)
    answer = accumulated(events_of(DIALECT, frames)).answer()
    assert meter.started
    assert meter.ended
    assert (meter.usage, meter.stop, meter.id) == (answer.usage, answer.choices[0].stop, answer.id)


@pytest.mark.parametrize("row", params(FAILED))
def test_a_recorded_stream_that_failed_says_so(row: Recording) -> None:
    frames = frames_of(SseFramer(), [row.body])
    events = events_of(DIALECT, frames)
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "invalid_request"
    meter = DIALECT.meter()
    for frame in frames:
        meter.observe(frame)
    assert isinstance(meter.error, BadRequest)
    assert not meter.ended


@pytest.mark.parametrize("row", params(ROWS))
def test_every_string_of_a_recorded_request_is_text_or_listed_as_not_text(row: Recording) -> None:
    assert missing_canaries(DIALECT, row.request) == []


@pytest.mark.parametrize("row", params(WHOLE))
def test_the_texts_of_a_recorded_answer_are_those_of_its_parts(row: Recording) -> None:
    tree = json.loads(row.body)
    seen = "\n".join(node.text for node in DIALECT.answer_texts(tree))
    choice: Choice = DIALECT.decode_answer(tree).choices[0]
    for part in choice.parts:
        assert (part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")) in seen


@pytest.mark.parametrize("row", params(ERRORS))
def test_a_recorded_error_is_of_the_right_kind_and_keeps_its_document(row: Recording) -> None:
    error = DIALECT.decode_error(row.status, {}, row.body)
    assert type(error) is (RateLimited if row.status == 429 else BadRequest)
    assert json.loads(row.body)["error"]["message"] in error.message
    assert error.upstream_body is not None
    assert error.upstream_body.raw == row.body


def test_a_frame_that_only_tells_usage_is_known() -> None:
    assert DIALECT.is_usage_only(Frame(b'{"choices":[],"usage":{"prompt_tokens":1}}'))
