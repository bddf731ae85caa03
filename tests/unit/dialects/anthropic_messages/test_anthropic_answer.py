"""Anthropic's whole answers, read and written."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import Message as SdkMessage

from headgate import dialects
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    Answer,
    Choice,
    Citation,
    Media,
    Native,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    Text,
    ToolCall,
)
from headgate.errors import HeadgateError, MalformedOutput, Overloaded
from headgate.types import JSON, Usage

DIALECT = dialects.get("anthropic_messages")
CONTEXT = Context(asked={"model": "asked"}, id="abc", created=0)


def message(*content: Any, **members: Any) -> JSON:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4},
        **members,
    }


def answer(*parts: Part, stop: Stop | None = "end", **members: Any) -> Answer:
    return Answer(id="x", model="gpt", choices=(Choice(parts=parts, stop=stop),), **members)


def written(*parts: Part, stop: Stop | None = "end", **members: Any) -> JSON:
    tree = DIALECT.encode_answer(answer(*parts, stop=stop, **members), CONTEXT)
    SdkMessage.model_validate(tree)
    return tree


# ── usage ──


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (
            {
                "input_tokens": 3,
                "cache_read_input_tokens": 5,
                "cache_creation_input_tokens": 12_304,
                "output_tokens": 550,
            },
            Usage(input_tokens=3, cached_tokens=5, cache_write_5m_tokens=12_304, output_tokens=550),
        ),
        (
            {
                "input_tokens": 3,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "output_tokens": 9,
                "output_tokens_details": {"thinking_tokens": 7},
                "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
            },
            Usage(
                input_tokens=3,
                cache_write_5m_tokens=10,
                cache_write_1h_tokens=20,
                output_tokens=9,
                reasoning_tokens=7,
                web_searches=2,
            ),
        ),
        (
            {
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 20},
            },
            Usage(cache_write_1h_tokens=30),
        ),
        ({"input_tokens": None, "cache_creation": None, "output_tokens": 1}, Usage(output_tokens=1)),
    ],
)
def test_usage_is_told_in_disjoint_categories(told: JSON, usage: Usage) -> None:
    assert DIALECT.decode_answer(message(usage=told)).usage == usage


def test_compaction_is_billed_beside_the_totals_and_an_advisor_is_not() -> None:
    passes = [
        {"type": "compaction", "input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 20},
        {"type": "message", "input_tokens": 3, "output_tokens": 4},
        {"type": "advisor_message", "model": "other", "input_tokens": 1_000, "output_tokens": 1_000},
    ]
    told = {"input_tokens": 3, "output_tokens": 4, "iterations": passes}
    assert DIALECT.decode_answer(message(usage=told)).usage == Usage(
        input_tokens=103, cached_tokens=50, output_tokens=24
    )


def test_usage_of_another_vendor_is_written_with_cached_tokens_apart() -> None:
    usage = Usage(
        input_tokens=1, cached_tokens=2, cache_write_5m_tokens=4, cache_write_1h_tokens=8, output_tokens=16,
        reasoning_tokens=5, audio_input_tokens=32, web_searches=3,
    )  # fmt: skip
    assert written(usage=usage, service_tier="default")["usage"] == {
        "input_tokens": 33,
        "cache_creation_input_tokens": 12,
        "cache_read_input_tokens": 2,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 8},
        "output_tokens": 16,
        "output_tokens_details": {"thinking_tokens": 5},
        "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0},
        "service_tier": "standard",
    }


# ── stops ──


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("compaction", "pause"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "context"),
        ("novelty", "end"),
        (None, None),
    ],
)
def test_why_it_ended(reason: str | None, stop: Stop | None) -> None:
    tree = message(stop_reason=reason)
    decoded = DIALECT.decode_answer(tree)
    assert decoded.choices[0].stop == stop
    assert DIALECT.encode_answer(decoded, CONTEXT) == tree


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end", "end_turn"),
        ("length", "max_tokens"),
        ("stop_sequence", "stop_sequence"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("refusal", "refusal"),
        ("pause", "pause_turn"),
        ("context", "model_context_window_exceeded"),
        ("error", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_why_another_vendors_answer_ended(stop: Stop | None, reason: str) -> None:
    assert written(Text(text="t"), stop=stop)["stop_reason"] == reason


def test_a_turn_that_calls_a_tool_ends_in_tool_use_whatever_the_vendor_says() -> None:
    assert written(ToolCall(id="1", name="f", arguments="{}"), stop="end")["stop_reason"] == "tool_use"
    assert written(Refusal(text="No."), stop="end")["stop_reason"] == "refusal"


# ── content ──


def test_another_vendors_answer_as_a_message() -> None:
    assert written(Text(text="Hi"), usage=Usage(input_tokens=1, output_tokens=2)) | {"usage": None} == {
        "id": "x",
        "type": "message",
        "role": "assistant",
        "model": "gpt",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": None,
    }


def test_an_answer_without_id_or_model_gets_them_from_the_context() -> None:
    tree = DIALECT.encode_answer(Answer(id="", model="", choices=()), CONTEXT)
    assert (tree["id"], tree["model"], tree["content"]) == ("msg_abc", "asked", [])


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (Text(text=""), []),
        (Refusal(text="No."), [{"type": "text", "text": "No."}]),
        (Reasoning(), []),
        (Reasoning(text="r"), [{"type": "thinking", "thinking": "r", "signature": ""}]),
        (
            Reasoning(text="r", signature=Signature("gemini", "s")),
            [{"type": "thinking", "thinking": "r", "signature": "hg1.gemini.reasoning.s"}],
        ),
        (
            Reasoning(text="r", redacted=Signature("openai", "e")),
            [{"type": "thinking", "thinking": "r", "signature": "hg1.openai.redacted.e"}],
        ),
        (
            Reasoning(redacted=Signature("openai", "e")),
            [{"type": "redacted_thinking", "data": "hg1.openai.redacted.e"}],
        ),
        (Reasoning(redacted=Signature("anthropic", "e")), [{"type": "redacted_thinking", "data": "e"}]),
        (
            ToolCall(id="1", name="f", arguments='{"a":1}', signature=Signature("gemini", "s")),
            [
                {"type": "redacted_thinking", "data": "hg1.gemini.call.s"},
                {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}},
            ],
        ),
        (
            Text(text="t", signature=Signature("gemini", "s")),
            [{"type": "text", "text": "t"}, {"type": "redacted_thinking", "data": "hg1.gemini.text.s"}],
        ),
        (
            Text(text="t", citations=(Citation(url="https://x", title="X"), Citation(file_id="f"))),
            [
                {
                    "type": "text",
                    "text": "t",
                    "citations": [
                        {
                            "type": "web_search_result_location",
                            "cited_text": "",
                            "encrypted_index": "",
                            "title": "X",
                            "url": "https://x",
                        }
                    ],
                }
            ],
        ),
        (ToolCall(id="1", name="f", arguments=""), [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]),
        (
            ToolCall(id="1", name="f", arguments='{"a":1,"b":[2'),
            [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1, "b": [2]}}],
        ),
        (
            ToolCall(id="1", name="f", arguments="free", kind="custom"),
            [{"type": "tool_use", "id": "1", "name": "f", "input": {"input": "free"}}],
        ),
        (Media(kind="audio", data="AA", transcript="Hi"), [{"type": "text", "text": "Hi"}]),
        (Media(kind="image", data="AA"), []),
        (Native(dialect="gemini_generate", data={"executableCode": {}}), []),
    ],
)
def test_each_part_as_blocks(part: Part, content: list[JSON]) -> None:
    assert written(part)["content"] == content


@pytest.mark.parametrize("arguments", ["[1]", "nonsense", '"x"'])
def test_arguments_that_are_no_object_are_the_models_fault(arguments: str) -> None:
    with pytest.raises(MalformedOutput, match="arguments of 'f'"):
        written(ToolCall(id="1", name="f", arguments=arguments))


def test_unknown_members_and_blocks_survive() -> None:
    tree = message(
        {"type": "text", "text": "t", "citations": None, "novelty": 1},
        {"type": "novelty", "deep": [1]},
        {"type": "tool_use", "id": "1", "name": "f", "input": {}, "caller": {"type": "direct"}},
        container={"id": "c"},
        stop_details=None,
    )
    assert DIALECT.encode_answer(DIALECT.decode_answer(tree), CONTEXT) == tree


@pytest.mark.parametrize(
    "tree",
    [
        {},
        message(1),
        message({}),
        message({"type": "text"}),
        message({"type": "tool_use", "id": 1, "name": "f", "input": {}}),
        message({"type": "thinking", "thinking": "t", "signature": 1}),
        message(stop_reason=1),
        message(usage=[]),
        message(usage={"input_tokens": "3"}),
        message(content={}),
    ],
)
def test_what_is_no_message_is_malformed(tree: JSON) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


def test_an_error_told_as_an_answer_is_that_error() -> None:
    tree = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    with pytest.raises(Overloaded, match="Busy"):
        DIALECT.decode_answer(tree)
    with pytest.raises(HeadgateError):
        DIALECT.peek(b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}')


def test_billing_reads_no_more_than_it_must() -> None:
    raw = b'{"id":"m","model":"c","content":[{"type":1}],"stop_reason":"max_tokens","usage":{"input_tokens":3}}'
    peek = DIALECT.peek(raw)
    assert (peek.id, peek.model, peek.stop, peek.usage) == ("m", "c", "length", Usage(input_tokens=3))


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"usage":{"input_tokens":"x"}}', b'{"id":3}', b'{"a":' * 900])
def test_billing_says_what_it_cannot_read(raw: bytes) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.peek(raw)
