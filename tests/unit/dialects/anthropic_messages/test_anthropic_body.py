"""Writing a hub request for Anthropic."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Fit, Quirks
from headgate.dialects.hub import (
    CacheMark,
    Chat,
    Citation,
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
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import BadRequest, Unsupported
from headgate.types import JSON

DIALECT = dialects.get("anthropic_messages")
OLD = "claude-sonnet-4-5"
NEW = "claude-opus-4-8"
TOOL = Tool(name="f", parameters={"type": "object"})


def say(role: Role, *parts: Part | str) -> Message:
    return Message(role=role, parts=tuple(Text(text=each) if isinstance(each, str) else each for each in parts))


def body(*messages: Message, fit: Fit | None = None, **members: Any) -> JSON:
    chat = Chat(model="asked", messages=messages or (say("user", "Hi"),), **members)
    return DIALECT.encode_request(chat, fit or Fit(model=OLD))


def blocks(*parts: Part, role: Role = "user", fit: Fit | None = None) -> list[JSON]:
    """The content of one turn."""
    return body(say(role, *parts), fit=fit)["messages"][0]["content"]


def text(value: str) -> JSON:
    return {"type": "text", "text": value}


# ── turns ──


def test_leading_system_and_developer_messages_are_the_system_member() -> None:
    assert body(say("system", "A"), say("developer", "B"), say("user", "Hi")) == {
        "model": OLD,
        "max_tokens": 4096,
        "system": [text("A"), text("B")],
        "messages": [{"role": "user", "content": [text("Hi")]}],
    }


def test_nothing_but_instructions_is_the_users_turn() -> None:
    written = body(say("system", "A"))
    assert "system" not in written
    assert written["messages"] == [{"role": "user", "content": [text("A")]}]


def test_a_later_system_message_follows_the_users_turn_where_the_model_takes_it() -> None:
    written = body(
        say("user", "1"), say("assistant", "2"), say("developer", "S"), say("user", "3"), say("assistant", "4"),
        say("user", "5"), say("system", "T"), say("system", "U"), fit=Fit(model=NEW),
    )  # fmt: skip
    assert [(turn["role"], [each["text"] for each in turn["content"]]) for turn in written["messages"]] == [
        ("user", ["1"]),
        ("assistant", ["2"]),
        ("user", ["3"]),
        ("system", ["S"]),
        ("assistant", ["4"]),
        ("user", ["5"]),
        ("system", ["T", "U"]),
    ]


@pytest.mark.parametrize("model", [OLD, "claude-sonnet-5", "claude-opus-4-7", "glm-4.6"])
def test_a_later_system_message_is_folded_into_the_users_turn_where_not(model: str) -> None:
    written = body(say("user", "1"), say("assistant", "2"), say("system", "S"), say("user", "3"), fit=Fit(model=model))
    assert written["messages"][2] == {"role": "user", "content": [text("<system>\nS\n</system>"), text("3")]}


def test_a_system_turn_with_no_turn_to_follow_is_folded() -> None:
    written = body(say("user", "1"), say("assistant", "2"), say("system", "S"), fit=Fit(model=NEW))
    assert written["messages"][2] == {"role": "user", "content": [text("<system>\nS\n</system>")]}


def test_changes_of_tools_between_turns_are_refused_where_the_model_takes_none() -> None:
    change = Native(dialect="anthropic_messages", data={"type": "tool_addition", "tool": {}})
    with pytest.raises(Unsupported) as caught:
        body(say("user", "1"), say("assistant", "2"), say("user", "3"), say("system", change))
    assert caught.value.param == "messages[3].content[0]"


def test_neighbours_of_one_role_become_one_turn_and_results_come_first() -> None:
    call = ToolCall(id="c", name="f", arguments="{}")
    written = body(
        say("user", "1"),
        say("assistant", "2"),
        say("assistant", call),
        say("user", "first"),
        say("user", ToolResult(call_id="c", parts=(Text(text="r"),))),
        tools=(TOOL,),
    )
    assert [turn["role"] for turn in written["messages"]] == ["user", "assistant", "user"]
    assert [each["type"] for each in written["messages"][1]["content"]] == ["text", "tool_use"]
    assert [each["type"] for each in written["messages"][2]["content"]] == ["tool_result", "text"]


def test_blank_texts_and_messages_of_nothing_else_are_left_out() -> None:
    written = body(say("user", "1"), say("assistant", " \n"), say("user", "", "2"))
    assert written["messages"] == [{"role": "user", "content": [text("1"), text("2")]}]


def test_a_last_turn_of_the_assistants_ends_without_white_space() -> None:
    assert body(say("user", "1"), say("assistant", "So: \n"))["messages"][-1]["content"] == [text("So:")]


# ── parts ──


def test_images_and_documents() -> None:
    found = blocks(
        Media(kind="image", data="AA", media_type="image/jpg", cache=CacheMark("1h")),
        Media(kind="image", url="https://x/y.png"),
        Media(kind="file", data="AA", media_type="application/pdf", filename="a.pdf"),
        Media(kind="file", data="SGk=", filename="a.md"),
        Media(kind="file", text="Hi"),
        Media(kind="file", file_id="file_1"),
    )
    assert found == [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/jpeg", "data": "AA"},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}, "title": "a.md"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    ]


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="audio", data="AA", media_type="audio/mpeg"),
        Media(kind="video", url="https://x/y"),
        Media(kind="image", data="AA", media_type="image/tiff"),
        Media(kind="image", data="AA"),
        Media(kind="file", data="AA", media_type="application/zip"),
        Media(kind="file", data="/w==", media_type="text/plain"),
    ],
)
def test_media_that_claude_does_not_take_are_refused_by_place(media: Media) -> None:
    with pytest.raises(Unsupported) as caught:
        blocks(media)
    assert caught.value.param == "messages[0].content[0]"
    fit = Fit(model=OLD, drop=True)
    assert body(say("user", "x", media), fit=fit)["messages"][0]["content"] == [text("x")]
    assert fit.dropped == ["messages[0].content[1]"]


def test_only_reasoning_that_anthropic_signed_is_given_back() -> None:
    assert blocks(
        Reasoning(text="unsigned"),
        Reasoning(text="foreign", signature=Signature("openai", "x")),
        Reasoning(redacted=Signature("openai", "x")),
        Reasoning(text="own", signature=Signature("anthropic", "s")),
        Reasoning(redacted=Signature("anthropic", "d")),
        Text(text="t", signature=Signature("gemini", "g")),
        role="assistant",
    ) == [
        {"type": "thinking", "thinking": "own", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        text("t"),
    ]


def test_tool_calls_and_their_results() -> None:
    call = ToolCall(id="call:1|x", name="f", arguments='{"a": [1]}', signature=Signature("gemini", "g"))
    image = Media(kind="image", data="AA", media_type="image/png")
    result = ToolResult(call_id="call:1|x", parts=(Text(text="r"), image), is_error=True, cache=CacheMark())
    _, asked, answered = body(say("user", "1"), say("assistant", call), say("user", result))["messages"]
    (use,) = asked["content"]
    assert (use["type"], use["name"], use["input"]) == ("tool_use", "f", {"a": [1]})
    (back,) = answered["content"]
    assert back["tool_use_id"] == use["id"]
    assert set(use["id"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert [each["type"] for each in back["content"]] == ["text", "image"]
    assert back["is_error"] is True
    assert back["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("arguments", ["", "  "])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert blocks(ToolCall(id="c", name="f", arguments=arguments), role="assistant")[0]["input"] == {}


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "nonsense", '"x"', "[" * 5000])
def test_arguments_that_are_no_object_are_refused_by_place(arguments: str) -> None:
    with pytest.raises(BadRequest) as caught:
        blocks(ToolCall(id="c", name="f", arguments=arguments), role="assistant")
    assert caught.value.param == "messages[0].content[0]"


def test_refusals_are_texts_and_made_up_citations_are_left_out() -> None:
    own = {"type": "char_location", "cited_text": "c", "document_index": 0}
    made = {"type": "web_search_result_location", "cited_text": "c", "encrypted_index": "", "url": "https://x"}
    fit = Fit(model=OLD)
    found = blocks(
        Text(
            text="t",
            citations=(
                Citation(extra={"anthropic_messages": own}),
                Citation(extra={"anthropic_messages": made}),
                Citation(url="https://y"),
            ),
        ),
        Refusal(text="No."),
        role="assistant",
        fit=fit,
    )
    assert found == [{**text("t"), "citations": [own]}, text("No.")]
    assert fit.dropped == ["citations"]


@pytest.mark.parametrize(
    "part",
    [
        Native(dialect="openai_responses", data={"type": "web_search_call"}),
        ToolCall(id="c", name="f", arguments="x", kind="custom"),
    ],
)
def test_parts_only_another_dialect_has_are_refused(part: Part) -> None:
    with pytest.raises(Unsupported, match=r"messages\[0\]\.content\[0\]"):
        blocks(part, role="assistant")


# ── tools, format, parameters ──


def test_tools_and_the_choice_among_them() -> None:
    written = body(
        tools=(
            Tool(name="f", description="F", parameters={"properties": {}}, strict=True, cache=CacheMark()),
            Tool(name="g"),
            NativeTool(dialect="anthropic_messages", data={"type": "bash_20250124", "name": "bash"}),
        ),
        tool_choice=ToolChoice(mode="required"),
        parallel_tool_calls=False,
    )
    assert written["tools"] == [
        {
            "name": "f",
            "description": "F",
            "input_schema": {"type": "object", "properties": {}},
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        },
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        {"type": "bash_20250124", "name": "bash"},
    ]
    assert written["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


def test_a_choice_among_some_of_the_tools_offers_no_others() -> None:
    choice = ToolChoice(mode="auto", allowed=("g",))
    written = body(tools=(TOOL, Tool(name="g")), tool_choice=choice)
    assert [tool["name"] for tool in written["tools"]] == ["g"]
    assert written["tool_choice"] == {"type": "auto"}


def test_a_choice_without_tools_is_not_sent() -> None:
    assert "tool_choice" not in body(tool_choice=ToolChoice(mode="auto"), parallel_tool_calls=False)


@pytest.mark.parametrize(
    "tool", [Tool(name="f", kind="custom"), NativeTool(dialect="openai_responses", data={"type": "file_search"})]
)
def test_tools_only_another_vendor_has_are_refused(tool: Tool | NativeTool) -> None:
    with pytest.raises(Unsupported) as caught:
        body(tools=(TOOL, tool))
    assert caught.value.param == "tools[1]"


def test_a_schema_for_the_answer() -> None:
    schema = {"type": "object", "additionalProperties": False}
    written = body(format=Format(kind="json_schema", schema=schema, name="n", description="D", strict=True))
    assert written["output_config"] == {"format": {"type": "json_schema", "schema": {**schema, "description": "D"}}}


def test_any_json_object_is_more_than_claude_can_promise() -> None:
    with pytest.raises(Unsupported) as caught:
        body(format=Format(kind="json"))
    assert caught.value.param == "response_format"


@pytest.mark.parametrize(
    ("asked", "known", "sent"), [(7, None, 7), (7, 9_000, 7), (None, 9_000, 9_000), (None, None, 4_096), (0, None, 0)]
)
def test_a_limit_is_always_sent(asked: int | None, known: int | None, sent: int) -> None:
    assert body(max_output_tokens=asked, fit=Fit(model=OLD, max_output_tokens=known))["max_tokens"] == sent


def test_plain_parameters() -> None:
    written = body(
        temperature=0.5, top_k=4, stop=("a", "b"), user="u", stream=True, service_tier="default", frequency_penalty=0.0,
        presence_penalty=0, choices=1, verbosity="medium", modalities=("text",), store=False,
    )  # fmt: skip
    assert {name: value for name, value in written.items() if name not in ("model", "max_tokens", "messages")} == {
        "temperature": 0.5,
        "top_k": 4,
        "stop_sequences": ["a", "b"],
        "metadata": {"user_id": "u"},
        "stream": True,
        "service_tier": "standard_only",
    }


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"min_p": 0.1}, "min_p"),
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"presence_penalty": -1}, "presence_penalty"),
        ({"seed": 0}, "seed"),
        ({"choices": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ("text", "audio")}, "modalities"),
        ({"verbosity": "low"}, "verbosity"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": 0.5, "top_p": 0.5}, "top_p"),
        ({"stop": ("\n",)}, "stop"),
        ({"extra": {"openai_responses": {"conversation": "c"}}}, "conversation"),
        ({"extra": {"openai_chat": {"mcp_servers": [{"url": "https://x"}]}}}, "mcp_servers"),
    ],
)
def test_what_claude_cannot_do_is_refused_or_left_out_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        body(**members)
    assert caught.value.param == param
    fit = Fit(model=OLD, drop=True)
    body(**members, fit=fit)
    assert fit.dropped == [param]


def test_advice_is_left_out_with_a_note() -> None:
    fit = Fit(model=OLD)
    body(
        Message(role="user", parts=(Media(kind="image", url="https://x", detail="low"),), name="Ann"),
        metadata={"a": "b"}, store=True, service_tier="flex", cache_key="k", fit=fit,
    )  # fmt: skip
    assert sorted(fit.dropped) == ["detail", "metadata", "name", "prompt_cache_key", "service_tier", "store"]


def test_sampling_is_refused_by_models_that_take_none_unless_it_asks_for_the_default() -> None:
    assert {"temperature", "top_p"}.isdisjoint(body(temperature=1, top_p=1, fit=Fit(model=NEW)))
    with pytest.raises(Unsupported, match="temperature"):
        body(temperature=0, fit=Fit(model=NEW))


def test_a_default_top_p_beside_a_temperature_is_not_sent_where_only_one_may_be() -> None:
    assert "top_p" not in body(temperature=0.2, top_p=1)
    assert body(temperature=0.2, top_p=0.9, fit=Fit(model="claude-sonnet-4-0"))["top_p"] == 0.9


def test_the_base_model_tells_what_a_deployment_can_do() -> None:
    written = body(temperature=1, fit=Fit(model="my-deployment", base_model=NEW))
    assert (written["model"], "temperature" in written) == ("my-deployment", False)


def test_a_providers_quirks_are_kept() -> None:
    quirks = Quirks(stop_limit=1, unsupported=frozenset({"service_tier"}))
    with pytest.raises(Unsupported, match="stop"):
        body(stop=("a", "b"), fit=Fit(model=OLD, quirks=quirks))
    fit = Fit(model=OLD, quirks=quirks, drop=True)
    written = body(stop=("a", "b"), service_tier="auto", fit=fit)
    assert written["stop_sequences"] == ["a"]
    assert "service_tier" not in written
    assert fit.dropped == ["stop", "service_tier"]
