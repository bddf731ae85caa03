"""Hub requests as Cohere's chat bodies."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Fit
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
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import Unsupported

DIALECT = dialects.get("cohere_chat")
WEATHER = Tool(name="weather", description="Tells it", parameters={"type": "object"})
OTHER = Tool(name="other", parameters={"type": "object"})


def user(*parts: Part) -> Message:
    return Message(role="user", parts=parts)


HELLO = user(Text(text="hello"))


def encode(*messages: Message, fit: Fit | None = None, **members: Any) -> dict[str, Any]:
    chat = Chat(model="m", messages=messages or (HELLO,), **members)
    return DIALECT.encode_request(chat, fit or Fit(model="command-a-03-2025", dropped=[]))


def dropped(*messages: Message, **members: Any) -> list[str]:
    fit = Fit(model="command-a-03-2025", drop=True, dropped=[])
    encode(*messages, fit=fit, **members)
    return fit.dropped


def refused(*messages: Message, **members: Any) -> str | None:
    with pytest.raises(Unsupported) as caught:
        encode(*messages, **members)
    return caught.value.param


def test_a_plain_question_is_all_there_is() -> None:
    assert encode() == {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": False,
    }


def test_sampling_parameters_have_coheres_names() -> None:
    body = encode(
        max_output_tokens=5,
        temperature=0.1,
        top_p=0.5,
        top_k=3,
        seed=7,
        stop=("a",),
        frequency_penalty=0.1,
        presence_penalty=0.2,
        logprobs=True,
        stream=True,
    )
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == {
        "stream": True,
        "max_tokens": 5,
        "temperature": 0.1,
        "p": 0.5,
        "k": 3,
        "seed": 7,
        "stop_sequences": ["a"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "logprobs": True,
    }


def test_a_conversation_with_tools() -> None:
    messages = encode(
        Message(role="developer", parts=(Text(text="rules"),)),
        HELLO,
        Message(
            role="assistant",
            parts=(Reasoning(text="a plan"), Text(text="I look"), ToolCall(id="c", name="weather", arguments="")),
        ),
        user(ToolResult(call_id="c", parts=(Text(text="sun"), Text(text="wind"))), Text(text="and now?")),
    )["messages"]
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    texts = [{"type": "text", "text": "sun"}, {"type": "text", "text": "wind"}]
    assert messages == [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "tool_calls": [call], "content": "I look"},
        {"role": "tool", "tool_call_id": "c", "content": texts},
        {"role": "user", "content": "and now?"},
    ]


def test_an_image_is_data_or_a_url() -> None:
    content = encode(
        user(
            Text(text="see"),
            Media(kind="image", data="QQ==", media_type="image/png", detail="low"),
            Media(kind="image", url="https://example.org/a.png"),
        )
    )["messages"][0]["content"]
    assert content[1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "low"}}
    assert content[2] == {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}


def test_tools_are_functions() -> None:
    assert encode(tools=(WEATHER,))["tools"] == [
        {
            "type": "function",
            "function": {"name": "weather", "parameters": {"type": "object"}, "description": "Tells it"},
        }
    ]


@pytest.mark.parametrize(
    ("choice", "word", "names"),
    [
        (ToolChoice(mode="auto"), None, ["weather", "other"]),
        (ToolChoice(mode="required"), "REQUIRED", ["weather", "other"]),
        (ToolChoice(mode="none"), "NONE", ["weather", "other"]),
        (ToolChoice(mode="tool", name="other"), "REQUIRED", ["other"]),
        (ToolChoice(mode="auto", allowed=("other",)), None, ["other"]),
    ],
)
def test_each_choice_of_tools(choice: ToolChoice, word: str | None, names: list[str]) -> None:
    body = encode(tools=(WEATHER, OTHER), tool_choice=choice)
    assert body.get("tool_choice") == word
    assert [each["function"]["name"] for each in body["tools"]] == names


def test_strictness_is_for_all_tools_or_refused() -> None:
    strict = Tool(name="s", parameters={}, strict=True)
    assert encode(tools=(strict,))["strict_tools"] is True
    assert "strict_tools" not in encode(tools=(WEATHER,))
    assert refused(tools=(strict, WEATHER)) == "tools[].strict"


@pytest.mark.parametrize(
    ("format", "written"),
    [
        (Format(kind="json"), {"type": "json_object"}),
        (
            Format(kind="json_schema", schema={"type": "object"}, name="n", strict=True),
            {"type": "json_object", "json_schema": {"type": "object"}},
        ),
        (Format(kind="text"), None),
    ],
)
def test_each_form_of_answer(format: Format, written: dict[str, Any] | None) -> None:
    assert encode(format=format).get("response_format") == written


@pytest.mark.parametrize(
    ("thinking", "written"),
    [
        (Thinking(enabled=True, budget_tokens=99), {"type": "enabled", "token_budget": 99}),
        (Thinking(enabled=False), {"type": "disabled"}),
        (Thinking(effort="none"), {"type": "disabled"}),
        (Thinking(effort="high"), {"type": "enabled"}),
        (Thinking(summary="auto"), None),
    ],
)
def test_each_wish_to_think(thinking: Thinking, written: dict[str, Any] | None) -> None:
    assert encode(thinking=thinking).get("thinking") == written


def test_coheres_own_members_pass_from_any_client() -> None:
    extra = {"openai_chat": {"documents": ["d"], "safety_mode": "STRICT", "citation_options": {"mode": "FAST"}}}
    body = encode(extra=extra)
    assert (body["documents"], body["safety_mode"]) == (["d"], "STRICT")
    assert body["citation_options"] == {"mode": "FAST"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"min_p": 0.1}, "min_p"),
        ({"verbosity": "low"}, "verbosity"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"choices": 2}, "n"),
        ({"parallel_tool_calls": False, "tools": (WEATHER,)}, "parallel_tool_calls"),
        ({"modalities": ("audio",)}, "modalities"),
        ({"tools": (NativeTool(dialect="openai_responses", data={}),)}, "tools[0]"),
        ({"tools": (Tool(name="t", kind="custom"),)}, "tools[0]"),
        ({"extra": {"openai_chat": {"web_search_options": {}}}}, "web_search_options"),
    ],
)
def test_what_cohere_cannot_say_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    assert refused(**members) == param
    assert param in dropped(**members)


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="file", data="QQ==", media_type="application/pdf"),
        Media(kind="audio", data="QQ=="),
        Media(kind="image", file_id="f"),
        Native(dialect="openai_responses", data={}),
        ToolResult(call_id="c", parts=(Media(kind="image", data="QQ=="),)),
    ],
)
def test_parts_cohere_cannot_take_are_refused_by_their_place(part: Part) -> None:
    param = refused(HELLO, user(part))
    assert param is not None
    assert param.startswith("messages[1].content[0]")


def test_advice_is_noted_as_left_out() -> None:
    told = dropped(
        user(Text(text="a", cache=CacheMark())),
        user(ToolResult(call_id="c", is_error=True)),
        user="u",
        metadata={"a": "b"},
        cache_key="k",
        service_tier="auto",
        store=True,
    )
    assert told == [
        "cache_control",
        "messages[1].content[0].is_error",
        "user",
        "metadata",
        "prompt_cache_key",
        "service_tier",
        "store",
    ]
