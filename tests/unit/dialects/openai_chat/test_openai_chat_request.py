"""What a client's chat completion request means in the hub, and how a wrong one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.hub import (
    CacheMark,
    Chat,
    Format,
    Media,
    Message,
    Native,
    NativeTool,
    Reasoning,
    Refusal,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import BadRequest

DIALECT = dialects.get("openai_chat")
USER = {"role": "user", "content": "hi"}


def chat(**members: Any) -> Chat:
    return DIALECT.decode_request({"model": "m", "messages": [USER], **members})


def sole(message: dict[str, Any]) -> Message:
    return chat(messages=[message]).messages[0]


def bare(part: Any) -> Any:
    """A part without what the dialect notes for itself."""
    return type(part)(**{name: getattr(part, name) for name in part.__struct_fields__ if name != "extra"})


def parts(content: list[dict[str, Any]]) -> list[Any]:
    return [bare(part) for part in sole({"role": "user", "content": content}).parts]


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_roles_are_those_of_the_hub(role: str) -> None:
    assert sole({"role": role, "content": "a", "name": "n"}) == Message(
        role=role,  # pyright: ignore[reportArgumentType]
        parts=(Text(text="a"),),
        name="n",
    )


def test_content_may_be_a_list_of_text_images_audio_and_files() -> None:
    assert parts(
        [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
            {"type": "document_url", "document_url": "https://example.com/a.pdf"},
        ]
    ) == [
        Text(text="a"),
        Media(kind="image", data="AAAA", media_type="image/png", detail="low"),
        Media(kind="image", url="https://example.com/a.png"),
        Media(kind="audio", data="BBBB", media_type="audio/mpeg"),
        Media(kind="file", data="CCCC", media_type="application/pdf", filename="a.pdf"),
        Media(kind="file", file_id="file-1"),
        Media(kind="video", url="https://example.com/a.mp4"),
        Media(kind="file", url="https://example.com/a.pdf"),
    ]


def test_a_part_nobody_has_heard_of_is_kept_for_this_dialect() -> None:
    part = {"type": "hologram", "data": 1}
    assert sole({"role": "user", "content": [part]}).parts == (Native(dialect="openai_chat", data=part),)


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ({"cache_control": {"type": "ephemeral"}}, CacheMark("5m")),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, CacheMark("1h")),
        ({"prompt_cache_breakpoint": {"mode": "explicit"}}, CacheMark("5m")),
    ],
)
def test_cache_breakpoints_are_marks(mark: dict[str, Any], expected: CacheMark) -> None:
    (part,) = parts([{"type": "text", "text": "a", **mark}])
    assert part.cache == expected


def test_an_assistants_message_holds_thoughts_text_refusal_and_calls() -> None:
    message = sole(
        {
            "role": "assistant",
            "content": "a",
            "refusal": "no",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "2", "type": "custom", "custom": {"name": "g", "input": "x"}},
            ],
        }
    )
    assert [bare(part) for part in message.parts] == [
        Reasoning(text="hm"),
        Text(text="a"),
        Refusal(text="no"),
        ToolCall(id="1", name="f", arguments="{}"),
        ToolCall(id="2", name="g", arguments="x", kind="custom"),
    ]


def test_a_result_is_found_its_call_and_its_name() -> None:
    calls = [{"id": "1", "type": "custom", "custom": {"name": "g", "input": "x"}}]
    conversation = [
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "42"}]},
    ]
    message = chat(messages=conversation).messages[1]
    (result,) = message.parts
    assert message.role == "user"
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.name, result.kind, bare(result.parts[0])) == ("1", "g", "custom", Text(text="42"))


def test_functions_of_old_clients_are_tools_whose_results_find_their_calls() -> None:
    conversation = [
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "[]"}},
        {"role": "function", "name": "f", "content": "2"},
    ]
    told = chat(
        messages=conversation, functions=[{"name": "f", "parameters": {"type": "object"}}], function_call={"name": "f"}
    )
    (tool,) = told.tools
    assert isinstance(tool, Tool)
    assert (tool.name, tool.parameters) == ("f", {"type": "object"})
    assert told.tool_choice == ToolChoice(mode="tool", name="f")
    calls = [part.id for message in told.messages for part in message.parts if isinstance(part, ToolCall)]
    results = [part.call_id for message in told.messages for part in message.parts if isinstance(part, ToolResult)]
    assert calls == results
    assert len(set(calls)) == 2


def test_signatures_come_back_from_the_members_we_sent_them_in() -> None:
    message = sole(
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "hm",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1", "id": "rs_1", "index": 1},
                {"type": "reasoning.encrypted", "data": "hg1.mistral.redacted.x", "index": 2},
            ],
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                    "extra_content": {"google": {"thought_signature": "g"}},
                }
            ],
        }
    )
    assert [bare(part) for part in message.parts] == [
        Reasoning(text="hm", signature=Signature("anthropic", "s")),
        Reasoning(redacted=Signature("openai", "d"), id="rs_1"),
        Reasoning(redacted=Signature("mistral", "x")),
        ToolCall(id="1", name="f", arguments="{}", signature=Signature("gemini", "g")),
    ]


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_are_those_of_the_hub() -> None:
    told = chat(
        stream=True,
        stream_options={"include_usage": True},
        temperature=0,
        top_p=0.5,
        top_k=3,
        min_p=0.1,
        frequency_penalty=1,
        presence_penalty=-1,
        seed=7,
        n=2,
        logprobs=True,
        top_logprobs=3,
        verbosity="low",
        modalities=["text", "audio"],
        user="u",
        metadata={"a": "b"},
        store=True,
        service_tier="flex",
        prompt_cache_key="k",
        parallel_tool_calls=False,
    )
    assert (told.stream, told.include_usage, told.temperature, told.top_p, told.top_k) == (True, True, 0, 0.5, 3)
    assert (told.min_p, told.frequency_penalty, told.presence_penalty, told.seed) == (0.1, 1, -1, 7)
    assert (told.choices, told.logprobs, told.top_logprobs, told.verbosity) == (2, True, 3, "low")
    assert (told.modalities, told.user, told.metadata, told.store) == (("text", "audio"), "u", {"a": "b"}, True)
    assert (told.service_tier, told.cache_key, told.parallel_tool_calls) == ("flex", "k", False)
    assert told.extra == {}


def test_the_newer_name_of_the_output_limit_wins() -> None:
    assert chat(max_tokens=1).max_output_tokens == 1
    assert chat(max_tokens=1, max_completion_tokens=2).max_output_tokens == 2


def test_stop_may_be_one_string() -> None:
    assert chat(stop="x").stop == ("x",)
    assert chat(stop=["x", "y"]).stop == ("x", "y")


def test_null_is_no_value() -> None:
    names = ("temperature", "tools", "tool_choice", "stop", "response_format", "stream_options", "logit_bias", "user")
    assert chat(**dict.fromkeys(names)) == chat()


def test_members_the_hub_has_no_word_for_go_to_extra() -> None:
    members = {"logit_bias": {"1": 2}, "prediction": {"type": "content", "content": "c"}, "provider": {"order": ["a"]}}
    assert chat(**members).extra == {"openai_chat": members}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reasoning_effort": "high"}, Thinking(effort="high")),
        ({"reasoning": {"max_tokens": 9}}, Thinking(budget_tokens=9)),
        ({"reasoning": {"enabled": True, "effort": "low"}}, Thinking(enabled=True, effort="low")),
        ({"thinking": {"type": "disabled"}}, Thinking(enabled=False)),
    ],
)
def test_how_much_to_think_is_read_in_the_words_of_several_vendors(members: Any, expected: Thinking) -> None:
    told = chat(**members)
    assert told.thinking == expected
    assert told.extra == {}


def test_thinking_that_says_more_than_the_hub_can_stays_as_it_is() -> None:
    members = {"reasoning": {"exclude": True}}
    told = chat(**members)
    assert told.thinking is None
    assert told.extra == {"openai_chat": members}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"type": "json_object"}, Format(kind="json")),
        ({"type": "text"}, Format(kind="text")),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
            Format(kind="json_schema", name="n", schema={"type": "object"}, strict=True),
        ),
    ],
)
def test_response_formats_are_those_of_the_hub(told: Any, expected: Format) -> None:
    assert chat(response_format=told).format == expected
    assert chat(response_format=told).extra == {}


def test_a_response_format_of_a_vendors_own_stays_as_it_is() -> None:
    told = {"type": "regex", "pattern": "a+"}
    assert chat(response_format=told).format is None
    assert chat(response_format=told).extra == {"openai_chat": {"response_format": told}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ("any", ToolChoice(mode="required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(mode="tool", name="f")),
        ({"function": {"name": "f"}}, ToolChoice(mode="tool", name="f")),
        ({"type": "custom", "custom": {"name": "f"}}, ToolChoice(mode="tool", name="f")),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            ToolChoice(mode="required", allowed=("f",)),
        ),
    ],
)
def test_tool_choices_are_those_of_the_hub(told: Any, expected: ToolChoice) -> None:
    assert chat(tool_choice=told).tool_choice == expected


def test_tools_are_functions_custom_ones_and_the_vendors_own() -> None:
    own = {"type": "openrouter:search", "parameters": {}}
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    tools = chat(
        tools=[{"type": "function", "function": function}, {"type": "custom", "custom": {"name": "g"}}, own]
    ).tools
    assert tools == (
        Tool(name="f", description="d", parameters={"type": "object"}, strict=True),
        Tool(name="g", kind="custom"),
        NativeTool(dialect="openai_chat", data=own),
    )


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"model": None}, "model"),
        ({"model": 1}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}]},
            "messages[0].content[0].input_audio.format",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
            "messages[0].content[0].file.file_id",
        ),
        ({"messages": [USER, {"role": "tool", "content": "a"}]}, "messages[1].tool_call_id"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "9", "content": "a"}]}, "messages[1].tool_call_id"),
        ({"messages": [CALL, {"role": "tool", "tool_call_id": "9", "content": "a"}]}, "messages[1].tool_call_id"),
        ({"messages": [{"role": "function", "name": "f", "content": "a"}]}, "messages[0].name"),
        ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}, "messages[0].tool_calls[0].function"),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": 1}}]}
                ]
            },
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": "2"}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"stop": 1}, "stop"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"tools": "f"}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 1}}]}, "tools[0].function.parameters"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": 1}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice.type"),
        ({"function_call": "required"}, "function_call"),
        ({"response_format": {}}, "response_format.type"),
        ({"response_format": {"type": "json_schema", "json_schema": 1}}, "response_format.json_schema"),
        ({"reasoning_effort": 1}, "reasoning_effort"),
        ({"modalities": [1]}, "modalities[0]"),
    ],
)
def test_a_wrong_member_is_refused_by_name(members: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        chat(**members)
    assert refused.value.param == field
