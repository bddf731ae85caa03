"""The Responses dialect: bodies survive being read and written, streams any interleaving, codecs any input."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.base import Context, Fit
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Choice,
    Message,
    Part,
    Reasoning,
    Refusal,
    Signature,
    StreamEvent,
    Text,
    ToolCall,
)
from headgate.dialects.openai_responses import answer_ids, frame_ids, request_ids
from headgate.dialects.signatures import attach
from headgate.errors import HeadgateError
from headgate.types import Frame, Usage
from hub_strategies import answers
from vendor_laws import events_of, frames_of, missing_canaries

DIALECT = dialects.get("openai_responses")
CONTEXT = Context(asked={"model": "m", "input": "x"}, id="call", created=1)
JSON = dict[str, Any]
LOADS_SDK = settings(deadline=None)
"""The SDK builds its models when it first sees an event."""

# ── bodies of this dialect ──────────────────────────────────────────────────────────────────────────────────────────

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ID = st.text("abc_", min_size=1, max_size=6)
UNIQUE = st.uuids().map(str)
"""Ids of calls: the SDK refuses a response that has one twice."""
MORE = st.dictionaries(st.sampled_from(["novelty", "created_by"]), TEXT | st.none(), max_size=2)


def tree(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[JSON]:
    fixed = st.fixed_dictionaries(
        {name: each if isinstance(each, st.SearchStrategy) else st.just(each) for name, each in required.items()},
        optional=optional,
    )
    return st.builds(lambda members, more: {**more, **members}, fixed, MORE)


LOGPROBS = st.lists(
    st.fixed_dictionaries(
        {"token": TEXT, "logprob": st.floats(-9, 0), "bytes": st.just([1]), "top_logprobs": st.just([])}
    ),
    max_size=2,
)
ANNOTATION = tree(
    {"type": st.sampled_from(["url_citation", "file_citation"])},
    {
        "url": TEXT,
        "title": TEXT | st.none(),
        "file_id": ID,
        "start_index": st.integers(0, 9),
        "end_index": st.integers(0, 9),
        "filename": TEXT,
    },
)
OUTPUT_TEXT = tree(
    {"type": "output_text", "text": TEXT}, {"annotations": st.lists(ANNOTATION, max_size=2), "logprobs": LOGPROBS}
)
REFUSAL = tree({"type": "refusal", "refusal": TEXT})
THOUGHT = st.lists(tree({"type": "reasoning_text", "text": TEXT}), max_size=2)
SUMMARY = st.lists(tree({"type": "summary_text", "text": TEXT}), max_size=2)
HEAD = {"id": ID, "status": "completed"}
ITEM = st.one_of(
    tree(
        {**HEAD, "type": "message", "role": "assistant", "content": st.lists(OUTPUT_TEXT | REFUSAL, max_size=3)},
        {"phase": st.sampled_from(["commentary", "final_answer", None])},
    ),
    tree(
        {"id": ID, "type": "reasoning", "summary": SUMMARY},
        {"content": THOUGHT | st.none(), "encrypted_content": st.sampled_from(["enc", None])},
    ),
    tree({**HEAD, "type": "function_call", "call_id": UNIQUE, "name": ID, "arguments": TEXT}),
    tree({**HEAD, "type": "custom_tool_call", "call_id": UNIQUE, "name": ID, "input": TEXT}),
    tree({**HEAD, "type": "web_search_call", "action": st.just({"type": "search", "query": "q"})}),
    tree({**HEAD, "type": "code_interpreter_call", "code": TEXT, "container_id": ID}),
    tree({"id": ID, "type": "novelty"}),
)
ITEMS = st.lists(ITEM, max_size=5, unique_by=lambda item: item["id"])
USAGE = st.none() | st.just({"input_tokens": 9, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 2}})
RESPONSE = tree(
    {
        "id": ID,
        "object": "response",
        "created_at": st.integers(0, 9),
        "model": ID,
        "status": st.sampled_from(["completed", "incomplete", "queued", "cancelled"]),
        "output": ITEMS,
    },
    {
        "incomplete_details": st.none() | st.just({"reason": "max_output_tokens"}),
        "usage": USAGE,
        "service_tier": st.none() | st.just("default"),
        "tools": st.just([]),
    },
)


def encoded(events: list[StreamEvent]) -> list[Frame]:
    encoder = DIALECT.encode_stream(CONTEXT)
    return [frame for event in events for frame in encoder.feed(event)]


def accumulated(frames: list[Frame]) -> Answer:
    accumulator = Accumulator()
    for event in events_of(DIALECT, frames):
        accumulator.feed(event)
    assert accumulator.ended
    return accumulator.answer()


def followed_by_the_sdk(frames: list[Frame]) -> Any:
    """The response the SDK's own stream state holds at the end; it raises where the grammar is broken."""
    state = ResponseStreamState(text_format=omit, input_tools=omit)
    for number, frame in enumerate(frames):
        event = json.loads(frame.data)
        assert event["sequence_number"] == number
        assert event["type"] == frame.event
        state.handle_event(construct_type(type_=ResponseStreamEvent, value=event))  # type: ignore[arg-type]
    return state._completed_response


