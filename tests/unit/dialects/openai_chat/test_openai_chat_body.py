"""How requests of any dialect are put to a vendor of chat completions, and what is refused."""

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
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import Unsupported

DIALECT = dialects.get("openai_chat")
IMAGE = Media(kind="image", data="AAAA", media_type="image/png")


def told(*parts: Part, role: Role = "user", **quirks: Any) -> list[dict[str, Any]]:
    """The messages one message becomes."""
    message = Message(role=role, parts=parts)
    return DIALECT.encode_request(
        Chat(model="x", messages=(message,)), Fit(model="m", quirks=Quirks(**quirks)) if quirks else Fit(model="m")
    )["messages"]


def body(fit: Fit | None = None, **members: Any) -> dict[str, Any]:
    chat = Chat(model="x", messages=(Message(role="user", parts=(Text(text="hi"),)),), **members)
    return DIALECT.encode_request(chat, fit or Fit(model="m"))


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_texts_of_another_dialect_are_one_string_that_every_vendor_takes() -> None:
    assert told(Text(text="a"), Text(text="b")) == [{"role": "user", "content": "a\n\nb"}]
    assert told(Text(text="a"), Text(text="b"), role="assistant") == [{"role": "assistant", "content": "ab"}]


def test_media_stand_between_texts() -> None:
    (message,) = told(
        Text(text="a"),
        IMAGE,
        Media(kind="image", url="https://example.com/a.png", detail="high"),
        Media(kind="audio", data="BBBB", media_type="audio/x-wav"),
        Media(kind="file", data="CCCC", media_type="application/pdf", filename="a.pdf"),
        Media(kind="file", file_id="file-1"),
        Media(kind="file", text="plain", media_type="text/plain"),
        Media(kind="video", url="https://example.com/a.mp4"),
    )
    assert message["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "high"}},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "text", "text": "plain"},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
    ]


def test_data_without_a_filename_is_given_one() -> None:
    (message,) = told(Media(kind="file", data="CCCC", media_type="application/pdf"))
    assert message["content"][0]["file"]["filename"] == "document.pdf"


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="file", url="https://example.com/a.pdf"),
        Media(kind="audio", url="https://example.com/a.mp3"),
        Media(kind="image", file_id="file-1"),
        Native(dialect="anthropic_messages", data={"type": "server_tool_use"}),
    ],
)
def test_what_chat_completions_cannot_be_given_is_refused_by_its_place_or_left_out_with_a_note(part: Part) -> None:
    with pytest.raises(Unsupported) as refused:
        told(Text(text="a"), part)
    assert refused.value.param == "messages[0].content[1]"
    fit = Fit(model="m", drop=True)
    DIALECT.encode_request(Chat(model="x", messages=(Message(role="user", parts=(part,)),)), fit)
    assert fit.dropped == ["messages[0].content[0]"]


def test_results_of_tools_are_messages_of_their_own_before_what_else_is_said() -> None:
    assert told(
        Text(text="and now?"),
        ToolResult(call_id="1", parts=(Text(text="a"), Text(text="b"))),
        ToolResult(call_id="2", is_error=True),
    ) == [
        {"role": "tool", "tool_call_id": "1", "content": "a\n\nb"},
        {"role": "tool", "tool_call_id": "2", "content": ""},
        {"role": "user", "content": "and now?"},
    ]


def test_an_image_a_tool_gave_is_shown_in_the_users_message_after_it() -> None:
    assert told(ToolResult(call_id="1", parts=(Text(text="a"), IMAGE)), Text(text="so?")) == [
        {"role": "tool", "tool_call_id": "1", "content": "a"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Result of the tool call 1:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "text", "text": "so?"},
            ],
        },
    ]


def test_an_assistants_calls_have_null_beside_them_where_it_said_nothing() -> None:
    call = ToolCall(id="1", name="f", arguments="{}")
    custom = ToolCall(id="2", name="g", arguments="x", kind="custom")
    assert told(call, custom, role="assistant") == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "2", "type": "custom", "custom": {"name": "g", "input": "x"}},
            ],
        }
    ]
    assert told(role="assistant") == [{"role": "assistant", "content": ""}]


def test_a_refusal_has_its_own_member() -> None:
    assert told(Refusal(text="no"), role="assistant") == [{"role": "assistant", "content": None, "refusal": "no"}]


