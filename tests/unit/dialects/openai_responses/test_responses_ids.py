"""Which ids in bodies name something in an account at the vendor."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.dialects.openai_responses import answer_ids, frame_ids, request_ids
from headgate.dialects.view import get


@pytest.mark.parametrize(
    ("request_", "path", "kind"),
    [
        ({"previous_response_id": "x"}, ("previous_response_id",), "response"),
        (
            {"prompt_cache_options": {"comparison_response_id": "x"}},
            ("prompt_cache_options", "comparison_response_id"),
            "response",
        ),
        ({"conversation": "x"}, ("conversation",), "conversation"),
        ({"conversation": {"id": "x"}}, ("conversation", "id"), "conversation"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]},
            ("input", 0, "content", 0, "file_id"),
            "file",
        ),
        (
            {"input": [{"type": "function_call_output", "output": [{"type": "input_image", "file_id": "x"}]}]},
            ("input", 0, "output", 0, "file_id"),
            "file",
        ),
        (
            {"input": [{"type": "code_interpreter_call", "container_id": "x"}]},
            ("input", 0, "container_id"),
            "container",
        ),
        ({"input": [{"type": "item_reference", "id": "x"}]}, ("input", 0, "id"), "item"),
        ({"input": [{"id": "x"}]}, ("input", 0, "id"), "item"),
        ({"input": [{"type": "reasoning", "id": "x", "summary": []}]}, ("input", 0, "id"), "item"),
        (
            {"tools": [{"type": "file_search", "vector_store_ids": ["x"]}]},
            ("tools", 0, "vector_store_ids", 0),
            "vector_store",
        ),
        ({"tools": [{"type": "code_interpreter", "container": "x"}]}, ("tools", 0, "container"), "container"),
        (
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["x"]}}]},
            ("tools", 0, "container", "file_ids", 0),
            "file",
        ),
        (
            {"tools": [{"type": "shell", "environment": {"type": "container_reference", "container_id": "x"}}]},
            ("tools", 0, "environment", "container_id"),
            "container",
        ),
    ],
)
def test_ids_of_a_request_are_found_with_path_and_kind(
    request_: dict[str, Any], path: tuple[Any, ...], kind: str
) -> None:
    assert list(request_ids(request_)) == [(path, kind, "x")]
    assert get(request_, path) == "x"


@pytest.mark.parametrize(
    "request_",
    [
        {"input": "file_id"},
        {"previous_response_id": None, "conversation": None},
        {"conversation": {"id": 3}, "tools": "x", "input": [3, {"id": 4}]},
        {"metadata": {"file_id": "x"}},
        {"tools": [{"type": "function", "name": "f", "parameters": {"properties": {"file_id": {"enum": ["x"]}}}}]},
        {"input": [{"type": "tool_search_call", "id": "ts", "arguments": {"file_id": "x"}}]},
        {"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}]},
        {"input": [{"type": "reasoning", "id": "rs_1", "content": [{"type": "reasoning_text", "text": "Hm."}]}]},
        {"text": {"format": {"schema": {"file_id": "x"}}}},
    ],
)
def test_what_only_looks_like_an_id_is_none(request_: dict[str, Any]) -> None:
    assert list(request_ids(request_)) == []


def test_a_response_tells_its_own_id_and_those_it_names() -> None:
    note = {"type": "container_file_citation", "container_id": "cn", "file_id": "f", "start_index": 0, "end_index": 1}
    tree = {
        "id": "resp_2",
        "previous_response_id": "resp_1",
        "conversation": {"id": "conv_1"},
        "output": [
            {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "x", "annotations": [note]}]}
        ],
    }
    found = {(kind, known) for _, kind, known in answer_ids(tree)}
    assert found == {
        ("response", "resp_2"),
        ("response", "resp_1"),
        ("conversation", "conv_1"),
        ("container", "cn"),
        ("file", "f"),
    }
    assert all(get(tree, path) == known for path, _, known in answer_ids(tree))


def test_events_tell_those_of_the_response_or_item_they_hold() -> None:
    created = {"type": "response.created", "response": {"id": "resp_1"}}
    done = {
        "type": "response.output_item.done",
        "item": {"type": "code_interpreter_call", "id": "ci", "container_id": "cn"},
    }
    delta = {"type": "response.output_text.delta", "delta": "file_id", "item_id": "msg_1"}
    assert list(frame_ids(created)) == [(("response", "id"), "response", "resp_1")]
    assert list(frame_ids(done)) == [(("item", "container_id"), "container", "cn")]
    assert list(frame_ids(delta)) == []