@given(RESPONSE)
def test_a_response_decoded_and_encoded_is_the_same(response: JSON) -> None:
    assert DIALECT.encode_answer(DIALECT.decode_answer(response), CONTEXT) == response


@given(RESPONSE, st.integers(1, 9))
def test_a_response_as_a_stream_accumulates_to_itself(response: JSON, size: int) -> None:
    answer = DIALECT.decode_answer(response)
    frames = encoded(list(exploded(answer, size)))
    assert accumulated(frames) == answer
    assert json.loads(frames[-1].data)["response"] == response


@given(RESPONSE, st.integers(1, 9), st.data())
def test_a_stream_of_which_only_some_events_come_says_the_same(response: JSON, size: int, data: st.DataObject) -> None:
    """Vendors leave out events: whatever is missing is told by the items, and whatever they lack by the last event."""
    answer = DIALECT.decode_answer(response)
    frames = encoded(list(exploded(answer, size)))
    kinds = sorted({frame.event for frame in frames if frame.event})
    lifecycle = {"response.created", "response.completed", "response.incomplete"}
    missing = data.draw(st.sets(st.sampled_from(kinds))) - lifecycle
    kept = [frame for frame in frames if frame.event not in missing]
    got = accumulated(kept)
    assert _words(got) == _words(answer)
    assert (got.usage, got.choices[0].stop, got.extra) == (answer.usage, answer.choices[0].stop, answer.extra)


def _words(answer: Answer) -> list[tuple[str, str]]:
    """Everything said, by kind: in which blocks is up to the stream."""
    said: dict[str, str] = {}
    for part in answer.choices[0].parts:
        text = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
        said[type(part).__name__] = said.get(type(part).__name__, "") + text
    return sorted((kind, text) for kind, text in said.items() if kind in ("Text", "Refusal", "ToolCall", "Native"))


@given(st.builds(lambda items: {"model": "m", "input": items}, ITEMS))
def test_a_turn_given_back_is_written_as_it_came(request: JSON) -> None:
    chat = DIALECT.decode_request(request)
    assert DIALECT.encode_request(chat, Fit(model="m", dropped=[])) == request


@given(RESPONSE, st.integers(0, 5000))
def test_a_stream_cut_anywhere_gives_the_same_events(response: JSON, place: int) -> None:
    frames = encoded(list(exploded(DIALECT.decode_answer(response), 3)))
    body = b"".join(frame.encode() for frame in frames)
    cut = place % len(body)
    assert events_of(DIALECT, frames_of(SseFramer(), [body[:cut], body[cut:]])) == events_of(DIALECT, frames)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the SDK's own, over kinds it does not know
@LOADS_SDK
@given(RESPONSE)
def test_the_sdk_follows_a_response_as_a_stream(response: JSON) -> None:
    followed_by_the_sdk(encoded(list(exploded(DIALECT.decode_answer(response), 4))))


@given(RESPONSE)
def test_a_peek_and_a_meter_see_what_decoding_does(response: JSON) -> None:
    answer = DIALECT.decode_answer(response)
    peek = DIALECT.peek(json.dumps(response).encode())
    meter = DIALECT.meter()
    for frame in encoded(list(exploded(answer))):
        meter.observe(frame)
    wanted = (answer.usage, answer.choices[0].stop, answer.id)
    assert (peek.usage, peek.stop, peek.id) == wanted
    assert (meter.usage, meter.stop, meter.id) == wanted
    assert meter.ended


# ── answers from elsewhere ──────────────────────────────────────────────────────────────────────────────────────────

SIGNED = st.builds(Signature, st.sampled_from(["anthropic", "gemini", "openai"]), ID)
TEXTS = st.builds(
    Text, text=TEXT.filter(bool), signature=st.none() | SIGNED.filter(lambda each: each.origin != "openai")
)
PARTS: st.SearchStrategy[list[Part]] = st.lists(
    st.one_of(
        TEXTS,
        st.builds(Refusal, text=TEXT.filter(bool)),
        st.builds(Reasoning, text=TEXT.filter(bool), summarised=st.booleans(), signature=st.none() | SIGNED),
        st.builds(Reasoning, summarised=st.just(True), redacted=SIGNED),
        st.builds(ToolCall, id=UNIQUE, name=ID, arguments=TEXT, kind=st.sampled_from(["function", "custom"])),
        st.builds(ToolCall, id=UNIQUE, name=ID, arguments=TEXT, signature=st.builds(Signature, st.just("gemini"), ID)),
    ),
    max_size=5,
)
FOREIGN = st.builds(
    lambda parts, usage: Answer(
        id="a", model="m", choices=(Choice(parts=tuple(parts), stop="length"),), usage=usage, created=7
    ),
    PARTS,
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9), output_tokens=st.integers(5, 9)),
)


