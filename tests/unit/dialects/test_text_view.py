"""Reading and changing the texts of a body, whatever its dialect."""

from __future__ import annotations

from headgate.dialects.view import TextNode, get, replace_texts, strings
from headgate.types import Payload


def test_every_string_of_a_value_of_any_shape_is_found_with_its_path() -> None:
    value = {"a": "one", "b": [1, None, True, {"c": "two"}], "d": {}}
    assert list(strings(value, ("x",), "user", "tool_call")) == [
        TextNode(("x", "a"), "user", "tool_call", "one"),
        TextNode(("x", "b", 3, "c"), "user", "tool_call", "two"),
    ]


def test_keys_are_not_texts() -> None:
    assert list(strings({"key": 1}, (), "", "parameter")) == []


def test_a_path_leads_to_the_value_it_was_given_for() -> None:
    tree = {"messages": [{"content": "hello"}]}
    node = next(strings(tree, (), "", "user"))
    assert get(tree, node.path) == "hello"


def test_texts_are_replaced_in_a_copy_and_all_else_survives() -> None:
    payload = Payload(
        "openai_chat", tree={"novelty": [1], "messages": [{"content": "a", "more": {}}, {"content": "b"}]}
    )
    changed = replace_texts(payload, {("messages", 1, "content"): "c"})
    assert changed.tree == {"novelty": [1], "messages": [{"content": "a", "more": {}}, {"content": "c"}]}
    assert changed.dialect == "openai_chat"
    assert payload.tree["messages"][1]["content"] == "b"


def test_without_a_change_the_payload_and_its_bytes_stay() -> None:
    payload = Payload("openai_chat", b'{"a" : 1}')
    assert replace_texts(payload, {}) is payload
    assert payload.encode() == b'{"a" : 1}'


def test_a_changed_payload_is_written_anew() -> None:
    payload = Payload("openai_chat", b'{"a" : "x"}')
    assert replace_texts(payload, {("a",): "y"}).encode() == b'{"a":"y"}'
