"""Requests of the Responses API as chats, and back."""

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
    Reasoning,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import BadRequest

DIALECT = dialects.get("openai_responses")
NAME = DIALECT.name
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a": 1}'}


def decoded(**members: Any) -> Chat:
    return DIALECT.decode_request({"model": "m", "input": "Hello", **members})


def refused(**members: Any) -> str | None:
    with pytest.raises(BadRequest) as caught:
        decoded(**members)
    return caught.value.param


def again(chat: Chat) -> dict[str, Any]:
    return DIALECT.encode_request(chat, Fit(model="m", dropped=[]))


def part(content: dict[str, Any]) -> Any:
    [message] = decoded(input=[{"role": "user", "content": [content]}]).messages
    return message.parts[0]


def test_a_string_is_what_the_user_says() -> None:
    [message] = decoded().messages
    assert (message.role, message.parts) == ("user", (Text(text="Hello"),))


def test_instructions_stand_in_front_as_a_system_message() -> None:
    first, second = decoded(instructions="Be kind.").messages
    assert (first.role, first.parts[0]) == ("system", Text(text="Be kind."))
    assert second.role == "user"


def test_items_of_one_turn_are_one_message_and_results_know_their_tools() -> None:
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc"},
        {"role": "assistant", "content": "Looking."},
        CALL,
        {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "ls"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "a.txt"}]},
    ]
    chat = decoded(input=items)
    assert [message.role for message in chat.messages] == ["developer", "user", "assistant", "user"]
    reasoning, text, call, custom = chat.messages[2].parts
    assert isinstance(reasoning, Reasoning)
    assert reasoning.redacted == Signature("openai", "enc")
    assert isinstance(text, Text)
    assert (call.name, custom.kind) == ("look", "custom")  # type: ignore[union-attr]
    first, second = chat.messages[3].parts
    assert isinstance(first, ToolResult)
    assert isinstance(second, ToolResult)
    assert (first.call_id, first.name, first.kind) == ("c1", "look", "function")
    assert (second.call_id, second.name, second.kind) == ("c2", "run", "custom")
    assert again(chat)["input"] == items


def test_reasoning_with_several_summaries_is_signed_at_its_end() -> None:
    summary = [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]
    item = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "enc"}
    chat = decoded(input=[item])
    first, second = chat.messages[0].parts
    assert isinstance(first, Reasoning)
    assert isinstance(second, Reasoning)
    assert (first.text, first.signature, first.summarised) == ("one", None, True)
    assert (second.text, second.signature) == ("two", Signature("openai", "enc"))
    assert again(chat)["input"] == [item]


def test_signatures_of_other_vendors_come_back_to_where_they_belong() -> None:
    items = [
        {"type": "reasoning", "summary": [], "encrypted_content": "hg1.gemini.call.sig"},
        CALL,
        {"type": "reasoning", "summary": [], "encrypted_content": "hg1.gemini.prior_call.late"},
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "hg1.anthropic.reasoning.s",
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "hg1.anthropic.redacted.r"},
    ]
    call, thought, hidden = decoded(input=items).messages[0].parts
    assert isinstance(call, ToolCall)
    assert isinstance(thought, Reasoning)
    assert isinstance(hidden, Reasoning)
    assert call.signature == Signature("gemini", "late")
    assert thought.signature == Signature("anthropic", "s")
    assert hidden.redacted == Signature("anthropic", "r")
    assert [item["type"] for item in again(decoded(input=items))["input"]] == ["function_call"]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ({"image_url": "data:image/png;base64,AAAA"}, Media(kind="image", data="AAAA", media_type="image/png")),
        (
            {"image_url": "https://e.org/a.png", "detail": "low"},
            Media(kind="image", url="https://e.org/a.png", detail="low"),
        ),
        ({"file_id": "file-1"}, Media(kind="image", file_id="file-1")),
        ({"image_url": "data:image/svg+xml,<svg/>"}, Media(kind="image", url="data:image/svg+xml,<svg/>")),
    ],
)
def test_images_come_as_data_urls_or_file_ids(content: dict[str, Any], wanted: Media) -> None:
    found = part({"type": "input_image", **content})
    assert (found.kind, found.data, found.url, found.file_id) == (wanted.kind, wanted.data, wanted.url, wanted.file_id)
    assert (found.media_type, found.detail) == (wanted.media_type, wanted.detail)


