"""Reading what a client asks in Anthropic's dialect."""

from __future__ import annotations

from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.base import Fit
from headgate.dialects.hub import (
    CacheMark,
    Chat,
    Media,
    Message,
    Native,
    NativeTool,
    Reasoning,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import BadRequest

DIALECT = dialects.get("anthropic_messages")
HELLO = {"role": "user", "content": "Hello"}


def request(**members: Any) -> dict[str, Any]:
    return {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [HELLO], **members}


def decoded(**members: Any) -> Chat:
    return DIALECT.decode_request(request(**members))


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    return decoded(messages=[{"role": role, "content": list(blocks)}]).messages[0].parts


def test_a_plain_request() -> None:
    chat = decoded(
        system="Be brief.", temperature=0, top_p=0.5, top_k=3, stop_sequences=["END"], metadata={"user_id": "u"}
    )
    assert [(message.role, message.parts) for message in chat.messages] == [
        ("system", (Text(text="Be brief."),)),
        ("user", (Text(text="Hello"),)),
    ]
    assert (chat.model, chat.max_output_tokens, chat.temperature, chat.top_p, chat.top_k) == (
        "claude-sonnet-4-5", 100, 0, 0.5, 3,
    )  # fmt: skip
    assert (chat.stop, chat.user, chat.stream) == (("END",), "u", False)


def test_a_conversation_with_tools() -> None:
    messages = decoded(
        messages=[
            HELLO,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                    {"type": "redacted_thinking", "data": "d"},
                    {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "2", "is_error": True}],
            },
        ]
    ).messages
    assert messages[1].parts == (
        Reasoning(text="Hm.", signature=Signature("anthropic", "s")),
        Reasoning(redacted=Signature("anthropic", "d")),
        ToolCall(id="t1", name="add", arguments='{"a":1}'),
    )
    (result,) = messages[2].parts
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.name, result.parts, result.is_error) == ("t1", "add", (Text(text="2"),), True)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
            Media(kind="image", data="AA", media_type="image/png"),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://x/y"}}, Media(kind="image", url="https://x/y")),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, Media(kind="image", file_id="f")),
        (
            {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
            Media(kind="file", text="x", media_type="text/plain", filename="T"),
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
                "citations": {"enabled": True},
            },
            Media(
                kind="file",
                data="AA",
                media_type="application/pdf",
                extra={"anthropic_messages": {"citations": {"enabled": True}}},
            ),
        ),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, Media(kind="file", file_id="f")),
    ],
)
def test_images_and_documents(block: dict[str, Any], part: Media) -> None:
    assert parts(block) == (part,)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "mcp_tool_use", "id": "s", "name": "n", "server_name": "m", "input": {}},
        {"type": "container_upload", "file_id": "f"},
        {"type": "compaction", "content": "So far."},
        {"type": "search_result", "source": "https://x", "title": "T", "content": [{"type": "text", "text": "x"}]},
        {"type": "document", "source": {"type": "content", "content": "x"}},
        {"type": "novelty"},
    ],
)
def test_what_only_anthropic_has_stays_as_it_is(block: dict[str, Any]) -> None:
    (part,) = parts(block)
    assert isinstance(part, Native)
    assert (part.dialect, part.data) == ("anthropic_messages", block)


def test_a_breakpoint_of_an_hour_and_of_five_minutes() -> None:
    hour = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    five = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}
    assert [part.cache for part in parts(hour, five)] == [CacheMark("1h"), CacheMark("5m")]


def test_a_breakpoint_at_the_top_stands_on_the_last_block() -> None:
    control = {"type": "ephemeral", "ttl": "1h"}
    tree = request(cache_control=control, messages=[{"role": "user", "content": [{"type": "text", "text": "a"}]}])
    chat = DIALECT.decode_request(tree)
    (part,) = chat.messages[-1].parts
    assert isinstance(part, Text)
    assert part.cache == CacheMark("1h")
    assert DIALECT.encode_request(chat, Fit(model=chat.model)) == tree


def test_the_clients_tools_and_those_anthropic_defines() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    own = {
        "name": "add",
        "description": "Adds.",
        "input_schema": {"type": "object"},
        "strict": True,
        "defer_loading": True,
    }
    assert decoded(tools=[own, search]).tools == (
        Tool(
            name="add",
            description="Adds.",
            parameters={"type": "object"},
            strict=True,
            extra={"anthropic_messages": {"defer_loading": True}},
        ),
        NativeTool(dialect="anthropic_messages", data=search),
    )


