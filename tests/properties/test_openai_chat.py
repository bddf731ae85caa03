"""Chat completions: bodies survive being read and written, streams any interleaving, codecs any input."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from openai.lib.streaming._deltas import accumulate_delta

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
    Ended,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Started,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
)
from headgate.errors import BadRequest, HeadgateError
from headgate.types import Frame
from hub_strategies import answers
from vendor_laws import events_of, frames_of, missing_canaries

NAME = "openai_chat"
DIALECT = dialects.get(NAME)
CONTEXT = Context(asked={"model": "m", "messages": [], "stream_options": {"include_usage": True}}, id="call", created=1)
JSON = dict[str, Any]

# ── bodies of this dialect ──────────────────────────────────────────────────────────────────────────────────────────

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SOME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ID = st.text("abc_", min_size=1, max_size=6)
COUNT = st.integers(0, 5_000)
NULLABLE = st.none()
MORE = st.dictionaries(st.sampled_from(["novelty", "provider"]), SOME | st.none(), max_size=2)


def tree(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[JSON]:
    """An object with some members, and perhaps some that nobody has heard of."""
    fixed = st.fixed_dictionaries(
        {name: each if isinstance(each, st.SearchStrategy) else st.just(each) for name, each in required.items()},
        optional=optional or {},
    )
    return st.builds(lambda members, more: {**more, **members}, fixed, MORE)


LOGPROB = st.fixed_dictionaries(
    {"token": TEXT, "logprob": st.floats(-9, 0), "bytes": st.none() | st.just([1]), "top_logprobs": st.just([])}
)
CITATION = tree({"url": SOME}, {"title": SOME, "start_index": COUNT, "end_index": COUNT, "content": SOME})
ANNOTATION = st.fixed_dictionaries({"type": st.just("url_citation"), "url_citation": CITATION})
CALL = st.one_of(
    tree({"id": ID, "type": "function", "function": tree({"name": ID, "arguments": TEXT})}),
    tree({"id": ID, "type": "custom", "custom": tree({"name": ID, "input": TEXT})}),
    tree(
        {"id": ID, "type": "function", "function": tree({"name": ID, "arguments": TEXT})},
        {"extra_content": st.fixed_dictionaries({"google": st.fixed_dictionaries({"thought_signature": SOME})})},
    ),
)
DETAIL = st.one_of(
    tree({"type": "reasoning.text", "text": SOME, "format": "anthropic-claude-v1"}, {"signature": SOME, "id": ID}),
    tree({"type": "reasoning.summary", "summary": SOME, "format": "openai-responses-v1"}, {"id": ID}),
    tree({"type": "reasoning.encrypted", "data": SOME, "format": "openai-responses-v1"}, {"id": ID}),
)


@st.composite
def messages(draw: st.DrawFn) -> JSON:
    """An assistant's message."""
    message = draw(
        tree(
            {"role": "assistant", "content": st.none() | SOME},
            {
                "refusal": st.none() | SOME,
                "audio": tree({"id": ID, "data": st.just("AAAA"), "transcript": SOME, "expires_at": COUNT}),
                "tool_calls": st.lists(CALL, max_size=3, unique_by=lambda call: call["id"]),
                "annotations": st.lists(ANNOTATION, max_size=2),
            },
        )
    )
    thoughts = draw(st.sampled_from(["", "reasoning", "reasoning_content", "details", "both"]))
    if thoughts in ("reasoning", "reasoning_content"):
        message[thoughts] = draw(SOME)
    elif thoughts:
        details = draw(st.lists(DETAIL, min_size=1, max_size=3))
        message["reasoning_details"] = [{**each, "index": place} for place, each in enumerate(details)]
        said = "".join(each.get("text", each.get("summary", "")) for each in details)
        if thoughts == "both" and said:
            message["reasoning"] = said
    return message


