"""The texts and the account's ids in Anthropic's bodies."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.anthropic_messages import answer_ids, frame_ids, request_ids
from headgate.types import JSON

DIALECT = dialects.get("anthropic_messages")


def texts(tree: JSON) -> list[tuple[str, str, str]]:
    return [(node.role, node.provenance, node.text) for node in DIALECT.request_texts(tree)]


def in_message(*blocks: Any, role: str = "user") -> list[tuple[str, str, str]]:
    return texts({"messages": [{"role": role, "content": list(blocks)}]})


def test_who_said_what() -> None:
    assert texts(
        {
            "model": "claude",
            "max_tokens": 5,
            "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [
                {"role": "user", "content": "U"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "R", "signature": "sig"},
                        {"type": "redacted_thinking", "data": "enc"},
                        {"type": "text", "text": "A"},
                        {"type": "tool_use", "id": "t", "name": "f", "input": {"id": "I", "name": ["N"]}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "T"}]},
                    ],
                },
                {"role": "system", "content": "M"},
            ],
            "metadata": {"user_id": "P"},
            "stop_sequences": ["Q"],
            "thinking": {"type": "enabled"},
            "tool_choice": {"type": "tool", "name": "f"},
            "service_tier": "auto",
        }
    ) == [
        ("system", "system", "S"),
        ("user", "user", "U"),
        ("assistant", "reasoning", "R"),
        ("assistant", "assistant", "A"),
        ("assistant", "tool_call", "I"),
        ("assistant", "tool_call", "N"),
        ("user", "tool_result", "T"),
        ("system", "system", "M"),
        ("", "parameter", "P"),
        ("", "parameter", "Q"),
    ]


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}, []),
        ({"type": "image", "source": {"type": "url", "url": "https://x"}}, [("user", "parameter", "https://x")]),
        ({"type": "image", "source": {"type": "url", "url": "data:image/png;base64,AA"}}, []),
        (
            {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "D"}},
            [("user", "document", "T"), ("user", "document", "D")],
        ),
        (
            {"type": "search_result", "source": "https://x", "title": "T", "content": [{"type": "text", "text": "C"}]},
            [("user", "parameter", "https://x"), ("user", "document", "T"), ("user", "document", "C")],
        ),
        (
            {"type": "web_search_tool_result", "content": [{"title": "T", "encrypted_content": "E", "url": "https://x"}]},
            [("user", "tool_result", "T"), ("user", "parameter", "https://x")],
        ),
        (
            {"type": "bash_code_execution_tool_result", "content": {"stdout": "O", "stderr": "E", "type": "t"}},
            [("user", "tool_result", "O"), ("user", "tool_result", "E")],
        ),
        ({"type": "text", "text": "X", "citations": [{"type": "char_location", "cited_text": "C"}]},
         [("user", "user", "X"), ("user", "document", "C")]),
        ({"type": "novelty", "deep": [{"words": "W"}]}, [("user", "user", "W")]),
        ({"type": "container_upload", "file_id": "f"}, []),
    ],
)  # fmt: skip
def test_what_is_text_in_a_block(block: JSON, found: list[tuple[str, str, str]]) -> None:
    assert in_message(block) == found


def test_definitions_of_tools_are_read_and_names_and_words_are_not() -> None:
    schema = {"type": "object", "properties": {"type": {"type": "string", "description": "D", "enum": ["E"]}}}
    tools = [
        {"name": "f", "description": "F", "input_schema": schema, "input_examples": [{"name": "X"}], "type": "custom"},
        {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.b"]},
    ]
    assert [text for _, provenance, text in texts({"tools": tools}) if provenance == "tool_definition"] == [
        "F", "D", "E", "X", "a.b",
    ]  # fmt: skip


def test_the_texts_of_an_answer() -> None:
    content = [
        {"type": "thinking", "thinking": "R", "signature": "s"},
        {"type": "text", "text": "A"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": "I"}},
    ]
    found = [(node.path, node.provenance, node.text) for node in DIALECT.answer_texts({"id": "m", "content": content})]
    assert found == [
        (("content", 0, "thinking"), "reasoning", "R"),
        (("content", 1, "text"), "assistant", "A"),
        (("content", 2, "input", "a"), "tool_call", "I"),
    ]


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        ({"delta": {"type": "text_delta", "text": "A"}}, [(("delta", "text"), "assistant", "A")]),
        ({"delta": {"type": "thinking_delta", "thinking": "R"}}, [(("delta", "thinking"), "reasoning", "R")]),
        ({"delta": {"type": "input_json_delta", "partial_json": "{"}}, [(("delta", "partial_json"), "tool_call", "{")]),
        ({"delta": {"type": "signature_delta", "signature": "s"}}, []),
        (
            {"delta": {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "C"}}},
            [(("delta", "citation", "cited_text"), "document", "C")],
        ),
        ({"content_block": {"type": "text", "text": "A"}}, [(("content_block", "text"), "assistant", "A")]),
        ({"type": "message_start", "message": {"id": "m", "model": "c"}}, []),
        ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, []),
    ],
)
def test_the_texts_of_a_frame(frame: JSON, found: list[Any]) -> None:
    assert [(node.path, node.provenance, node.text) for node in DIALECT.frame_texts(frame)] == found


def test_the_accounts_ids_in_a_request() -> None:
    tree = {
        "container": {
            "id": "c",
            "skills": [{"type": "custom", "skill_id": "s"}, {"type": "anthropic", "skill_id": "pdf"}],
        },
        "messages": [
            {"role": "user", "content": "x"},
            {
                "role": "user",
                "content": [
                    {"type": "container_upload", "file_id": "f1"},
                    {"type": "image", "source": {"type": "file", "file_id": "f2"}},
                    {"type": "tool_use", "id": "t", "name": "n", "input": {"file_id": "mine"}},
                    {
                        "type": "tool_result",
                        "content": [{"type": "document", "source": {"type": "file", "file_id": "f3"}}],
                    },
                ],
            },
        ],
    }
    assert list(request_ids(tree)) == [
        (("container", "id"), "container", "c"),
        (("container", "skills", 0, "skill_id"), "skill", "s"),
        (("messages", 1, "content", 0, "file_id"), "file", "f1"),
        (("messages", 1, "content", 1, "source", "file_id"), "file", "f2"),
        (("messages", 1, "content", 3, "content", 0, "source", "file_id"), "file", "f3"),
    ]
    assert list(request_ids({"container": "c"})) == [(("container",), "container", "c")]


def test_the_accounts_ids_in_answers_and_frames() -> None:
    output = {"type": "bash_code_execution_tool_result", "content": {"content": [{"file_id": "f"}]}}
    assert list(answer_ids({"container": {"id": "c"}, "content": [output]})) == [
        (("container", "id"), "container", "c"),
        (("content", 0, "content", "content", 0, "file_id"), "file", "f"),
    ]
    assert list(frame_ids({"content_block": output})) == [
        (("content_block", "content", "content", 0, "file_id"), "file", "f")
    ]
    assert list(frame_ids({"message": {"container": {"id": "c"}}})) == [
        (("message", "container", "id"), "container", "c")
    ]
    assert list(frame_ids({"delta": {"container": {"id": "c"}}})) == [(("delta", "container", "id"), "container", "c")]
    assert list(frame_ids({"delta": {"citation": {"file_id": "f"}}})) == [
        (("delta", "citation", "file_id"), "file", "f")
    ]
