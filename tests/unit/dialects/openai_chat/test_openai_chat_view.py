"""What policies see of chat completions: whose words they are, and what is not text."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.view import replace_texts
from headgate.types import Payload
from vendor_laws import missing_canaries

DIALECT = dialects.get("openai_chat")
REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "rules"},
        {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "look"}]},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "hm",
            "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s", "format": "f"}],
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "c", "name": "f", "content": "42"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "description": "does it",
                "parameters": {"type": "object", "properties": {"type": {"type": "string", "description": "which"}}},
            },
        }
    ],
    "stop": ["END"],
    "user": "u-1",
    "metadata": {"team": "red"},
    "novelty": {"deep": ["new"]},
}


def test_every_text_has_its_place_and_whose_words_it_is() -> None:
    seen = {node.path: (node.role, node.provenance, node.text) for node in DIALECT.request_texts(REQUEST)}
    assert seen == {
        ("messages", 0, "content"): ("system", "system", "rules"),
        ("messages", 1, "name"): ("user", "parameter", "Ann"),
        ("messages", 1, "content", 0, "text"): ("user", "user", "look"),
        ("messages", 2, "reasoning_content"): ("assistant", "reasoning", "hm"),
        ("messages", 2, "reasoning_details", 0, "text"): ("assistant", "reasoning", "hm"),
        ("messages", 2, "tool_calls", 0, "function", "arguments"): ("assistant", "tool_call", '{"a": 1}'),
        ("messages", 3, "content"): ("tool", "tool_result", "42"),
        ("tools", 0, "function", "description"): ("", "tool_definition", "does it"),
        ("tools", 0, "function", "parameters", "properties", "type", "description"): ("", "tool_definition", "which"),
        ("stop", 0): ("", "parameter", "END"),
        ("user",): ("", "parameter", "u-1"),
        ("metadata", "team"): ("", "parameter", "red"),
        ("novelty", "deep", 0): ("", "parameter", "new"),
    }
    assert missing_canaries(DIALECT, REQUEST) == []


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "image_url", "image_url": {"url": "https://a.example/x", "detail": "low"}}, ["https://a.example/x"]),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, []),
        ({"type": "image_url", "image_url": "https://a.example/x"}, ["https://a.example/x"]),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, []),
        ({"type": "input_audio", "input_audio": "https://a.example/x"}, ["https://a.example/x"]),
        ({"type": "file", "file": {"file_data": "AAAA", "filename": "cv.pdf"}}, ["cv.pdf"]),
        ({"type": "file", "file": {"file_data": "https://a.example/x"}}, ["https://a.example/x"]),
        ({"type": "document_url", "document_url": "https://a.example/x"}, ["https://a.example/x"]),
        ({"type": "refusal", "refusal": "no"}, ["no"]),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, ["hm"]),
        ({"type": "hologram", "shape": "cube"}, ["cube"]),
    ],
)
def test_urls_are_text_and_data_is_not(part: dict[str, Any], expected: list[str]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    assert [node.text for node in DIALECT.request_texts(body)] == expected
    assert missing_canaries(DIALECT, body) == []


def test_texts_can_be_replaced_and_unknown_members_survive() -> None:
    payload = Payload("openai_chat", tree=REQUEST)
    changed = replace_texts(payload, {("messages", 1, "content", 0, "text"): "***"}).tree
    assert changed["messages"][1]["content"][0]["text"] == "***"
    assert changed["novelty"] == REQUEST["novelty"]
    assert REQUEST["messages"][1]["content"][0]["text"] == "look"


def test_answers_and_chunks_are_seen_choice_by_choice() -> None:
    message = {
        "role": "assistant",
        "content": "a",
        "refusal": "no",
        "reasoning": "hm",
        "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}],
    }
    seen = [
        (node.path[1:], node.provenance, node.text)
        for node in DIALECT.answer_texts({"choices": [{"message": message}]})
    ]
    assert seen == [
        ((0, "message", "content"), "assistant", "a"),
        ((0, "message", "refusal"), "assistant", "no"),
        ((0, "message", "reasoning"), "reasoning", "hm"),
        ((0, "message", "annotations", 0, "url_citation", "url"), "document", "u"),
        ((0, "message", "annotations", 0, "url_citation", "title"), "document", "t"),
    ]
    delta = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]}
    (node,) = DIALECT.frame_texts({"choices": [{"index": 0, "delta": delta}]})
    assert node.path == ("choices", 0, "delta", "tool_calls", 0, "function", "arguments")
    assert node.provenance == "tool_call"


@pytest.mark.parametrize("tree", [{}, {"choices": 1}, {"choices": [1, {}, {"message": 1}, {"delta": None}]}])
def test_bodies_without_texts_have_none(tree: dict[str, Any]) -> None:
    assert list(DIALECT.answer_texts(tree)) == []
    assert list(DIALECT.frame_texts(tree)) == []


@pytest.mark.parametrize(
    "messages", ["x", [1, "x"], [{"role": 1, "content": {"type": "text", "text": "x"}}], {"0": "x"}]
)
def test_odd_bodies_are_read_to_the_last_string(messages: Any) -> None:
    body = {"model": "m", "messages": messages}
    assert "x" in [node.text for node in DIALECT.request_texts(body)]
    assert missing_canaries(DIALECT, body) == []
