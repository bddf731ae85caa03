"""Counting tokens, in each of four formats."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import MessageTokensCount

from headgate import dialects
from headgate.dialects.base import Context, Fit
from headgate.dialects.hub import Chat, Message, Text, TokenCount, Tool
from headgate.errors import BadRequest, MalformedOutput, NotFound
from headgate.types import Payload, Usage

NAMES = ["anthropic_count_tokens", "openai_input_tokens", "gemini_count_tokens", "bedrock_count_tokens"]
CONTEXT = Context(asked={}, id="x", created=0)
CHAT = Chat(
    model="m",
    messages=(Message(role="system", parts=(Text(text="S"),)), Message(role="user", parts=(Text(text="Hi"),))),
    tools=(Tool(name="f", parameters={"type": "object"}),),
    max_output_tokens=5,
    temperature=0.5,
    stream=True,
)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("anthropic_count_tokens", "/v1/messages/count_tokens"),
        ("openai_input_tokens", "/responses/input_tokens"),
        ("gemini_count_tokens", "/v1beta/models/m:countTokens"),
        ("bedrock_count_tokens", "/model/a.b%3A0/count-tokens"),
    ],
)
def test_where_a_count_is_asked(name: str, path: str) -> None:
    model = "a.b:0" if name == "bedrock_count_tokens" else "m"
    assert dialects.get(name).path(model, stream=False) == path
    assert dialects.get(name).operation == "count_tokens"


@pytest.mark.parametrize("name", NAMES)
def test_only_what_counts_is_sent(name: str) -> None:
    body = dialects.get(name).encode_request(CHAT, Fit(model="m"))
    words = str(body)
    assert "'Hi'" in words
    assert "'S'" in words
    assert "'f'" in words
    for absent in ("max", "temperature", "stream", "inferenceConfig", "generationConfig"):
        assert absent not in words


def test_anthropics_own_body() -> None:
    assert dialects.get("anthropic_count_tokens").encode_request(CHAT, Fit(model="m")) == {
        "model": "m",
        "system": [{"type": "text", "text": "S"}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    }


@pytest.mark.parametrize(
    ("name", "tree"),
    [
        ("anthropic_count_tokens", {"input_tokens": 7}),
        ("openai_input_tokens", {"object": "response.input_tokens", "input_tokens": 7}),
        ("gemini_count_tokens", {"totalTokens": 7, "promptTokensDetails": []}),
        ("bedrock_count_tokens", {"inputTokens": 7}),
    ],
)
def test_what_a_vendor_counted(name: str, tree: dict[str, Any]) -> None:
    dialect = dialects.get(name)
    assert dialect.decode_answer(tree) == TokenCount(input_tokens=7)
    assert dialect.peek(Payload(name, tree=tree).encode()).usage == Usage()
    with pytest.raises(MalformedOutput):
        dialect.decode_answer({})


def test_a_count_of_ours_as_each_client_expects_it() -> None:
    count = TokenCount(input_tokens=7)
    tree = dialects.get("anthropic_count_tokens").encode_answer(count, CONTEXT)
    assert tree == {"input_tokens": 7}
    MessageTokensCount.model_validate(tree)
    assert dialects.get("openai_input_tokens").encode_answer(count, CONTEXT) == {
        "object": "response.input_tokens",
        "input_tokens": 7,
    }


def test_a_client_need_not_say_how_much_it_wants_to_have_counted() -> None:
    tree: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    chat = dialects.get("anthropic_count_tokens").decode_request(tree)
    assert (chat.model, chat.max_output_tokens) == ("m", None)
    with pytest.raises(BadRequest) as caught:
        dialects.get("anthropic_count_tokens").decode_request({"model": "m"})
    assert caught.value.param == "messages"


@pytest.mark.parametrize("name", NAMES)
def test_errors_and_texts_are_those_of_the_generations(name: str) -> None:
    dialect = dialects.get(name)
    assert isinstance(dialect.decode_error(404, {}, b"{}"), NotFound)
    assert list(dialect.answer_texts({"input_tokens": 7})) == []
    tree = {"messages": [{"role": "user", "content": "Hi"}]}
    if name == "anthropic_count_tokens":
        assert [node.text for node in dialect.request_texts(tree)] == ["Hi"]
        assert dialect.is_not_text(("messages", 0, "role"), tree)
        assert dialect.encode_error(BadRequest("m"))["type"] == "error"
        assert dialect.address(Payload(name, tree={"model": "a"}), "b").tree["model"] == "b"