def plain(answer: Answer) -> Answer:
    """What an answer says: without what the dialect notes of its own, signatures of calls and texts in their place."""
    [choice] = answer.choices
    parts = [_plain(part) for part in attach(choice.parts)]
    return replace(answer, extra={}, choices=(replace(choice, parts=tuple(parts), extra={}),))


def _plain(part: Part) -> Part:
    part = replace(part, extra={})
    if isinstance(part, Text):
        return replace(part, logprobs=None, citations=())
    return replace(part, id=None) if isinstance(part, Reasoning) else part


@given(FOREIGN)
def test_an_answer_from_elsewhere_written_and_read_says_the_same(answer: Answer) -> None:
    assert plain(DIALECT.decode_answer(DIALECT.encode_answer(answer, CONTEXT))) == plain(answer)


@LOADS_SDK
@given(FOREIGN, st.integers(1, 9))
def test_an_answer_from_elsewhere_streamed_and_read_says_the_same(answer: Answer, size: int) -> None:
    frames = encoded(list(exploded(answer, size)))
    followed_by_the_sdk(frames)
    assert plain(accumulated(frames)) == plain(answer)


@LOADS_SDK
@given(FOREIGN, st.randoms(use_true_random=False))
def test_blocks_that_overlap_make_the_same_items(answer: Answer, random: Any) -> None:
    """Blocks begin in order; what comes then may come in any, as parallel calls do."""
    unsigned = [replace(part, signature=None) if isinstance(part, Text | ToolCall) else part for part in _parts(answer)]
    answer = replace(answer, choices=(replace(answer.choices[0], parts=tuple(unsigned)),))
    frames = encoded(shuffled(answer, random))
    followed_by_the_sdk(frames)
    whole = DIALECT.decode_answer(json.loads(frames[-1].data)["response"])
    assert plain(whole) == plain(answer)


def _parts(answer: Answer) -> tuple[Part, ...]:
    return answer.choices[0].parts


def shuffled(answer: Answer, random: Any) -> list[StreamEvent]:
    events = list(exploded(answer, 3))
    blocks: dict[int, list[StreamEvent]] = {}
    rest: list[StreamEvent] = []
    for event in events:
        if isinstance(event, BlockStarted | BlockDelta | BlockStopped):
            blocks.setdefault(event.index, []).append(event)
        else:
            rest.append(event)
    result = [rest[0], *(blocks[index].pop(0) for index in sorted(blocks))]
    while blocks:
        index = random.choice(sorted(blocks))
        result.append(blocks[index].pop(0))
        if not blocks[index]:
            del blocks[index]
    return [*result, *rest[1:]]


@LOADS_SDK
@given(answers)
def test_any_answer_at_all_can_be_written_whole_and_streamed(answer: Answer) -> None:
    body = DIALECT.encode_answer(answer, CONTEXT)
    frames = encoded(list(exploded(answer)))
    assert json.loads(frames[-1].data)["type"] in ("response.completed", "response.incomplete")
    assert DIALECT.decode_answer(body)
    calls = [part.id for part in answer.choices[0].parts if isinstance(part, ToolCall)]
    if len(calls) == len(set(calls)):
        followed_by_the_sdk(frames)


@given(PARTS)
def test_messages_from_elsewhere_become_items_that_say_the_same(parts: list[Part]) -> None:
    """Given back by a client of another dialect, and read again: texts and calls are all there, in order."""
    chat = DIALECT.decode_request({"model": "m", "input": "hello"})
    messages = (*chat.messages, Message(role="assistant", parts=tuple(parts)))
    body = DIALECT.encode_request(replace(chat, messages=messages, extra={}), Fit(model="m", dropped=[]))
    again = DIALECT.decode_request(body)
    kept = [_said(part) for part in parts if isinstance(part, Text | Refusal | ToolCall)]
    found = [_said(part) for message in again.messages[1:] for part in message.parts if not isinstance(part, Reasoning)]
    assert found == kept


