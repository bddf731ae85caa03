"""Anthropic's Messages: answers survive being written and read, streams any interleaving, codecs any input."""

from __future__ import annotations

import contextlib
import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.anthropic_messages import answer_ids, frame_ids, request_ids
from headgate.dialects.base import Context, Fit
from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Chat,
    Choice,
    Citation,
    Message,
    Native,
    Reasoning,
    Signature,
    StreamEvent,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.errors import HeadgateError
from headgate.types import Frame, Usage
from vendor_laws import events_of, missing_canaries

DIALECT = dialects.get("anthropic_messages")
CONTEXT = Context(asked={"model": "asked"}, id="made", created=0)

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
OPAQUE = st.text(alphabet="abcdefghijkXYZ0123456789+/=._-", min_size=1, max_size=20)
SIGNATURES = st.builds(Signature, st.sampled_from(["anthropic", "openai", "gemini"]), OPAQUE)
FOREIGN = st.builds(Signature, st.sampled_from(["openai", "gemini"]), OPAQUE)
RAW_CITATION = TEXT.map(lambda text: {"type": "char_location", "cited_text": text, "document_index": 0})
CITATIONS = st.lists(
    RAW_CITATION.map(lambda raw: Citation(cited_text=raw["cited_text"], extra={"anthropic_messages": raw})), max_size=2
)
TEXTS = st.builds(Text, text=TEXT, citations=CITATIONS.map(tuple), signature=st.none() | FOREIGN)
REASONING = st.one_of(
    st.builds(Reasoning, text=TEXT),
    st.builds(Reasoning, text=TEXT | st.just(""), signature=SIGNATURES),
    st.builds(Reasoning, text=TEXT, redacted=FOREIGN),
    st.builds(Reasoning, redacted=SIGNATURES),
)
ARGUMENTS = st.dictionaries(TEXT, TEXT | st.integers(-9, 9) | st.none(), max_size=3).map(
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
)
CALLS = st.builds(
    ToolCall, id=st.uuids().map(str), name=st.just("tool"), arguments=ARGUMENTS, signature=st.none() | FOREIGN
)
SERVED = st.builds(
    lambda name, query: Native(
        dialect="anthropic_messages",
        data={"type": "server_tool_use", "id": name, "name": "web_search", "input": {"query": query}},
    ),
    OPAQUE,
    TEXT,
)
PARTS = st.lists(TEXTS | REASONING | CALLS | SERVED, max_size=5)
USAGES = st.builds(
    Usage,
    input_tokens=st.integers(0, 9),
    cached_tokens=st.integers(0, 9),
    cache_write_5m_tokens=st.integers(0, 9),
    cache_write_1h_tokens=st.integers(0, 9),
    output_tokens=st.integers(5, 9),
    reasoning_tokens=st.integers(0, 5),
    web_searches=st.integers(0, 2),
)
STOPS = st.sampled_from(["end", "length", "stop_sequence", "tool_calls", "pause", "refusal", "context"])
ANSWERS = st.builds(
    lambda parts, stop, usage: Answer(
        id="msg_1", model="m", choices=(Choice(parts=tuple(parts), stop=stop),), usage=usage
    ),
    PARTS,
    STOPS,
    USAGES,
)


def plain(answer: Answer) -> Answer:
    """The answer without what the dialect notes of its own when it reads it."""
    choice = answer.choices[0]
    stop = "tool_calls" if choice.stop == "end" and any(isinstance(p, ToolCall) for p in choice.parts) else choice.stop
    return replace(answer, extra={}, choices=(replace(choice, extra={}, stop=stop),))


def accumulated(frames: list[Frame]) -> Answer:
    accumulator = Accumulator()
    for event in events_of(DIALECT, frames):
        accumulator.feed(event)
    assert accumulator.ended
    return accumulator.answer()


@given(ANSWERS)
def test_an_answer_written_and_read_is_the_same(answer: Answer) -> None:
    assert plain(DIALECT.decode_answer(DIALECT.encode_answer(answer, CONTEXT))) == plain(answer)


@given(ANSWERS, st.integers(1, 20))
def test_an_answer_streamed_and_read_is_the_same(answer: Answer, size: int) -> None:
    encoder = DIALECT.encode_stream(CONTEXT)
    frames = [frame for event in exploded(answer, size) for frame in encoder.feed(event)]
    assert plain(accumulated(frames)) == plain(answer)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_blocks_never_interleave_however_the_hubs_do(answer: Answer, random: Any) -> None:
    """Every way to shuffle the events of blocks, each block's own order kept, gives the same blocks in a row."""
    events = list(exploded(answer, 3))
    blocks: dict[int, list[StreamEvent]] = {}
    for event in events:
        if isinstance(event, BlockStarted | BlockDelta | BlockStopped):
            blocks.setdefault(event.index, []).append(event)
    first, *last = [event for event in events if not isinstance(event, BlockStarted | BlockDelta | BlockStopped)]
    starts = [blocks[index].pop(0) for index in sorted(blocks)]
    shuffled: list[StreamEvent] = []
    while blocks:
        index = random.choice(sorted(blocks))
        shuffled.append(blocks[index].pop(0))
        if not blocks[index]:
            del blocks[index]
    encoder = DIALECT.encode_stream(CONTEXT)
    frames = [frame for event in [first, *starts, *shuffled, *last] for frame in encoder.feed(event)]
    open_: int | None = None
    count = 0
    for frame in frames:
        tree = json.loads(frame.data)
        assert tree["type"] == frame.event
        if frame.event == "content_block_start":
            assert (open_, tree["index"]) == (None, count)
            open_, count = count, count + 1
        elif frame.event == "content_block_delta":
            assert tree["index"] == open_
        elif frame.event == "content_block_stop":
            assert tree["index"] == open_
            open_ = None
    assert open_ is None
    assert plain(accumulated(frames)) == plain(answer)