def test_thoughts_go_back_unless_another_vendor_signed_them() -> None:
    signed = Reasoning(text="theirs", signature=Signature("anthropic", "s"))
    hidden = Reasoning(redacted=Signature("openai", "r"))
    plain = Reasoning(text="hm")
    said = (signed, hidden, plain, Text(text="a"))
    assert told(*said, role="assistant") == [{"role": "assistant", "content": "a", "reasoning_content": "hm"}]
    assert told(*said, role="assistant", reasoning_field="reasoning")[0]["reasoning"] == "hm"
    assert told(*said, role="assistant", reasoning_field=None) == [{"role": "assistant", "content": "a"}]


def test_a_signature_of_a_call_goes_to_the_vendor_only_where_it_came_in_this_dialect() -> None:
    foreign = ToolCall(id="1", name="f", arguments="{}", signature=Signature("gemini", "g"))
    assert "extra_content" not in told(foreign, role="assistant")[0]["tool_calls"][0]
    entry = {
        "id": "1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "g"}},
    }
    request = {"model": "m", "messages": [{"role": "assistant", "content": None, "tool_calls": [entry]}]}
    assert DIALECT.encode_request(DIALECT.decode_request(request), Fit(model="m")) == request


def test_developers_are_systems_where_the_vendor_knows_none() -> None:
    assert told(Text(text="a"), role="developer")[0]["role"] == "developer"
    assert told(Text(text="a"), role="developer", developer_role=False)[0]["role"] == "system"


def test_marks_citations_and_errors_that_cannot_be_said_are_noted() -> None:
    chat = Chat(
        model="x",
        messages=(
            Message(role="user", parts=(Text(text="a", cache=CacheMark()),)),
            Message(role="assistant", parts=(Text(text="b", citations=(Citation(url="u"),)),)),
            Message(role="user", parts=(ToolResult(call_id="1", is_error=True, cache=CacheMark()),)),
        ),
        tools=(Tool(name="f", parameters={}, cache=CacheMark()),),
    )
    fit = Fit(model="m")
    DIALECT.encode_request(chat, fit)
    assert fit.dropped == ["cache_control", "messages[1].content[0].citations", "messages[2].content[0].is_error"]


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_model_is_the_targets() -> None:
    assert body() == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_a_stream_always_asks_for_usage_where_the_vendor_understands_it() -> None:
    assert body(stream=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in body(Fit(model="m", quirks=Quirks(stream_usage=False)), stream=True)


def test_the_output_limit_has_the_name_the_vendor_gives_it() -> None:
    assert body(max_output_tokens=5)["max_completion_tokens"] == 5
    assert body(Fit(model="m", quirks=Quirks(max_tokens_field="max_tokens")), max_output_tokens=5)["max_tokens"] == 5


def test_more_stop_sequences_than_the_vendor_takes_are_refused_or_cut() -> None:
    quirks = Quirks(stop_limit=1)
    with pytest.raises(Unsupported) as refused:
        body(Fit(model="m", quirks=quirks), stop=("a", "b"))
    assert refused.value.param == "stop"
    assert body(Fit(model="m", quirks=quirks, drop=True), stop=("a", "b"))["stop"] == ["a"]


def test_fields_the_vendor_does_not_take_are_refused_by_name() -> None:
    with pytest.raises(Unsupported) as refused:
        body(Fit(model="m", quirks=Quirks(unsupported=frozenset({"seed"}))), seed=1)
    assert refused.value.param == "seed"


@pytest.mark.parametrize(
    ("thinking", "field", "expected"),
    [
        (Thinking(effort="high"), "reasoning_effort", {"reasoning_effort": "high"}),
        (Thinking(effort="max"), "reasoning_effort", {"reasoning_effort": "xhigh"}),
        (Thinking(enabled=False), "reasoning_effort", {"reasoning_effort": "none"}),
        (Thinking(enabled=True), "reasoning_effort", {}),
        (Thinking(enabled=True, budget_tokens=1_024), "reasoning_effort", {"reasoning_effort": "low"}),
        (Thinking(enabled=True, budget_tokens=8_000), "reasoning_effort", {"reasoning_effort": "medium"}),
        (Thinking(enabled=True, budget_tokens=32_000), "reasoning_effort", {"reasoning_effort": "high"}),
        (Thinking(enabled=True, budget_tokens=9), "reasoning", {"reasoning": {"enabled": True, "max_tokens": 9}}),
        (Thinking(adaptive=True), "reasoning", {}),
        (Thinking(enabled=False), "thinking", {"thinking": {"type": "disabled"}}),
        (Thinking(effort="low"), "thinking", {"reasoning_effort": "low"}),
    ],
)
def test_how_much_to_think_is_said_in_the_vendors_words(thinking: Thinking, field: Any, expected: Any) -> None:
    sent = body(Fit(model="m", quirks=Quirks(thinking_field=field)), thinking=thinking)
    assert {name: value for name, value in sent.items() if name not in ("model", "messages")} == expected


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        (Format(kind="json"), {"type": "json_object"}),
        (Format(kind="text"), {"type": "text"}),
        (
            Format(kind="json_schema", schema={"type": "object"}, strict=True),
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True}},
        ),
    ],
)
def test_formats_are_said(format: Format, expected: Any) -> None:
    assert body(format=format)["response_format"] == expected