def _said(part: Part) -> tuple[str, ...]:
    if isinstance(part, ToolCall):
        return part.kind, part.id, part.name, part.arguments
    assert isinstance(part, Text | Refusal)
    return type(part).__name__, part.text


# ── hostile input ───────────────────────────────────────────────────────────────────────────────────────────────────

WORDS = st.sampled_from(
    [
        "model", "input", "instructions", "type", "role", "content", "text", "output", "summary", "id",
        "call_id", "name", "arguments", "encrypted_content", "annotations", "logprobs", "top_logprobs",
        "token", "logprob", "bytes", "image_url", "file_data", "file_id", "file_url", "input_audio", "tools",
        "parameters", "tool_choice", "mode", "reasoning", "effort", "context", "reasoning.context", "format",
        "text.format", "schema", "include", "conversation", "previous_response_id", "prompt", "container",
        "vector_store_ids", "response", "item", "part", "delta", "output_index", "content_index", "usage",
        "input_tokens", "input_tokens_details", "cached_tokens", "status", "incomplete_details", "reason",
        "error", "code", "message", "created_at", "annotation", "tool_usage", "web_search", "action",
        "refusal", "stream", "metadata", "properties",
    ]
)  # fmt: skip
TYPES = st.sampled_from(
    [
        "message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "item_reference",
        "custom_tool_call_output", "web_search_call", "input_text", "output_text", "refusal", "input_image",
        "input_file", "input_audio", "summary_text", "reasoning_text", "function", "custom", "allowed_tools",
        "json_schema", "text", "user", "assistant", "auto", "completed", "failed", "incomplete", "novelty",
        "response.created", "response.output_item.added", "response.output_item.done",
        "response.content_part.added", "response.content_part.done", "response.output_text.delta",
        "response.output_text.done", "response.output_text.annotation.added", "response.refusal.delta",
        "response.reasoning_summary_part.added", "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.delta", "response.reasoning_text.delta",
        "response.function_call_arguments.delta", "response.function_call_arguments.done",
        "response.completed", "response.failed", "error", "hg1.gemini.call.x", "data:image/png;base64,AA",
    ]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=5) | TYPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=10,
)
TREE = st.dictionaries(WORDS, ANY, max_size=6)
TYPED = st.builds(lambda members, kind: {**members, "type": kind}, TREE, TYPES)
REQUEST = st.builds(
    lambda members, items: {"model": "gpt-5", **members, "input": items}, TREE, st.lists(TYPED, max_size=3)
)


@given(TREE | REQUEST)
def test_a_hostile_request_is_refused_by_name_or_understood(request: JSON) -> None:
    with contextlib.suppress(HeadgateError):
        chat = DIALECT.decode_request(request)
        DIALECT.encode_request(chat, Fit(model="gpt-5", drop=True, dropped=[]))
        DIALECT.encode_request(replace(chat, extra={}), Fit(model="gpt-5", drop=True, dropped=[]))


@given(TREE | REQUEST)
def test_every_string_of_any_request_is_text_or_listed_as_not_text(request: JSON) -> None:
    assert missing_canaries(DIALECT, request) == []
    list(request_ids(request))


@given(TREE | st.builds(lambda members, items: {**members, "output": items}, TREE, st.lists(TYPED, max_size=3)))
def test_a_hostile_answer_is_refused_or_understood(answer: JSON) -> None:
    with contextlib.suppress(HeadgateError):
        decoded = DIALECT.decode_answer(answer)
        DIALECT.encode_answer(decoded, CONTEXT)
        accumulated(encoded(list(exploded(decoded))))
    with contextlib.suppress(HeadgateError):
        DIALECT.peek(json.dumps(answer).encode())
    list(DIALECT.answer_texts(answer))
    list(answer_ids(answer))


@given(st.lists(TYPED, max_size=6))
def test_a_hostile_stream_is_refused_or_understood(events: list[JSON]) -> None:
    decoder, meter, encoder = DIALECT.decode_stream(), DIALECT.meter(), DIALECT.encode_stream(CONTEXT)
    for event in events:
        frame = Frame(json.dumps(event).encode())
        with contextlib.suppress(HeadgateError):
            for each in decoder.feed(frame):
                encoder.feed(each)
        with contextlib.suppress(HeadgateError):
            meter.observe(frame)
        list(DIALECT.frame_texts(event))
        list(frame_ids(event))
    decoder.close()


@given(st.binary(max_size=60), st.integers(300, 599))
def test_any_error_document_becomes_a_typed_error_that_clients_can_be_told(raw: bytes, status: int) -> None:
    error = DIALECT.decode_error(status, {}, raw)
    assert isinstance(error, HeadgateError)
    assert DIALECT.encode_error(error)["error"]["message"]
    assert DIALECT.error_frames(error)
