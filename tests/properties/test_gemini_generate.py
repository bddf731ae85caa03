"""Gemini's dialect against whatever a vendor or a client could send."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.dialects import get
from headgate.dialects.accumulate import Accumulator
from headgate.dialects.base import Fit
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import (
    Chat,
    Ended,
    Media,
    Message,
    Reasoning,
    Signature,
    Stopped,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from headgate.errors import BadRequest, HeadgateError, MalformedOutput
from headgate.types import Frame

DIALECT = get("gemini_generate")

words = st.text(max_size=8)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def shaped(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with some of these members, each of them sometimes junk."""
    return st.fixed_dictionaries({}, optional={name: each | junk for name, each in members.items()})


counts = st.lists(shaped(modality=st.sampled_from(["TEXT", "AUDIO", "IMAGE"]), tokenCount=st.integers(-1, 99)))
part = shaped(
    text=words,
    thought=st.booleans(),
    thoughtSignature=words,
    functionCall=shaped(id=words, name=words, args=st.dictionaries(words, junk, max_size=2)),
    inlineData=shaped(mimeType=words, data=words),
    fileData=shaped(mimeType=words, fileUri=words),
    executableCode=shaped(code=words),
)
candidate = shaped(
    content=shaped(role=words, parts=st.lists(part, max_size=4)),
    finishReason=st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "ODD"]),
    index=st.integers(-1, 3),
    groundingMetadata=shaped(
        groundingChunks=st.lists(shaped(web=shaped(uri=words)), max_size=2),
        groundingSupports=st.lists(
            shaped(
                segment=shaped(startIndex=st.integers(-1, 9), endIndex=st.integers(-1, 9), text=words),
                groundingChunkIndices=st.lists(st.integers(-1, 3), max_size=2),
            ),
            max_size=2,
        ),
        webSearchQueries=st.lists(words, max_size=2),
    ),
    citationMetadata=shaped(citationSources=st.lists(shaped(startIndex=st.integers(), endIndex=st.integers()))),
    logprobsResult=shaped(chosenCandidates=st.lists(shaped(token=words, logProbability=st.floats()), max_size=2)),
)
answer = shaped(
    candidates=st.lists(candidate, max_size=2),
    usageMetadata=shaped(
        promptTokenCount=st.integers(-1, 999),
        cachedContentTokenCount=st.integers(-1, 999),
        candidatesTokenCount=st.integers(0, 999),
        promptTokensDetails=counts,
        cacheTokensDetails=counts,
        candidatesTokensDetails=counts,
    ),
    promptFeedback=shaped(blockReason=words),
    modelVersion=words,
    responseId=words,
    createTime=words,
    error=shaped(code=st.integers(), message=words, status=words, details=st.lists(junk, max_size=2)),
)
good_part = st.one_of(
    st.builds(lambda text: {"text": text}, words),
    st.builds(lambda text: {"text": text, "thought": True}, words),
    st.builds(lambda text, value: {"text": text, "thoughtSignature": value}, words, st.just("c2ln")),
    st.builds(lambda name, value: {"functionCall": {"name": name, "args": {"a": value}}}, words, words),
    st.just({"inlineData": {"mimeType": "image/png", "data": "QUJD"}}),
    st.just({"executableCode": {"code": "1"}}),
)
stream = st.lists(st.lists(good_part, max_size=3), min_size=1, max_size=5)


def frames_of(pieces: list[list[Any]]) -> list[Frame]:
    frames: list[Any] = [{"candidates": [{"content": {"parts": parts}}], "responseId": "r"} for parts in pieces]
    frames[-1]["candidates"][0]["finishReason"] = "STOP"
    return [Frame.of(frame) for frame in frames]


def joined(frames: list[Frame]) -> Accumulator:
    decoder, accumulator = DIALECT.decode_stream(), Accumulator()
    for frame in frames:
        for event in decoder.feed(frame):
            accumulator.feed(event)
    for event in decoder.close():
        accumulator.feed(event)
    return accumulator


@given(answer | junk.filter(lambda value: isinstance(value, dict)))
def test_any_answer_decodes_or_is_malformed_output(tree: Any) -> None:
    try:
        decoded = DIALECT.decode_answer(tree)
    except MalformedOutput:
        return
    msgspec.json.encode(decoded)
    if decoded.usage is not None:
        assert min(msgspec.structs.astuple(decoded.usage)) >= 0


@given(answer)
def test_peek_of_what_decodes_agrees_with_it(tree: Any) -> None:
    raw = json.dumps(tree).encode()
    try:
        decoded = DIALECT.decode_answer(json.loads(raw))
        peek = DIALECT.peek(raw)
    except MalformedOutput:
        return
    assert len(decoded.choices) > 1 or (peek.usage, peek.stop) == (decoded.usage, decoded.choices[0].stop)


@given(st.binary(max_size=200) | answer.map(lambda tree: json.dumps(tree).encode()), st.integers(300, 599))
def test_any_error_body_gives_a_typed_error(raw: bytes, status: int) -> None:
    assert isinstance(DIALECT.decode_error(status, {}, raw), HeadgateError)
    for read in (DIALECT.peek, lambda data: DIALECT.meter().observe(Frame(data))):
        with suppress(MalformedOutput):
            read(raw)


