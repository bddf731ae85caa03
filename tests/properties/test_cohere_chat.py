"""Cohere's chat: streams say what whole answers say, and no body makes the codec fall over."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import Frame
from vendor_laws import events_of, missing_canaries

DIALECT = dialects.get("cohere_chat")
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
CONTENT = st.lists(
    st.one_of(
        TEXT.map(lambda text: {"type": "text", "text": text}),
        TEXT.map(lambda text: {"type": "thinking", "thinking": text}),
    ),
    max_size=3,
)
CALLS = st.lists(
    st.tuples(TEXT, TEXT, TEXT).map(
        lambda told: {"id": told[0], "type": "function", "function": {"name": told[1], "arguments": told[2]}}
    ),
    max_size=3,
)
WORDS = st.sampled_from(
    [
        "type", "id", "index", "delta", "message", "content", "text", "thinking", "tool_plan", "tool_calls", "function",
        "name", "arguments", "citations", "sources", "document", "start", "end", "content_index", "finish_reason",
        "usage", "billed_units", "tokens", "input_tokens", "logprobs", "error", "role", "image_url", "url", "tools",
        "parameters", "description", "documents", "response_format", "json_schema",
    ]
)  # fmt: skip
TYPES = st.sampled_from(
    [
        "message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start",
        "tool-call-delta", "tool-call-end", "citation-start", "citation-end", "message-end", "novelty",
    ]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | st.text(max_size=5) | TYPES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=6,
)
TREE = st.dictionaries(WORDS, ANY, max_size=4)


def streamed(plan: str, content: list[dict[str, Any]], calls: list[dict[str, Any]], size: int) -> list[Frame]:
    """A stream as Cohere would have sent it."""
    told: list[dict[str, Any]] = [{"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant"}}}]

    def cut(text: str) -> list[str]:
        return [text[place : place + size] for place in range(0, len(text), size)]

    def add(kind: str, index: int, **message: Any) -> None:
        told.append({"type": kind, "index": index, "delta": {"message": message}})

    for piece in cut(plan):
        add("tool-plan-delta", 0, tool_plan=piece)
    for index, block in enumerate(content):
        name = block["type"]
        add("content-start", index, content={"type": name, name: ""})
        for piece in cut(block[name]):
            add("content-delta", index, content={name: piece})
        told.append({"type": "content-end", "index": index})
    for index, call in enumerate(calls):
        function = call["function"]
        add("tool-call-start", index, tool_calls={**call, "function": {"name": function["name"], "arguments": ""}})
        for piece in cut(function["arguments"]):
            add("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
        told.append({"type": "tool-call-end", "index": index})
    usage = {"billed_units": {"input_tokens": 1, "output_tokens": 2}}
    told.append({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}})
    return [Frame.of(each, each["type"]) for each in told]


@given(st.just("") | TEXT, CONTENT, CALLS, st.integers(1, 9))
def test_a_streamed_answer_is_the_whole_one(
    plan: str, content: list[dict[str, Any]], calls: list[dict[str, Any]], size: int
) -> None:
    tree = {
        "id": "i",
        "message": {"role": "assistant", "tool_plan": plan, "content": content, "tool_calls": calls},
        "finish_reason": "COMPLETE",
        "usage": {"billed_units": {"input_tokens": 1, "output_tokens": 2}},
    }
    accumulator = Accumulator()
    for event in events_of(DIALECT, streamed(plan, content, calls, size)):
        accumulator.feed(event)
    assert accumulator.ended
    assert accumulator.answer() == DIALECT.decode_answer(tree)


@given(TREE)
def test_no_answer_makes_the_decoder_fall_over(tree: dict[str, Any]) -> None:
    for probe in (tree, {"message": tree}, {"message": {"content": [tree], "tool_calls": [tree], "citations": [tree]}}):
        with contextlib.suppress(MalformedOutput):
            DIALECT.decode_answer(probe)
        list(DIALECT.answer_texts(probe))
        list(DIALECT.frame_texts(probe))


@given(st.lists(st.builds(lambda kind, tree: {**tree, "type": kind}, TYPES, TREE), max_size=8))
def test_no_stream_makes_the_decoder_or_the_meter_fall_over(told: list[dict[str, Any]]) -> None:
    decoder, meter, accumulator = DIALECT.decode_stream(), DIALECT.meter(), Accumulator()
    for tree in told:
        frame = Frame.of(tree)
        try:
            for event in decoder.feed(frame):
                accumulator.feed(event)
        except MalformedOutput:
            pass
        with contextlib.suppress(MalformedOutput):
            meter.observe(frame)
    accumulator.answer()


@given(st.integers(100, 599), st.binary(max_size=60))
def test_no_error_body_makes_the_decoder_fall_over(status: int, raw: bytes) -> None:
    assert isinstance(DIALECT.decode_error(status, {}, raw), HeadgateError)


@given(st.dictionaries(st.sampled_from(["messages", "tools", "documents", "response_format", "x"]), ANY, max_size=4))
def test_every_string_of_any_request_is_text_or_listed(tree: dict[str, Any]) -> None:
    assert missing_canaries(DIALECT, tree) == []