@st.composite
def documents(draw: st.DrawFn) -> JSON:
    """A vendor's whole answer."""
    choices: list[JSON] = []
    for index in range(draw(st.integers(1, 3))):
        message = draw(messages())
        choice = draw(
            tree(
                {
                    "index": index,
                    "message": message,
                    "finish_reason": st.sampled_from(["stop", "length", "tool_calls", "eos", "novel"]),
                },
                {"logprobs": st.none(), "native_finish_reason": SOME},
            )
        )
        if message["content"] and draw(st.booleans()):
            choice["logprobs"] = {"content": draw(st.lists(LOGPROB, min_size=1, max_size=2)), "refusal": None}
        choices.append(choice)
    details = draw(st.fixed_dictionaries({"cached_tokens": COUNT, "audio_tokens": COUNT}))
    usage = {"prompt_tokens": 20_000, "completion_tokens": draw(COUNT), "prompt_tokens_details": details}
    return draw(
        tree(
            {
                "id": ID,
                "object": "chat.completion",
                "created": COUNT,
                "model": ID,
                "choices": st.just(choices),
                "usage": st.just(usage),
            },
            {"system_fingerprint": st.none() | SOME, "service_tier": st.none() | ID, "x_groq": tree({"id": ID})},
        )
    )


def accumulated(events: list[StreamEvent]) -> Answer:
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    assert accumulator.ended
    return accumulator.answer()


def streamed(answer: Answer, size: int = 16) -> list[Frame]:
    encoder = DIALECT.encode_stream(CONTEXT)
    frames = [frame for event in exploded(answer, size) for frame in encoder.feed(event)]
    return frames_of(SseFramer(), [b"".join(frame.encode() for frame in frames)])


@given(documents())
def test_an_answer_is_written_back_as_it_was(document: JSON) -> None:
    assert DIALECT.encode_answer(DIALECT.decode_answer(document), CONTEXT) == document


@given(documents(), st.integers(1, 30))
def test_an_answer_sent_as_a_stream_is_the_same_answer(document: JSON, size: int) -> None:
    answer = DIALECT.decode_answer(document)
    assert accumulated(events_of(DIALECT, streamed(answer, size))) == answer


@given(documents())
def test_what_is_billed_is_read_alike_by_peek_and_by_the_decoder(document: JSON) -> None:
    peek = DIALECT.peek(json.dumps(document).encode())
    answer = DIALECT.decode_answer(document)
    assert (peek.usage, peek.id, peek.model, peek.stop) == (
        answer.usage,
        answer.id,
        answer.model,
        answer.choices[0].stop,
    )


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────

PART = st.one_of(
    tree({"type": "text", "text": TEXT}, {"cache_control": st.just({"type": "ephemeral", "ttl": "1h"})}),
    tree({"type": "image_url", "image_url": tree({"url": st.just("data:image/png;base64,AAAA")}, {"detail": ID})}),
    tree({"type": "image_url", "image_url": tree({"url": st.just("https://example.com/a.png")})}),
    tree({"type": "image_url", "image_url": tree({"url": st.just("data:image/png;charset=x;base64,AAAA")})}),
    tree(
        {"type": "input_audio", "input_audio": tree({"data": "AAAA", "format": st.sampled_from(["wav", "mp3", "aac"])})}
    ),
    tree({"type": "file", "file": tree({"file_data": "data:application/pdf;base64,AAAA", "filename": SOME})}),
    tree({"type": "file", "file": tree({"file_data": "AAAA"})}),
    tree({"type": "file", "file": tree({"file_id": ID})}),
    tree({"type": "document_url", "document_url": "https://example.com/a.pdf"}),
    tree({"type": "video_url", "video_url": tree({"url": "https://example.com/a.mp4"})}),
    tree({"type": "novelty", "text": SOME}),
)
USER = st.one_of(
    tree({"role": st.sampled_from(["user", "system", "developer"]), "content": TEXT}, {"name": SOME}),
    tree({"role": "user", "content": st.lists(PART, min_size=1, max_size=3)}),
)
TOOL = st.one_of(
    tree(
        {"type": "function", "function": tree({"name": ID}, {"description": TEXT, "strict": st.booleans()})},
        {"cache_control": st.just({"type": "ephemeral"})},
    ),
    tree(
        {
            "type": "function",
            "function": st.fixed_dictionaries(
                {"name": ID, "parameters": SOME.map(lambda text: {"properties": {"type": {"description": text}}})}
            ),
        }
    ),
    tree({"type": "custom", "custom": tree({"name": ID}, {"format": st.just({"type": "text"})})}),
    tree({"type": "vendor:search", "parameters": st.just({"max_uses": 1})}),
)
CHOICE = st.one_of(
    st.sampled_from(["auto", "none", "required"]),
    st.just({"type": "function", "function": {"name": "f"}}),
    st.just(
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
        }
    ),
)
SETTINGS: dict[str, Any] = {
    "max_completion_tokens": COUNT,
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "seed": COUNT,
    "stop": st.lists(SOME, min_size=1, max_size=2),
    "n": st.integers(1, 3),
    "top_logprobs": st.integers(0, 5),
    "logprobs": st.booleans(),
    "reasoning_effort": st.sampled_from(["low", "high"]),
    "verbosity": st.just("low"),
    "user": SOME,
    "store": st.booleans(),
    "prompt_cache_key": SOME,
    "safety_identifier": SOME,
    "logit_bias": st.just({"1": 2}),
    "modalities": st.just(["text", "audio"]),
    "audio": st.just({"voice": "a", "format": "mp3"}),
    "prediction": st.just({"type": "content", "content": "c"}),
    "web_search_options": st.just({"search_context_size": "low"}),
    "response_format": st.sampled_from(
        [{"type": "json_object"}, {"type": "text"}, {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}]
    ),
}


