"""Converse: streams say what whole answers say, and no body makes the codec fall over."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headgate import dialects
from headgate.dialects.accumulate import Accumulator
from headgate.errors import HeadgateError, MalformedOutput
from headgate.types import Frame
from vendor_laws import events_of, missing_canaries

DIALECT = dialects.get("bedrock_converse")
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
ID = st.text(alphabet="abc123_-", min_size=1, max_size=12)
OBJECT = st.dictionaries(TEXT, TEXT | st.integers(-(2**40), 2**40) | st.booleans(), max_size=3)

BLOCKS = st.lists(
    st.one_of(
        TEXT.map(lambda text: {"text": text}),
        st.tuples(TEXT, TEXT).map(
            lambda told: {"reasoningContent": {"reasoningText": {"text": told[0], "signature": told[1]}}}
        ),
        st.tuples(ID, ID, OBJECT).map(
            lambda told: {"toolUse": {"toolUseId": told[0], "name": told[1], "input": told[2]}}
        ),
    ),
    max_size=5,
)
NAMES = st.sampled_from(
    [
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
        ":exception:x",
    ]
)
WORDS = st.sampled_from(
    [
        "output", "message", "content", "text", "toolUse", "toolUseId", "name", "input", "reasoningContent",
        "reasoningText", "redactedContent", "signature", "image", "source", "bytes", "format", "usage", "inputTokens",
        "cacheDetails", "stopReason", "contentBlockIndex", "delta", "start", "citation", "citationsContent",
        "toolResult", "additionalModelResponseFields", "stop_sequence", "serviceTier", "type", "location", "web",
    ]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=6,
)
TREE = st.dictionaries(WORDS, ANY, max_size=4)
FRAMES = st.builds(lambda tree, index: {**tree, "contentBlockIndex": index}, TREE, st.none() | st.integers(0, 2))


def streamed(blocks: list[dict[str, Any]], size: int) -> list[Frame]:
    """A stream as Bedrock would have sent it."""
    frames = [Frame.of({"role": "assistant"}, "messageStart")]

    def delta(index: int, told: dict[str, Any]) -> None:
        frames.append(Frame.of({"contentBlockIndex": index, "delta": told}, "contentBlockDelta"))

    def cut(text: str) -> list[str]:
        return [text[place : place + size] for place in range(0, len(text), size)]

    for index, block in enumerate(blocks):
        if "text" in block:
            for piece in cut(block["text"]):
                delta(index, {"text": piece})
        elif "reasoningContent" in block:
            told = block["reasoningContent"]["reasoningText"]
            for piece in cut(told["text"]):
                delta(index, {"reasoningContent": {"text": piece}})
            delta(index, {"reasoningContent": {"signature": told["signature"]}})
        else:
            use = block["toolUse"]
            begun = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            frames.append(Frame.of({"contentBlockIndex": index, "start": begun}, "contentBlockStart"))
            for piece in cut(json.dumps(use["input"], separators=(",", ":"), ensure_ascii=False)):
                delta(index, {"toolUse": {"input": piece}})
        frames.append(Frame.of({"contentBlockIndex": index}, "contentBlockStop"))
    frames.append(Frame.of({"stopReason": "end_turn"}, "messageStop"))
    frames.append(Frame.of({"usage": {"inputTokens": 1, "outputTokens": 2}}, "metadata"))
    return frames


@given(BLOCKS, st.integers(1, 9))
def test_a_streamed_answer_is_the_whole_one(blocks: list[dict[str, Any]], size: int) -> None:
    tree = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2},
    }
    accumulator = Accumulator()
    for event in events_of(DIALECT, streamed(blocks, size)):
        accumulator.feed(event)
    assert accumulator.ended
    assert accumulator.answer() == DIALECT.decode_answer(tree)


@given(TREE)
def test_no_answer_makes_the_decoder_fall_over(tree: dict[str, Any]) -> None:
    for probe in (tree, {"output": {"message": {"content": [tree]}}}, {"output": {"message": {"content": []}}, **tree}):
        with contextlib.suppress(MalformedOutput):
            DIALECT.decode_answer(probe)
        list(DIALECT.answer_texts(probe))
        list(DIALECT.frame_texts(probe))


@given(st.lists(st.tuples(NAMES, FRAMES), max_size=8))
def test_no_stream_makes_the_decoder_or_the_meter_fall_over(told: list[tuple[str, dict[str, Any]]]) -> None:
    decoder, meter, accumulator = DIALECT.decode_stream(), DIALECT.meter(), Accumulator()
    for name, tree in told:
        frame = Frame.of(tree, name)
        try:
            for event in decoder.feed(frame):
                accumulator.feed(event)
        except MalformedOutput:
            pass
        with contextlib.suppress(MalformedOutput):
            meter.observe(frame)
    for event in decoder.close():
        accumulator.feed(event)
    accumulator.answer()


@given(st.integers(100, 599), st.binary(max_size=60))
def test_no_error_body_makes_the_decoder_fall_over(status: int, raw: bytes) -> None:
    assert isinstance(DIALECT.decode_error(status, {"x-amzn-errortype": ":"}, raw), HeadgateError)


ROLES = st.sampled_from(["user", "assistant"])
MESSAGES = st.builds(lambda role, block: {"role": role, "content": [block]}, ROLES, TREE)
REQUESTS = st.one_of(
    MESSAGES.map(lambda message: {"messages": [message]}),
    st.dictionaries(st.sampled_from(["messages", "system", "toolConfig", "requestMetadata", "x"]), ANY, max_size=2),
)


@given(REQUESTS)
def test_every_string_of_any_request_is_text_or_listed(tree: dict[str, Any]) -> None:
    assert missing_canaries(DIALECT, tree) == []
