"""Namespaces of tools, as Codex offers its agents' tools: translated under both names, and back under the two."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.accumulate import exploded
from headgate.dialects.base import Context, Fit

RESPONSES = dialects.get("openai_responses")
MESSAGES = dialects.get("anthropic_messages")
CHAT = dialects.get("openai_chat")

NAMESPACE = {
    "type": "namespace",
    "name": "files",
    "description": "Reading and writing",
    "tools": [
        {"type": "function", "name": name, "description": name, "strict": False, "parameters": {"type": "object"}}
        for name in ("read", "write")
    ],
}
PLAIN = {"type": "function", "name": "now", "strict": False, "parameters": {"type": "object"}}
CALL = {
    "type": "function_call", "id": "fc_1", "status": "completed", "call_id": "c1", "name": "read",
    "namespace": "files", "arguments": "{}",
}  # fmt: skip
ASKED: dict[str, Any] = {
    "model": "m",
    "store": False,
    "tools": [PLAIN, NAMESPACE],
    "input": [
        {"type": "message", "role": "user", "content": "Read it."},
        CALL,
        {"type": "function_call_output", "call_id": "c1", "output": "text"},
    ],
}
CONTEXT = Context(asked=ASKED, id="x", created=0)


def test_each_tool_of_a_namespace_is_offered_elsewhere_under_both_names():
    body = MESSAGES.encode_request(RESPONSES.decode_request(ASKED), Fit(model="m", max_output_tokens=100))
    assert [tool["name"] for tool in body["tools"]] == ["now", "files__read", "files__write"]
    [call] = [part for turn in body["messages"] for part in turn["content"] if part["type"] == "tool_use"]
    assert call["name"] == "files__read"


def test_a_request_with_a_namespace_is_written_as_it_came():
    body = RESPONSES.encode_request(RESPONSES.decode_request(ASKED), Fit(model="m"))
    assert body["tools"] == ASKED["tools"]
    assert body["input"][1] == CALL


@pytest.mark.parametrize("name", ["files__read", "now", "files__other"])
def test_a_call_comes_back_under_the_names_the_client_knows(name: str):
    answer = MESSAGES.decode_answer(
        {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
            "content": [{"type": "tool_use", "id": "c2", "name": name, "input": {}}],
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    )  # fmt: skip
    expected = {"name": "read", "namespace": "files"} if name == "files__read" else {"name": name}
    [item] = RESPONSES.encode_answer(answer, CONTEXT)["output"]
    assert {each: item[each] for each in ("name", "namespace") if each in item} == expected

    encoder = RESPONSES.encode_stream(CONTEXT)
    frames = [json.loads(frame.data) for event in exploded(answer) for frame in encoder.feed(event)]
    told = {frame["type"]: frame for frame in frames}
    for event in ("response.output_item.added", "response.output_item.done"):
        item = told[event]["item"]
        assert {each: item[each] for each in ("name", "namespace") if each in item} == expected
    assert told["response.function_call_arguments.done"]["name"] == expected["name"]
    [last] = told["response.completed"]["response"]["output"]
    assert last["name"] == expected["name"]


def test_what_a_vendors_tool_search_puts_before_a_tool_is_no_part_of_its_name():
    call = {**CALL, "name": "now", "namespace": "now"}
    [part] = RESPONSES.decode_answer({"output": [call]}).choices[0].parts
    assert part.name == "now"
    request = RESPONSES.decode_request({**ASKED, "input": [ASKED["input"][0], call, ASKED["input"][2]]})
    body = MESSAGES.encode_request(request, Fit(model="m", max_output_tokens=100))
    [used] = [part for turn in body["messages"] for part in turn["content"] if part["type"] == "tool_use"]
    assert used["name"] == "now"


def test_a_namespace_of_functions_is_the_clients_own_to_run():
    assert not RESPONSES.acts(ASKED)
    assert RESPONSES.size(ASKED).uses == 0


@pytest.mark.parametrize("inner", [[{"type": "web_search"}], None, [1]])
def test_a_namespace_of_anything_else_is_bounded_by_nothing(inner: Any):
    asked = {**ASKED, "tools": [{**NAMESPACE, "tools": inner}]}
    assert RESPONSES.acts(asked)
    if inner != [1]:
        assert RESPONSES.size(asked).uses is None


def test_a_namespace_is_told_to_openais_chat_too():
    body = CHAT.encode_request(RESPONSES.decode_request(ASKED), Fit(model="m"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["now", "files__read", "files__write"]