def test_metadata_is_sent_with_answers_to_be_stored_only() -> None:
    assert body(metadata={"a": "b"}, store=True)["metadata"] == {"a": "b"}
    fit = Fit(model="m")
    assert "metadata" not in body(fit, metadata={"a": "b"})
    assert fit.dropped == ["metadata"]


def test_a_tier_of_anthropics_is_said_in_openais_words() -> None:
    assert body(service_tier="standard_only")["service_tier"] == "default"


# ── tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────

TOOLS = (Tool(name="f", parameters={"type": "object"}, strict=True), Tool(name="g", kind="custom"))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="tool", name="f"), {"type": "function", "function": {"name": "f"}}),
        (ToolChoice(mode="tool", name="g"), {"type": "custom", "custom": {"name": "g"}}),
        (
            ToolChoice(mode="auto", allowed=("f", "g")),
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "custom", "custom": {"name": "g"}},
                    ],
                },
            },
        ),
    ],
)
def test_tools_and_the_choice_among_them_are_said(choice: ToolChoice, expected: Any) -> None:
    sent = body(tools=TOOLS, tool_choice=choice, parallel_tool_calls=False)
    assert sent["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}},
        {"type": "custom", "custom": {"name": "g"}},
    ]
    assert sent["tool_choice"] == expected
    assert sent["parallel_tool_calls"] is False


def test_a_choice_without_tools_is_left_out_since_vendors_refuse_it() -> None:
    sent = body(tool_choice=ToolChoice(mode="auto"), parallel_tool_calls=True)
    assert sent.keys() == {"model", "messages"}


def test_a_tool_another_vendor_runs_is_refused_by_its_place() -> None:
    with pytest.raises(Unsupported) as refused:
        body(tools=(NativeTool(dialect="anthropic_messages", data={"type": "web_search_20250305"}),))
    assert refused.value.param == "tools[0]"


def test_functions_of_old_clients_go_to_the_vendor_as_they_came() -> None:
    request = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ],
        "functions": [{"name": "f", "parameters": {"type": "object"}}],
        "function_call": "auto",
    }
    assert DIALECT.encode_request(DIALECT.decode_request(request), Fit(model="m")) == request


# ── other dialects' words ───────────────────────────────────────────────────────────────────────────────────────────


def test_members_of_another_dialect_are_refused_noted_or_sent() -> None:
    with pytest.raises(Unsupported) as refused:
        body(extra={"anthropic_messages": {"container": "c"}})
    assert refused.value.param == "container"
    assert body(extra={"openai_responses": {"safety_identifier": "s"}})["safety_identifier"] == "s"
    fit = Fit(model="m")
    body(fit, extra={"openai_responses": {"include": ["x"]}})
    assert fit.dropped == ["include"]


def test_members_of_this_dialect_go_back_as_they_came() -> None:
    members = {"provider": {"order": ["a"]}, "stream_options": {"include_obfuscation": False}}
    sent = body(stream=True, extra={"openai_chat": members})
    assert sent["provider"] == {"order": ["a"]}
    assert sent["stream_options"] == {"include_obfuscation": False, "include_usage": True}


@pytest.mark.parametrize("name", ["gemini_generate", "bedrock_converse", "cohere_chat", "anthropic_messages"])
@pytest.mark.parametrize("field", ["web_search_options", "logit_bias", "audio"])
def test_what_only_chat_completions_can_be_asked_is_refused_by_name_elsewhere(name: str, field: str) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "hi"}], field: {"a": 1}}
    with pytest.raises(Unsupported) as refused:
        dialects.get(name).encode_request(DIALECT.decode_request(request), Fit(model="m", max_output_tokens=9))
    assert refused.value.param == field