@pytest.mark.parametrize(
    ("choice", "mode", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(mode="auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(mode="required"), False),
        ({"type": "tool", "name": "f"}, ToolChoice(mode="tool", name="f"), None),
        ({"type": "none"}, ToolChoice(mode="none"), None),
    ],
)
def test_the_choice_among_tools(choice: dict[str, Any], mode: ToolChoice, parallel: bool | None) -> None:
    chat = decoded(tool_choice=choice)
    assert (chat.tool_choice, chat.parallel_tool_calls) == (mode, parallel)


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Thinking(enabled=True, budget_tokens=2048)),
        ({"thinking": {"type": "disabled"}}, Thinking(enabled=False)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Thinking(adaptive=True, include=False)),
        ({"output_config": {"effort": "max"}}, Thinking(effort="max")),
    ],
)
def test_how_much_to_think(members: dict[str, Any], thinking: Thinking) -> None:
    assert decoded(**members).thinking == thinking


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_a_schema_for_the_answer_in_either_place(place: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    chat = decoded(**{place: {"format": form} if place == "output_config" else form})
    assert chat.format is not None
    assert (chat.format.kind, chat.format.schema) == ("json_schema", {"type": "object"})


def test_another_vendors_signatures_come_back_to_the_parts_they_sign() -> None:
    found = parts(
        {"type": "thinking", "thinking": "Hm.", "signature": "hg1.openai.redacted.enc"},
        {"type": "redacted_thinking", "data": "hg1.gemini.call.sig"},
        {"type": "tool_use", "id": "1", "name": "f", "input": {}},
        {"type": "text", "text": "t"},
        {"type": "redacted_thinking", "data": "hg1.gemini.text.sig2"},
        role="assistant",
    )
    assert found == (
        Reasoning(text="Hm.", redacted=Signature("openai", "enc")),
        ToolCall(id="1", name="f", arguments="{}", signature=Signature("gemini", "sig")),
        Text(text="t", signature=Signature("gemini", "sig2")),
    )


def test_members_nobody_knows_are_kept_under_their_name() -> None:
    chat = decoded(container="c", novelty=1)
    assert chat.extra == {"anthropic_messages": {"container": "c", "novelty": 1}}


def user(*blocks: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": 1}, "model"),
        ({"model": None}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": {}}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": user("x")}, "messages[0].content[0]"),
        ({"messages": user({"text": "x"})}, "messages[0].content[0].type"),
        ({"messages": user({"type": "text", "text": 1})}, "messages[0].content[0].text"),
        ({"messages": user({"type": "text", "text": "", "citations": [1]})}, "messages[0].content[0].citations[0]"),
        ({"messages": user({"type": "image"})}, "messages[0].content[0].source"),
        (
            {"messages": user({"type": "image", "source": {"type": "url"}})},
            "messages[0].content[0].source.url",
        ),
        (
            {"messages": user({"type": "tool_use", "id": "1", "name": "f", "input": "{}"})},
            "messages[0].content[0].input",
        ),
        ({"messages": user({"type": "tool_result", "tool_use_id": "t"})}, "messages[0].content[0].tool_use_id"),
        (
            {"messages": user({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "2h"}})},
            "messages[0].content[0].cache_control",
        ),
        ({"cache_control": {"type": "forever"}}, "cache_control"),
        ({"system": 1}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": 1.0}, "top_k"),
        ({"stop_sequences": ["x", 1]}, "stop_sequences[1]"),
        ({"tools": [1]}, "tools[0]"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tool_choice": {"type": "required"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"budget_tokens": 1}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": "1"}}, "thinking.budget_tokens"),
        ({"output_config": {"effort": 3}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "json"}}}, "output_config.format.type"),
        ({"output_format": {"type": "json_schema"}}, "output_format.schema"),
        ({"metadata": {"user_id": 1}}, "metadata.user_id"),
    ],
)
def test_a_wrong_member_is_refused_by_its_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(**members)
    assert caught.value.param == param
    assert param in caught.value.message


def test_messages_without_content_may_hold_settings() -> None:
    messages = [HELLO, {"role": "system", "output_config": {"effort": "low"}}]
    assert decoded(messages=messages).messages[1] == Message(
        role="system", parts=(), extra={"anthropic_messages": {"output_config": {"effort": "low"}}}
    )
