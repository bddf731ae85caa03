"""Whole Converse answers, the texts in them, and what billing reads of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.hub import Citation, Media, Native, Reasoning, Signature, Text, ToolCall
from headgate.errors import MalformedOutput
from headgate.types import Usage

DIALECT = dialects.get("bedrock_converse")


def answer(*content: Any, **members: Any) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": "end_turn", **members}


def part(block: Any) -> Any:
    return DIALECT.decode_answer(answer(block)).choices[0].parts[0]


def test_text_reasoning_and_tool_calls() -> None:
    blob = base64.b64encode(b"secret").decode()
    decoded = DIALECT.decode_answer(
        answer(
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
            {"reasoningContent": {"redactedContent": blob}},
            {"text": "so"},
            {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": [1, 2.5]}}},
        )
    )
    assert decoded.choices[0].parts == (
        Reasoning(text="hm", signature=Signature("anthropic", "s")),
        Reasoning(redacted=Signature("anthropic", "secret")),
        Text(text="so"),
        ToolCall(id="t", name="f", arguments='{"a":[1,2.5]}'),
    )


def test_citations_keep_their_place_in_the_source() -> None:
    cited = {
        "title": "Book",
        "sourceContent": [{"text": "a"}, {"text": "b"}],
        "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 3}},
    }
    text = part({"citationsContent": {"content": [{"text": "x"}, {"text": "y"}], "citations": [cited]}})
    assert text == Text(
        text="xy", citations=(Citation(title="Book", cited_text="ab", extra={"bedrock_converse": cited}),)
    )


def test_a_web_citation_has_its_url() -> None:
    cited = {"location": {"web": {"url": "https://example.org", "domain": "example.org"}}}
    assert part({"citationsContent": {"content": [], "citations": [cited]}}).citations[0].url == "https://example.org"


def test_generated_images_and_unheard_of_blocks() -> None:
    assert part({"image": {"format": "png", "source": {"bytes": "QQ=="}}}) == Media(
        kind="image", data="QQ==", media_type="image/png"
    )
    for block in ({"hologram": {"x": 1}}, {"image": {"format": "png", "error": {"message": "no"}}}):
        assert part(block) == Native(dialect="bedrock_converse", data=block)


def test_a_server_tools_call_is_native() -> None:
    block = {"toolUse": {"toolUseId": "t", "name": "code", "input": {}, "type": "server_tool_use"}}
    assert part(block) == Native(dialect="bedrock_converse", data=block)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop_sequence"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "error"),
        ("malformed_tool_use", "error"),
        ("model_context_window_exceeded", "context"),
        ("something_new", "end"),
    ],
)
def test_each_stop_reason(reason: str, stop: str) -> None:
    tree = answer(stopReason=reason)
    choice = DIALECT.decode_answer(tree).choices[0]
    assert choice.stop == stop
    assert choice.extra["bedrock_converse"]["stopReason"] == reason
    assert DIALECT.peek(json.dumps(tree).encode()).stop == stop


def test_the_stop_sequence_that_was_met() -> None:
    tree = answer(stopReason="stop_sequence", additionalModelResponseFields={"stop_sequence": "END"})
    assert DIALECT.decode_answer(tree).choices[0].stop_sequence == "END"


def test_usage_divides_cache_writes_by_how_long_they_live() -> None:
    usage = {
        "inputTokens": 3,
        "outputTokens": 5,
        "totalTokens": 128,
        "cacheReadInputTokens": 20,
        "cacheWriteInputTokens": 100,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 60}, {"ttl": "5m", "inputTokens": 40}],
    }
    wanted = Usage(
        input_tokens=3, cached_tokens=20, cache_write_5m_tokens=40, cache_write_1h_tokens=60, output_tokens=5
    )
    tree = answer(usage=usage)
    assert DIALECT.decode_answer(tree).usage == wanted
    assert DIALECT.peek(json.dumps(tree).encode()).usage == wanted
    assert DIALECT.decode_answer(tree).extra["bedrock_converse"]["usage"] == usage


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"output": {}},
        {"output": {"message": {"content": "text"}}},
        {"output": {"message": {"content": ["text"]}}},
        answer({"text": 1}),
        answer({"toolUse": {"name": "f", "input": {}}}),
        answer({"toolUse": "f"}),
        answer({"reasoningContent": {}}),
        answer({"reasoningContent": {"redactedContent": "no base64"}}),
        answer({"citationsContent": {"content": ["x"]}}),
        answer(stopReason=1),
        answer(usage={"inputTokens": "3"}),
        answer(usage={"inputTokens": True}),
        answer(usage={"cacheDetails": [1]}),
        answer(serviceTier=1),
        answer(additionalModelResponseFields={"stop_sequence": 1}),
    ],
)
def test_what_is_no_answer_is_malformed_output(tree: dict[str, Any]) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"usage": 1}', b'{"stopReason": []}', b'{"a":' + b"[" * 100_000])
def test_billing_reads_no_garbage(raw: bytes) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.peek(raw)


def test_the_texts_of_an_answer_say_what_they_are() -> None:
    tree = answer(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"text": "so"},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"name": "Ada", "type": "x"}}},
    )
    seen = [(node.path[4:], node.provenance, node.text) for node in DIALECT.answer_texts(tree)]
    assert seen == [
        (("reasoningContent", "reasoningText", "text"), "reasoning", "hm"),
        (("text",), "assistant", "so"),
        (("toolUse", "input", "name"), "tool_call", "Ada"),
        (("toolUse", "input", "type"), "tool_call", "x"),
    ]


def test_the_texts_of_a_request_say_what_they_are() -> None:
    tree = {
        "system": [{"text": "rules"}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"text": "hi"},
                    {"document": {"name": "Notes", "format": "txt", "source": {"bytes": "QQ=="}}},
                    {"toolResult": {"toolUseId": "t", "content": [{"json": {"type": "found"}}], "status": "success"}},
                ],
            }
        ],
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "f",
                        "description": "does",
                        "inputSchema": {
                            "json": {
                                "type": "object",
                                "properties": {"type": {"type": "string", "description": "which", "enum": ["a"]}},
                                "required": ["type"],
                            }
                        },
                    }
                }
            ]
        },
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "requestMetadata": {"who": "me"},
    }
    seen = [(node.role, node.provenance, node.text) for node in DIALECT.request_texts(tree)]
    assert seen == [
        ("system", "system", "rules"),
        ("user", "user", "hi"),
        ("user", "document", "Notes"),
        ("user", "tool_result", "found"),
        ("", "tool_definition", "does"),
        ("", "tool_definition", "which"),
        ("", "tool_definition", "a"),
        ("", "parameter", "me"),
    ]


def test_the_texts_of_a_frame_are_in_its_delta() -> None:
    delta = {"reasoningContent": {"text": "hm"}}
    nodes = list(DIALECT.frame_texts({"contentBlockIndex": 0, "delta": delta, "p": "abc"}))
    assert [(node.path, node.provenance, node.text) for node in nodes] == [
        (("delta", "reasoningContent", "text"), "reasoning", "hm")
    ]