TURNS = st.lists(
    st.one_of(
        st.builds(
            Message, role=st.sampled_from(["system", "developer", "user"]), parts=TEXTS.map(lambda each: (each,))
        ),
        st.builds(
            lambda text, call, result: (
                Message(role="assistant", parts=(text, call)),
                Message(role="user", parts=(Text(text="and"), ToolResult(call_id=call.id, parts=(result,)))),
            ),
            TEXTS,
            CALLS,
            TEXTS,
        ),
    ),
    max_size=6,
)
MODELS = st.sampled_from(["claude-sonnet-4-5", "claude-opus-4-8", "claude-3-5-haiku-20241022", "other"])


@given(TURNS, MODELS)
def test_messages_in_any_order_become_turns_that_anthropic_takes(turns: list[Any], model: str) -> None:
    messages: list[Message] = []
    for turn in turns:
        messages += turn if isinstance(turn, tuple) else [turn]
    body = DIALECT.encode_request(Chat(model="m", messages=tuple(messages)), Fit(model=model))
    roles = [turn["role"] for turn in body["messages"]]
    assert all(left != right for left, right in pairwise(roles))
    assert roles[:1] != ["system"]
    for place, turn in enumerate(body["messages"]):
        kinds = [block["type"] for block in turn["content"]]
        assert kinds
        assert kinds == sorted(kinds, key=lambda kind: kind != "tool_result" if turn["role"] == "user" else 0)
        assert all(block["text"].strip() for block in turn["content"] if block["type"] == "text")
        if turn["role"] == "system":
            assert model == "claude-opus-4-8"
            assert roles[place - 1] == "user"
            assert roles[place + 1 : place + 2] in ([], ["assistant"])


WORDS = st.sampled_from(
    [
        "model", "messages", "role", "content", "type", "text", "source", "data", "media_type", "url",
        "file_id", "system", "tools", "name", "input_schema", "description", "tool_choice", "thinking",
        "signature", "cache_control", "ttl", "id", "input", "tool_use_id", "is_error", "citations",
        "max_tokens", "stop_sequences", "metadata", "user_id", "output_config", "format", "schema", "effort",
        "container", "skills", "usage", "stop_reason", "index", "delta", "content_block", "message",
        "partial_json", "citation", "error", "iterations", "cache_creation", "title", "properties",
        "mcp_servers", "output_format",
    ]
)  # fmt: skip
TYPES = st.sampled_from(
    [
        "text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "base64",
        "url", "file", "content", "server_tool_use", "ephemeral", "enabled", "json_schema", "user",
        "assistant", "system", "auto", "message_start", "content_block_start", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop", "text_delta", "input_json_delta",
        "thinking_delta", "signature_delta", "citations_delta", "error", "ping", "compaction", "novelty",
    ]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | st.text(max_size=5) | TYPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=10,
)
TREE = st.dictionaries(WORDS, ANY, max_size=6)
BLOCK = st.builds(lambda members, kind: {**members, "type": kind}, TREE, TYPES)
REQUEST = st.builds(
    lambda members, blocks: {
        "model": "claude-sonnet-4-5",
        "max_tokens": 5,
        **members,
        "messages": [{"role": role, "content": inner} for role, inner in blocks],
    },
    TREE,
    st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.lists(BLOCK, max_size=3)), max_size=3),
)


@given(TREE | REQUEST)
def test_a_hostile_request_is_refused_by_name_or_understood(tree: dict[str, Any]) -> None:
    with contextlib.suppress(HeadgateError):
        chat = DIALECT.decode_request(tree)
        DIALECT.encode_request(chat, Fit(model="claude-opus-4-8", drop=True))


@given(TREE | REQUEST)
def test_every_string_of_any_request_is_text_or_listed_as_not_text(tree: dict[str, Any]) -> None:
    assert missing_canaries(DIALECT, tree) == []
    list(request_ids(tree))


@given(st.builds(lambda members, blocks: {**members, "content": blocks}, TREE, st.lists(BLOCK, max_size=3)) | TREE)
def test_a_hostile_answer_is_refused_or_understood(tree: dict[str, Any]) -> None:
    with contextlib.suppress(HeadgateError):
        answer = DIALECT.decode_answer(tree)
        DIALECT.encode_answer(answer, CONTEXT)
    with contextlib.suppress(HeadgateError):
        DIALECT.peek(json.dumps(tree).encode())
    list(DIALECT.answer_texts(tree))
    list(answer_ids(tree))


@given(st.lists(BLOCK, max_size=6))
def test_a_hostile_stream_is_refused_or_understood(trees: list[dict[str, Any]]) -> None:
    decoder = DIALECT.decode_stream()
    encoder = DIALECT.encode_stream(CONTEXT)
    meter = DIALECT.meter()
    accumulator = Accumulator()
    events: list[StreamEvent] = []
    for tree in trees:
        frame = Frame.of(tree)
        with contextlib.suppress(HeadgateError):
            events += decoder.feed(frame)
        with contextlib.suppress(HeadgateError):
            meter.observe(frame)
        list(DIALECT.frame_texts(tree))
        list(frame_ids(tree))
    for event in [*events, *decoder.close()]:
        accumulator.feed(event)
        encoder.feed(event)
    accumulator.answer()


@given(st.binary(max_size=60), st.integers(100, 599))
def test_any_body_of_an_error_is_some_typed_error(raw: bytes, status: int) -> None:
    error = DIALECT.decode_error(status, {}, raw)
    assert isinstance(error, HeadgateError)
    assert len(error.message) <= 2_000
