"""Chats of other dialects as requests to a vendor of the Responses API."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Fit, Quirks
from headgate.dialects.hub import (
    CacheMark,
    Chat,
    Format,
    Media,
    Message,
    Native,
    NativeTool,
    Part,
    Reasoning,
    Refusal,
    Role,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import Unsupported

DIALECT = dialects.get("openai_responses")


def message(role: Role, *parts: Part) -> Message:
    return Message(role=role, parts=parts)


def body(*messages: Message, fit: Fit | None = None, **members: Any) -> dict[str, Any]:
    chat = Chat(model="x", messages=messages or (message("user", Text(text="Hi")),), **members)
    return DIALECT.encode_request(chat, fit or Fit(model="gpt-4o", dropped=[]))


def refused(*messages: Message, **members: Any) -> str | None:
    with pytest.raises(Unsupported) as caught:
        body(*messages, **members)
    return caught.value.param


def test_a_conversation_with_tools_becomes_items_in_order() -> None:
    found = body(
        message("system", Text(text="Be kind.")),
        message("user", Text(text="Look:"), Media(kind="image", data="AA", media_type="image/png")),
        message("assistant", Text(text="I look."), ToolCall(id="c1", name="look", arguments="{}")),
        message("user", ToolResult(call_id="c1", parts=(Text(text="a cat"),)), Text(text="And?")),
        message("assistant", Text(text="a"), Refusal(text="no")),
    )
    assert found["input"] == [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look:"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA"},
            ],
        },
        {"role": "assistant", "content": "I look."},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
        {"role": "user", "content": "And?"},
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
        },
    ]


def test_a_result_with_images_and_files_is_given_in_parts() -> None:
    pdf = Media(kind="file", data="AA", media_type="application/pdf")
    plain = Media(kind="file", text="hello", filename="a.txt")
    result = ToolResult(call_id="c", kind="custom", parts=(Text(text="see"), pdf, plain), is_error=True)
    fit = Fit(model="m", dropped=[])
    [item] = body(message("user", result), fit=fit)["input"]
    assert item == {
        "type": "custom_tool_call_output",
        "call_id": "c",
        "output": [
            {"type": "input_text", "text": "see"},
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,AA"},
            {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,aGVsbG8="},
        ],
    }
    assert fit.dropped == ["is_error"]


def test_only_reasoning_that_openai_signed_goes_back_to_it() -> None:
    found = body(
        message(
            "assistant",
            Reasoning(text="unsigned"),
            Reasoning(text="theirs", signature=Signature("anthropic", "x")),
            Reasoning(text="mine", signature=Signature("openai", "enc")),
            Reasoning(redacted=Signature("openai", "hidden")),
            Text(text="Done."),
        )
    )
    assert found["input"] == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "mine"}], "encrypted_content": "enc"},
        {"type": "reasoning", "summary": [], "encrypted_content": "hidden"},
        {"role": "assistant", "content": "Done."},
    ]


def test_a_chat_from_elsewhere_is_not_stored_unless_its_client_says_so() -> None:
    assert body()["store"] is False
    assert body(store=True)["store"] is True


@pytest.mark.parametrize(
    ("model", "base", "wanted"),
    [
        ("gpt-5-mini", None, True),
        ("o3", None, True),
        ("openai/gpt-oss-20b", None, True),
        ("openai.gpt-5.6-luna", None, True),
        ("my-deployment", "gpt-5.1", True),
        ("gpt-4o", None, False),
        ("gpt-5-chat-latest", None, False),
        ("my-deployment", None, False),
    ],
)
def test_models_that_reason_are_asked_for_it_in_a_form_to_give_back(model: str, base: str | None, wanted: bool) -> None:
    include = body(fit=Fit(model=model, base_model=base, dropped=[])).get("include", [])
    assert ("reasoning.encrypted_content" in include) is wanted


def test_settings_are_said_in_this_apis_words() -> None:
    found = body(
        stream=True,
        max_output_tokens=9,
        temperature=0.0,
        logprobs=True,
        top_logprobs=2,
        verbosity="low",
        cache_key="k",
        user="u",
        metadata={"a": "b"},
        parallel_tool_calls=False,
        tools=(Tool(name="f"), Tool(name="c", kind="custom", description="d")),
        tool_choice=ToolChoice(mode="required", allowed=("f", "c")),
        format=Format(kind="json_schema", schema={"type": "object"}, strict=True),
        thinking=Thinking(enabled=True, budget_tokens=8_000, include=True),
    )
    assert found["max_output_tokens"] == 9
    assert found["temperature"] == 0.0
    assert found["include"] == ["message.output_text.logprobs"]
    assert found["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "custom", "name": "c", "description": "d"},
    ]
    assert found["tool_choice"]["tools"] == [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]
    assert found["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": True},
        "verbosity": "low",
    }
    assert found["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert (found["prompt_cache_key"], found["user"], found["metadata"]) == ("k", "u", {"a": "b"})
    assert (found["parallel_tool_calls"], found["stream"]) == (False, True)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"top_k": 3}, "top_k"),
        ({"min_p": 0.1}, "min_p"),
        ({"seed": 1}, "seed"),
        ({"stop": ("x",)}, "stop"),
        ({"choices": 2}, "n"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"modalities": ("text", "audio")}, "modalities"),
        ({"tools": (NativeTool(dialect="anthropic_messages", data={"type": "bash"}),)}, "tools[0]"),
        ({"extra": {"anthropic_messages": {"mcp_servers": [{}]}}}, "mcp_servers"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    assert refused(**members) == param


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", Native(dialect="anthropic_messages", data={})),
        ("user", Media(kind="video", url="https://e.org/v")),
        ("user", Media(kind="audio", data="AA", media_type="audio/wav")),
        ("user", Media(kind="image", data="AA")),
        ("user", Refusal(text="no")),
        ("assistant", Media(kind="image", data="AA", media_type="image/png")),
    ],
)
def test_parts_the_api_does_not_take_are_refused_by_their_place(role: Role, part: Part) -> None:
    assert refused(message(role, part)) == "messages[0].content[0]"
    fit = Fit(model="m", drop=True, dropped=[])
    assert body(message(role, Text(text="a"), part), fit=fit)["input"][0]["content"]
    assert fit.dropped == ["messages[0].content[1]"]


def test_what_is_only_advice_is_noted_as_left_out() -> None:
    fit = Fit(model="m", dropped=[])
    marked = Text(text="long", cache=CacheMark())
    named = Message(role="user", parts=(marked,), name="Ann")
    body(named, fit=fit, tools=(Tool(name="f", cache=CacheMark()),), thinking=Thinking(enabled=False))
    assert sorted(fit.dropped) == ["cache_control", "cache_control", "messages[0].name", "thinking"]


def test_values_that_ask_for_nothing_are_not_refused() -> None:
    assert "n" not in body(choices=1, frequency_penalty=0.0, presence_penalty=0, modalities=("text",))


def test_members_that_mean_the_same_in_other_dialects_are_sent() -> None:
    found = body(extra={"openai_chat": {"safety_identifier": "s", "prompt_cache_retention": "24h", "prediction": {}}})
    assert (found["safety_identifier"], found["prompt_cache_retention"]) == ("s", "24h")
    assert "prediction" not in found


def test_quirks_of_a_vendor_are_kept() -> None:
    quirks = Quirks(developer_role=False, unsupported=frozenset({"store"}))
    fit = Fit(model="m", drop=True, dropped=[], quirks=quirks)
    found = body(message("developer", Text(text="a")), fit=fit)
    assert found["input"] == [{"role": "system", "content": "a"}]
    assert "store" not in found
    assert fit.dropped == ["store"]


def test_the_targets_own_model_id_is_sent() -> None:
    assert body()["model"] == "gpt-4o"
    assert DIALECT.path("gpt-4o", stream=True) == "/responses"
