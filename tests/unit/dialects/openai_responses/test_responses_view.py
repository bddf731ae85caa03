"""Which strings of requests, responses and events are text, whose, and which are not."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.view import TextNode, get, replace_texts
from headgate.types import Payload
from vendor_laws import missing_canaries

DIALECT = dialects.get("openai_responses")

REQUEST: dict[str, Any] = {
    "model": "m",
    "instructions": "Be kind.",
    "input": [
        {"role": "user", "content": "Hi"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
                {"type": "input_image", "image_url": "https://e.org/a.png"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
                {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": "enc",
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"},
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
        {
            "type": "code_interpreter_call",
            "id": "ci",
            "code": "print()",
            "container_id": "cn",
            "outputs": [{"type": "logs", "logs": "1"}],
        },
        {"type": "file_search_call", "id": "fs", "queries": ["q"], "results": [{"file_id": "f", "text": "found"}]},
        {"type": "item_reference", "id": "msg_1"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "f",
            "description": "Looks.",
            "parameters": {"type": "object", "properties": {"type": {"type": "string", "description": "What."}}},
        },
        {
            "type": "mcp",
            "server_label": "s",
            "server_url": "https://e.org",
            "authorization": "secret",
            "allowed_tools": ["a"],
        },
        {"type": "code_interpreter", "container": "cntr_1"},
        {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "g", "description": "Inner."}]},
    ],
    "tool_choice": {"type": "function", "name": "f"},
    "conversation": "conv_1",
    "metadata": {"k": "v"},
    "user": "Ann",
    "prompt": {"id": "p", "version": "1", "variables": {"city": "Rome"}},
    "text": {
        "format": {
            "type": "json_schema",
            "name": "n",
            "description": "Form.",
            "schema": {"type": "object", "title": "T"},
        }
    },
    "novelty": {"said": "what"},
}


def texts() -> dict[str, str]:
    return {node.text: node.provenance for node in DIALECT.request_texts(REQUEST)}


def test_texts_are_told_with_who_wrote_them() -> None:
    assert texts() == {
        "Be kind.": "system",
        "Hi": "user",
        "Look": "user",
        "https://e.org/a.png": "parameter",
        "a.pdf": "user",
        "Hm": "reasoning",
        "{}": "tool_call",
        "sunny": "tool_result",
        "print()": "tool_call",
        "1": "tool_result",
        "q": "tool_call",
        "found": "document",
        "Looks.": "tool_definition",
        "What.": "tool_definition",
        "https://e.org": "tool_definition",
        "Inner.": "tool_definition",
        "v": "parameter",
        "Ann": "parameter",
        "Rome": "parameter",
        "Form.": "parameter",
        "T": "parameter",
        "what": "parameter",
    }


def test_every_string_is_text_or_listed_as_not_text() -> None:
    assert missing_canaries(DIALECT, REQUEST) == []


def test_input_as_a_string_is_the_users() -> None:
    assert list(DIALECT.request_texts({"input": "Hi"})) == [TextNode(("input",), "user", "user", "Hi")]


def test_an_edit_by_path_changes_that_text_and_keeps_the_rest() -> None:
    payload = Payload(DIALECT.name, tree=REQUEST)
    [node] = [node for node in DIALECT.request_texts(REQUEST) if node.text == "sunny"]
    edited = replace_texts(payload, {node.path: "rainy"}).tree
    assert get(edited, node.path) == "rainy"
    assert edited["novelty"] == REQUEST["novelty"]


def test_of_a_response_only_what_the_model_made_is_looked_at() -> None:
    tree = {
        "id": "resp_1",
        "instructions": "Be kind.",
        "output": [
            {
                "id": "msg",
                "type": "message",
                "role": "assistant",
                "content": [
                    {
                        "type": "output_text",
                        "text": "Hi",
                        "annotations": [{"type": "url_citation", "url": "u", "title": "t"}],
                    }
                ],
            },
            {"id": "ig", "type": "image_generation_call", "result": "AAAA", "revised_prompt": "a cat"},
            {"id": "m", "type": "mcp_call", "name": "n", "arguments": "{}", "output": "result"},
        ],
    }
    found = {node.text: (node.provenance, node.path[:2]) for node in DIALECT.answer_texts(tree)}
    assert found == {
        "Hi": ("assistant", ("output", 0)),
        "u": ("assistant", ("output", 0)),
        "t": ("assistant", ("output", 0)),
        "a cat": ("assistant", ("output", 1)),
        "{}": ("tool_call", ("output", 2)),
        "result": ("tool_result", ("output", 2)),
    }


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (
            {"type": "response.output_text.delta", "item_id": "i", "delta": "Hi", "obfuscation": "x"},
            {("delta",): "assistant"},
        ),
        ({"type": "response.output_text.done", "text": "Hi"}, {("text",): "assistant"}),
        ({"type": "response.reasoning_summary_text.delta", "delta": "Hm"}, {("delta",): "reasoning"}),
        (
            {"type": "response.function_call_arguments.done", "name": "f", "arguments": "{}"},
            {("arguments",): "tool_call"},
        ),
        ({"type": "response.code_interpreter_call_code.done", "code": "1"}, {("code",): "tool_call"}),
        ({"type": "response.image_generation_call.partial_image", "partial_image_b64": "AA"}, {}),
        (
            {"type": "response.content_part.done", "part": {"type": "output_text", "text": "Hi"}},
            {("part", "text"): "assistant"},
        ),
        (
            {"type": "response.output_item.done", "item": {"type": "custom_tool_call", "name": "n", "input": "x"}},
            {("item", "input"): "tool_call"},
        ),
        (
            {
                "type": "response.completed",
                "response": {"output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]},
            },
            {("response", "output", 0, "content", 0, "text"): "assistant"},
        ),
        ({"type": "error", "code": "c", "message": "gone"}, {("message",): "parameter"}),
    ],
)
def test_texts_of_events_are_told_with_their_places(event: dict[str, Any], wanted: dict[Any, str]) -> None:
    assert {node.path: node.provenance for node in DIALECT.frame_texts(event)} == wanted