@given(st.lists(answer, max_size=4))
def test_any_frames_give_a_well_formed_stream(trees: list[Any]) -> None:
    decoder, accumulator = DIALECT.decode_stream(), Accumulator()
    for tree in trees:
        try:
            found = decoder.feed(Frame(json.dumps(tree).encode()))
        except MalformedOutput:
            continue
        for event in found:
            accumulator.feed(event)  # a block that never began, or was stopped, would be a KeyError
    last = decoder.close()
    for event in last:
        accumulator.feed(event)
    accumulator.answer()
    assert accumulator.ended == (bool(last) and isinstance(last[-1], Ended))
    assert accumulator.ended or not any(isinstance(event, Stopped) for event in last)


@given(stream)
def test_pieces_joined_equal_the_whole(pieces: list[list[Any]]) -> None:
    """Texts are joined and signatures move to what they sign, so words, calls and other parts are compared."""
    whole = DIALECT.decode_answer(
        {
            "candidates": [
                {"content": {"parts": [each for parts in pieces for each in parts]}, "finishReason": "STOP"}
            ],
            "responseId": "r",
        }
    )
    told = joined(frames_of(pieces))
    assert told.ended
    streamed = told.answer()
    assert streamed.choices[0].stop == whole.choices[0].stop
    for kind in (Text, Reasoning):
        said = ["".join(p.text for p in each.choices[0].parts if type(p) is kind) for each in (streamed, whole)]
        assert said[0] == said[1]
    others = [[p for p in each.choices[0].parts if type(p) not in (Text, Reasoning)] for each in (streamed, whole)]
    assert others[0] == others[1]


@given(stream, st.data())
def test_a_stream_cut_anywhere_gives_the_same_events(pieces: list[list[Any]], data: st.DataObject) -> None:
    frames = frames_of(pieces)
    newline = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    raw = b"".join(frame.encode() for frame in frames).replace(b"\n", newline)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    framer = SseFramer()
    found: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        if end > start:
            found += framer.feed(raw[start:end])
    found += framer.close()
    assert joined(found).answer() == joined(frames).answer()


@given(answer | st.dictionaries(st.sampled_from(["contents", "tools", "systemInstruction", "cached_content"]), junk))
def test_each_string_of_any_request_is_either_read_or_listed(tree: Any) -> None:
    read = {node.path: node.text for node in DIALECT.request_texts(tree)}

    def check(value: Any, path: tuple[Any, ...]) -> None:
        if isinstance(value, str):
            assert (path in read) != DIALECT.is_not_text(path, tree)
            assert read.get(path, value) == value
        elif isinstance(value, dict):
            for name, item in value.items():
                check(item, (*path, name))
        elif isinstance(value, list):
            for number, item in enumerate(value):
                check(item, (*path, number))

    check(tree, ())
    list(DIALECT.answer_texts(tree))


signature = st.builds(Signature, st.sampled_from(["gemini", "openai"]), words)
hub_part = st.one_of(
    st.builds(Text, text=words, signature=st.none() | signature),
    st.builds(Reasoning, text=words, signature=st.none() | signature),
    st.builds(Media, kind=st.sampled_from(["image", "file"]), data=words, media_type=st.none() | words),
    st.builds(Media, kind=st.just("image"), url=words),
    st.builds(ToolCall, id=words, name=words, arguments=words | st.just('{"a": 1}')),
    st.builds(ToolResult, call_id=words, name=st.none() | words, parts=st.tuples(st.builds(Text, text=words))),
)
hub_message = st.builds(
    Message,
    role=st.sampled_from(["system", "developer", "user", "assistant"]),
    parts=st.lists(hub_part, max_size=3).map(tuple),
)


@settings(max_examples=200)
@given(
    st.lists(hub_message, max_size=5),
    st.sampled_from(["gemini-3-flash", "gemini-2.5-pro", "gemini-2.0-flash", "other"]),
    st.builds(
        Thinking,
        enabled=st.none() | st.booleans(),
        effort=st.none() | st.sampled_from(["none", "low", "high"]) | words,
        budget_tokens=st.none() | st.integers(0, 99_999),
    ),
    st.booleans(),
)
def test_any_conversation_is_encoded_or_refused_by_name(
    messages: list[Message], model: str, thinking: Thinking, drop: bool
) -> None:
    fit = Fit(model=model, drop=drop, dropped=[])
    refused: BadRequest | None = None
    body: Any = {"contents": []}
    try:
        body = DIALECT.encode_request(Chat(model=model, messages=tuple(messages), thinking=thinking), fit)
    except BadRequest as error:
        refused = error
    assert refused is None or refused.param
    msgspec.json.encode(body)
    roles = [content["role"] for content in body["contents"]]
    assert all(content["parts"] for content in body["contents"])
    assert not any(left == right == "model" for left, right in pairwise(roles))