def test_files_come_as_data_urls_bare_base64_urls_or_file_ids() -> None:
    named = part({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"})
    assert (named.kind, named.data, named.media_type, named.filename) == ("file", "AA", "application/pdf", "a.pdf")
    assert part({"type": "input_file", "file_data": "AA"}).data == "AA"
    assert part({"type": "input_file", "file_url": "https://e.org/a.pdf"}).url == "https://e.org/a.pdf"
    assert part({"type": "input_file", "file_id": "f"}).file_id == "f"


def test_a_cache_breakpoint_is_a_cache_mark() -> None:
    found = part({"type": "input_text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit"}})
    assert found.cache == CacheMark()


def test_what_only_this_api_has_stays_whole_and_is_written_back() -> None:
    items = [
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_2"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        {"role": "user", "content": [{"type": "novelty", "x": 1}]},
    ]
    chat = decoded(input=items)
    assert [message.role for message in chat.messages] == ["assistant", "user", "user"]
    assert all(isinstance(each, Native) for message in chat.messages for each in message.parts)
    assert again(chat)["input"] == items


def test_settings_are_taken_in_the_hubs_terms() -> None:
    chat = decoded(
        max_output_tokens=9,
        temperature=0,
        top_p=0.5,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
        parallel_tool_calls=False,
        store=False,
        user="u",
        metadata={"k": "v"},
        service_tier="flex",
        prompt_cache_key="key",
        stream=True,
        reasoning={"effort": "low", "summary": "auto", "context": "all_turns"},
        text={"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
    )
    assert (chat.max_output_tokens, chat.temperature, chat.top_p, chat.top_logprobs) == (9, 0, 0.5, 2)
    assert (chat.logprobs, chat.parallel_tool_calls, chat.store, chat.stream) == (True, False, False, True)
    assert (chat.user, chat.metadata, chat.service_tier, chat.cache_key) == ("u", {"k": "v"}, "flex", "key")
    assert chat.thinking == Thinking(enabled=True, effort="low", summary="auto", include=True)
    assert chat.verbosity == "low"
    assert chat.format == Format(kind="json_schema", name="n", schema={"type": "object"})
    assert chat.extra[NAME] == {"include": ["message.output_text.logprobs"], "reasoning.context": "all_turns"}


STATEFUL: dict[str, Any] = {
    "previous_response_id": "resp_1",
    "conversation": {"id": "conv_1"},
    "background": True,
    "prompt": {"id": "p"},
    "context_management": [{"type": "compaction"}],
    "truncation": "auto",
    "max_tool_calls": 3,
    "reasoning": {"mode": "pro"},
    "text": {"format": {"type": "grammar", "x": 1}},
    "tool_choice": {"type": "file_search"},
    "novelty": 1,
}


@pytest.mark.parametrize("name", STATEFUL)
def test_what_the_hub_cannot_say_survives_in_this_dialect_and_is_refused_by_name_in_others(name: str) -> None:
    chat = decoded(**{name: STATEFUL[name]})
    assert again(chat)[name] == STATEFUL[name]
    other = dialects.get("cohere_chat").name
    with pytest.raises(BadRequest) as caught:
        Fit(model="m", dropped=[]).refuse_foreign(chat.extra, other)
    assert (caught.value.param or "").split(".")[0] == name


def test_what_says_nothing_or_is_advice_is_no_reason_to_refuse() -> None:
    chat = decoded(
        previous_response_id=None,
        background=False,
        truncation="disabled",
        include=["reasoning.encrypted_content"],
        safety_identifier="s",
        tools=[],
        text={},
    )
    fit = Fit(model="m", dropped=[])
    fit.refuse_foreign(chat.extra, "cohere_chat")
    assert sorted(fit.dropped) == ["include", "safety_identifier"]


def test_tools_of_the_vendor_stay_as_they_are_beside_the_callers_own() -> None:
    tools = [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True, "defer_loading": True},
        {"type": "function", "name": "g", "parameters": None, "strict": None, "description": "d"},
        {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "web_search", "search_context_size": "low"},
    ]
    chat = decoded(tools=tools)
    assert isinstance(chat.tools[3], NativeTool)
    assert [tool.kind for tool in chat.tools[:3]] == ["function", "function", "custom"]  # type: ignore[union-attr]
    assert again(chat)["tools"] == tools


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("required", ToolChoice(mode="required")),
        ({"type": "function", "name": "f"}, ToolChoice(mode="tool", name="f")),
        ({"type": "custom", "name": "c"}, ToolChoice(mode="tool", name="c")),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice(mode="auto", allowed=("f",)),
        ),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "x"}]}, None),
        ({"type": "mcp", "server_label": "x"}, None),
    ],
)
def test_every_form_of_tool_choice_is_understood_or_kept(given: Any, wanted: ToolChoice | None) -> None:
    tools = [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]
    chat = decoded(tools=tools, tool_choice=given)
    assert chat.tool_choice == wanted
    assert again(chat)["tool_choice"] == given


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": 1}, "model"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": [3]}, "input[0]"),
        ({"input": [{"content": "x"}]}, "input[0].type"),
        ({"input": [{"type": 7}]}, "input[0].type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{**CALL, "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "call_id": "c9", "output": ""}]}, "input[0].call_id"),
        ({"input": [CALL, {"type": "function_call_output", "call_id": "c1", "output": 4}]}, "input[1].output"),
        ({"input": [{"type": "reasoning", "summary": [{"type": "summary_text"}]}]}, "input[0].summary[0].text"),
        ({"instructions": ["x"]}, "instructions"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"text": {"format": {}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "none"}}, "tool_choice.mode"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": []}]}},
            "tool_choice.tools[0].type",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_path(members: dict[str, Any], param: str) -> None:
    assert refused(**members) == param


def test_a_result_may_answer_a_call_that_the_vendor_has_stored() -> None:
    result = {"type": "function_call_output", "call_id": "c9", "output": "x"}
    for state in ({"previous_response_id": "resp_1"}, {"conversation": "conv_1"}):
        assert decoded(input=[result], **state).messages
    assert decoded(input=[{"type": "item_reference", "id": "fc_1"}, result]).messages


def test_input_may_be_absent_where_the_vendor_holds_it() -> None:
    assert DIALECT.decode_request({"model": "m", "prompt": {"id": "p"}}).messages == ()


def test_refusals_and_citations_of_an_earlier_turn_are_kept() -> None:
    content = [
        {
            "type": "output_text",
            "text": "a",
            "annotations": [{"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}],
        },
        {"type": "refusal", "refusal": "no"},
    ]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    chat = decoded(input=[item])
    text, refusal = chat.messages[0].parts
    assert isinstance(text, Text)
    assert isinstance(refusal, Refusal)
    assert text.citations[0].url == "u"
    assert refusal.text == "no"
    assert again(chat)["input"] == [item]


def test_a_message_is_a_hub_message_of_its_own_for_everybody_but_the_assistant() -> None:
    items = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    assert [type(each) for each in decoded(input=items).messages] == [Message, Message]