@st.composite
def requests(draw: st.DrawFn) -> JSON:
    """A client's request: turns of users, and of the assistant with the results of its calls."""
    conversation = [draw(USER)]
    for turn in range(draw(st.integers(0, 2))):
        message = draw(messages())
        if not message.get("tool_calls"):
            message.pop("tool_calls", None)
        for place, call in enumerate(message.get("tool_calls", ())):
            call["id"] = f"call_{turn}_{place}"
        conversation.append(message)
        for call in message.get("tool_calls", ()):
            content = draw(TEXT | st.lists(tree({"type": "text", "text": TEXT}), min_size=1, max_size=2))
            conversation.append({"role": "tool", "tool_call_id": call["id"], "content": content})
        conversation.append(draw(USER))
    body = draw(tree({"model": ID, "messages": st.just(conversation)}, SETTINGS))
    if draw(st.booleans()):
        body["tools"] = draw(st.lists(TOOL, min_size=1, max_size=3))
        body["tool_choice"] = draw(CHOICE)
    return body


def as_sent(body: JSON) -> JSON:
    """A request as we write it: nothing for null, thoughts in the vendor's member, content that says nothing as
    vendors want it.
    """
    conversation: list[JSON] = []
    for message in body["messages"]:
        sent = dict(message)
        if sent["role"] == "assistant":
            told = ("tool_calls", "audio", "refusal", "function_call")
            if sent["content"] is None and not any(sent.get(name) for name in told):
                sent["content"] = ""
            if sent.get("reasoning") and "reasoning_details" not in sent:
                sent["reasoning_content"] = sent.pop("reasoning")
        conversation.append(sent)
    return {**{name: value for name, value in body.items() if value is not None}, "messages": conversation}


@given(requests())
def test_a_request_is_written_back_as_it_was(body: JSON) -> None:
    fit = Fit(model=body["model"])
    assert DIALECT.encode_request(DIALECT.decode_request(body), fit) == as_sent(body)
    assert fit.dropped == []


@given(requests())
def test_every_string_of_a_request_is_text_or_listed_as_not_text(body: JSON) -> None:
    assert missing_canaries(DIALECT, body) == []


# ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(SOME, min_size=1, max_size=4), st.randoms())
def test_calls_may_interleave_in_any_way(arguments: list[str], random: Any) -> None:
    pieces = [(place, piece) for place, text in enumerate(arguments) for piece in text]
    order = [place for place, _ in pieces]
    random.shuffle(order)
    left = {place: [piece for other, piece in pieces if other == place] for place in range(len(arguments))}
    deltas = [
        {"tool_calls": [{"index": place, "id": f"c{place}", "type": "function", "function": {"name": "f"}}]}
        for place in range(len(arguments))
    ]
    for place in order:
        deltas.append({"tool_calls": [{"index": place, "function": {"arguments": left[place].pop(0)}}]})
    frames = [Frame.of({"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    answer = accumulated(events_of(DIALECT, [*frames, Frame(b"[DONE]")]))
    calls = [part for part in answer.choices[0].parts if isinstance(part, ToolCall)]
    assert [call.arguments for call in calls] == arguments


@given(answers)
def test_any_answer_can_be_sent_whole_and_as_a_stream_and_says_the_same(answer: Answer) -> None:
    foreign = _foreign(answer)
    whole = DIALECT.decode_answer(DIALECT.encode_answer(foreign, CONTEXT))
    frames = streamed(foreign)
    assert DIALECT.is_terminator(frames[-1])
    again = accumulated(events_of(DIALECT, frames))
    assert [_said(choice) for choice in again.choices] == [_said(choice) for choice in foreign.choices]
    assert [_said(choice) for choice in whole.choices] == [_said(choice) for choice in foreign.choices]
    assert again.usage == whole.usage == foreign.usage


@given(answers)
def test_a_client_that_adds_up_deltas_like_the_sdk_has_the_whole_message(answer: Answer) -> None:
    sole = replace(_foreign(answer), choices=_foreign(answer).choices[:1])
    message: JSON = {}
    for frame in streamed(sole)[:-1]:
        for choice in json.loads(frame.data)["choices"]:
            message = accumulate_delta(message, choice["delta"])
    texts = [part.text for part in sole.choices[0].parts if isinstance(part, Text)]
    assert message["role"] == "assistant"
    assert (message.get("content") or "") == "".join(texts)
    thoughts = [part for part in sole.choices[0].parts if isinstance(part, Reasoning)]
    assert message.get("reasoning_content", "") == "".join(part.text for part in thoughts)
    for call in message.get("tool_calls", ()):
        call.pop("index", None)
    given_back = DIALECT.decode_request({"model": "m", "messages": [message]}).messages[0]
    assert _proofs(given_back.parts) == _proofs(sole.choices[0].parts)


@given(st.lists(st.tuples(SOME, st.sampled_from(["anthropic", "gemini", "deepseek"]), SOME), min_size=1, max_size=3))
def test_signed_thoughts_come_back_from_a_client_that_echoes_the_message(told: list[tuple[str, str, str]]) -> None:
    parts = tuple(Reasoning(text=text, signature=Signature(origin, value)) for text, origin, value in told)
    call = ToolCall(id="c", name="f", arguments="{}", signature=Signature("gemini", "proof"))
    answer = Answer(id="1", model="m", choices=(Choice(parts=(*parts, Text(text="t"), call)),))
    message = DIALECT.encode_answer(answer, CONTEXT)["choices"][0]["message"]
    back = DIALECT.decode_request({"model": "m", "messages": [message]}).messages[0]
    found = [part for part in back.parts if isinstance(part, Reasoning)]
    assert [(part.text, part.signature) for part in found] == [(part.text, part.signature) for part in parts]
    assert [part.signature for part in back.parts if isinstance(part, ToolCall)] == [call.signature]


def _foreign(answer: Answer) -> Answer:
    """The answer as another dialect would give it."""
    choices = tuple(
        replace(choice, extra={}, parts=tuple(_bare(part) for part in choice.parts)) for choice in answer.choices
    )
    return replace(answer, choices=choices, extra={})


def _bare(part: Part) -> Part:
    """A part without notes, and without proofs that are empty."""
    if not isinstance(part, Reasoning):
        return replace(part, extra={})
    signature = part.signature if part.signature and part.signature.value else None
    redacted = part.redacted if part.redacted and part.redacted.value else None
    return replace(part, extra={}, signature=signature, redacted=redacted)


def _said(choice: Choice) -> tuple[str, str, str, list[tuple[str, str]]]:
    def joined(kind: type[Text | Refusal | Reasoning]) -> str:
        return "".join(part.text for part in choice.parts if isinstance(part, kind))

    calls = [(part.name, part.arguments) for part in choice.parts if isinstance(part, ToolCall)]
    return joined(Text), joined(Refusal), joined(Reasoning), calls


def _proofs(parts: Iterable[Part]) -> list[Signature]:
    """Signatures of thoughts and encrypted thoughts, in order."""
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    return [proof for part in thoughts for proof in (part.signature, part.redacted) if proof is not None]


# ── hostile input ───────────────────────────────────────────────────────────────────────────────────────────────────

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(ID, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def spoilt(draw: st.DrawFn, bodies: st.SearchStrategy[JSON]) -> JSON:
    """A body with one value somewhere replaced by anything."""
    body = json.loads(json.dumps(draw(bodies)))
    holder: Any = body
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = draw(st.sampled_from(keys))
        if isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 3)):
            holder = holder[key]
        else:
            holder[key] = draw(ANYTHING)
            return body


@given(spoilt(requests()))
def test_a_spoilt_request_is_read_or_refused_by_field(body: JSON) -> None:
    try:
        chat = DIALECT.decode_request(body)
    except BadRequest as refused:
        error = refused
    else:
        error = None
    if error is not None:
        assert error.param is not None
        assert re.split(r"[.\[]", error.param)[0] in body or "missing" in error.message
        return
    with contextlib.suppress(HeadgateError):
        DIALECT.encode_request(chat, Fit(model="m"))
    for name in ("gemini_generate", "bedrock_converse", "cohere_chat"):
        with contextlib.suppress(HeadgateError):
            dialects.get(name).encode_request(chat, Fit(model="m", drop=True))


@given(spoilt(requests()))
def test_a_spoilt_request_is_seen_whole_by_policies(body: JSON) -> None:
    assert missing_canaries(DIALECT, body) == []


@given(spoilt(documents()))
def test_a_spoilt_answer_is_read_or_refused_as_malformed(document: JSON) -> None:
    list(DIALECT.answer_texts(document))
    with contextlib.suppress(HeadgateError):
        DIALECT.peek(json.dumps(document).encode())
    try:
        answer = DIALECT.decode_answer(document)
    except HeadgateError:
        return
    DIALECT.encode_answer(answer, CONTEXT)
    streamed(answer)


@given(documents(), st.data())
def test_a_spoilt_stream_is_read_or_refused_as_malformed(document: JSON, data: st.DataObject) -> None:
    decoder, meter = DIALECT.decode_stream(), DIALECT.meter()
    encoder = DIALECT.encode_stream(CONTEXT)
    for frame in streamed(DIALECT.decode_answer(document))[:-1]:
        tree = data.draw(spoilt(st.just(json.loads(frame.data)))) if data.draw(st.booleans()) else frame.data
        piece = Frame.of(tree) if isinstance(tree, dict) else frame
        list(DIALECT.frame_texts(json.loads(piece.data)))
        with contextlib.suppress(HeadgateError):
            meter.observe(piece)
        with contextlib.suppress(HeadgateError):
            for event in decoder.feed(piece):
                encoder.feed(event)
    for event in decoder.close():
        assert not isinstance(event, Ended)
        encoder.feed(event)


@given(st.binary(max_size=60))
def test_any_bytes_are_an_error_of_some_kind(raw: bytes) -> None:
    assert isinstance(DIALECT.decode_error(500, {}, raw), HeadgateError)
    with contextlib.suppress(HeadgateError):
        DIALECT.decode_stream().feed(Frame(raw))
    with contextlib.suppress(HeadgateError):
        DIALECT.meter().observe(Frame(raw))
    with contextlib.suppress(HeadgateError):
        DIALECT.peek(raw)


@given(ANYTHING, st.integers(400, 599))
def test_any_document_is_an_error_of_some_kind(document: Any, status: int) -> None:
    for told in (document, {"error": document}, {"error": {"message": document, "code": document, "param": document}}):
        error = DIALECT.decode_error(status, {}, json.dumps(told).encode())
        assert len(error.message) <= 2_100
        assert DIALECT.encode_error(error)["error"]["message"]


def test_the_start_of_a_stream_commits_to_nothing() -> None:
    encoder = DIALECT.encode_stream(CONTEXT)
    events: list[StreamEvent] = [
        Started(id="1", model="m"),
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="a"),
        BlockStopped(index=0),
        Stopped(stop="end"),
    ]
    meter = DIALECT.meter()
    started: list[bool] = []
    for event in events:
        for frame in encoder.feed(event):
            meter.observe(frame)
        started.append(meter.started)
    assert started == [False, False, True, True, True]
    assert not meter.ended
