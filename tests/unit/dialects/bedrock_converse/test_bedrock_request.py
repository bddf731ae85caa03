"""Hub requests as Converse bodies."""

from __future__ import annotations

import base64
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
    Refusal,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.errors import BadRequest, Unsupported
from headgate.types import Payload

DIALECT = dialects.get("bedrock_converse")
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_ADAPTIVE = "us.anthropic.claude-sonnet-4-6"
NOVA = "us.amazon.nova-2-lite-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"
WEATHER = Tool(name="weather", description="Tells it", parameters={"type": "object", "properties": {}})


def user(*parts: Part) -> Message:
    return Message(role="user", parts=parts)


def assistant(*parts: Part) -> Message:
    return Message(role="assistant", parts=parts)


HELLO = user(Text(text="hello"))


def encode(*messages: Message, model: str = CLAUDE, fit: Fit | None = None, **members: Any) -> dict[str, Any]:
    chat = Chat(model="m", messages=messages or (HELLO,), **members)
    return DIALECT.encode_request(chat, fit or Fit(model=model, dropped=[]))


def dropped(*messages: Message, model: str = CLAUDE, **members: Any) -> list[str]:
    fit = Fit(model=model, drop=True, dropped=[])
    encode(*messages, fit=fit, **members)
    return fit.dropped


def refused(*messages: Message, model: str = CLAUDE, **members: Any) -> str | None:
    with pytest.raises(Unsupported) as caught:
        encode(*messages, model=model, **members)
    return caught.value.param


def test_a_plain_question_is_all_there_is() -> None:
    assert encode() == {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}


def test_the_path_escapes_colons_and_slashes_of_the_model() -> None:
    assert DIALECT.path("a.b-v1:0", False) == "/model/a.b-v1%3A0/converse"
    assert DIALECT.path("arn:aws:x/y", True) == "/model/arn%3Aaws%3Ax%2Fy/converse-stream"


def test_system_and_developer_messages_become_the_system_prompt_in_order() -> None:
    body = encode(
        Message(role="system", parts=(Text(text="one"),)), HELLO, Message(role="developer", parts=(Text(text="two"),))
    )
    assert body["system"] == [{"text": "one"}, {"text": "two"}]
    assert [each["role"] for each in body["messages"]] == ["user"]


def test_neighbours_of_one_role_become_one_message() -> None:
    body = encode(HELLO, user(Text(text="again")), assistant(Text(text="yes")), user(Text(text="so")))
    assert [each["role"] for each in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"] == [{"text": "hello"}, {"text": "again"}]


def test_blank_text_and_messages_without_content_are_left_out() -> None:
    body = encode(HELLO, assistant(Text(text=" \n")), user(Text(text=""), Text(text="x")))
    assert body["messages"] == [{"role": "user", "content": [{"text": "hello"}, {"text": "x"}]}]


def test_limits_and_sampling_go_to_inference_config() -> None:
    body = encode(max_output_tokens=5, temperature=0.5, top_p=0.9, stop=("END",))
    assert body["inferenceConfig"] == {"maxTokens": 5, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]}
    assert body["additionalModelResponseFieldPaths"] == ["/stop_sequence"]


def test_only_claude_is_asked_which_stop_sequence_it_met() -> None:
    assert "additionalModelResponseFieldPaths" not in encode(model=LLAMA, stop=("END",))


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 7}),
        (NOVA, {"inferenceConfig": {"topK": 7}}),
        ("cohere.command-r-v1:0", {"k": 7}),
    ],
)
def test_top_k_goes_where_each_family_has_it(model: str, fields: dict[str, Any]) -> None:
    assert encode(model=model, top_k=7)["additionalModelRequestFields"] == fields


def test_top_k_is_refused_where_the_family_has_none() -> None:
    assert refused(model=LLAMA, top_k=7) == "top_k"


@pytest.mark.parametrize(
    ("model", "thinking", "fields"),
    [
        (CLAUDE, Thinking(enabled=True, budget_tokens=2048), {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (CLAUDE, Thinking(effort="medium"), {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        (CLAUDE, Thinking(enabled=False), {"thinking": {"type": "disabled"}}),
        (
            CLAUDE_ADAPTIVE,
            Thinking(adaptive=True, include=True),
            {"thinking": {"type": "adaptive", "display": "summarized"}},
        ),
        (
            CLAUDE_ADAPTIVE,
            Thinking(effort="high"),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
        (NOVA, Thinking(effort="xhigh"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA, Thinking(effort="none"), {"reasoningConfig": {"type": "disabled"}}),
        ("openai.gpt-oss-120b-1:0", Thinking(effort="minimal"), {"reasoning_effort": "low"}),
        ("qwen.qwen3-32b-v1:0", Thinking(effort="high"), {"reasoning_config": "high"}),
    ],
)
def test_each_family_is_told_to_think_in_its_own_words(model: str, thinking: Thinking, fields: dict[str, Any]) -> None:
    assert encode(model=model, thinking=thinking)["additionalModelRequestFields"] == fields


def test_an_effort_becomes_a_budget_below_the_output_limit() -> None:
    body = encode(thinking=Thinking(effort="high"), max_output_tokens=3000)
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 2999


def test_an_output_limit_too_small_to_think_in_is_refused_by_name() -> None:
    assert refused(thinking=Thinking(effort="high"), max_output_tokens=500) == "reasoning_effort"


@pytest.mark.parametrize("model", [LLAMA, "us.amazon.nova-micro-v1:0", "arn:aws:bedrock:us-east-1:1:inference/x1"])
def test_thinking_is_refused_where_converse_has_no_word_for_it(model: str) -> None:
    assert refused(model=model, thinking=Thinking(enabled=True)) == "thinking"


def test_how_to_show_thoughts_alone_is_no_wish_to_think() -> None:
    assert "additionalModelRequestFields" not in encode(model=LLAMA, thinking=Thinking(summary="auto"))


def test_a_base_model_tells_what_an_inference_profile_is() -> None:
    fit = Fit(model="arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", base_model=CLAUDE, dropped=[])
    assert encode(fit=fit, top_k=3)["additionalModelRequestFields"] == {"top_k": 3}


def test_tools_and_their_choice() -> None:
    body = encode(tools=(WEATHER,), tool_choice=ToolChoice(mode="required"))
    spec = {"name": "weather", "description": "Tells it", "inputSchema": {"json": WEATHER.parameters}}
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}], "toolChoice": {"any": {}}}


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(mode="auto"), {"auto": {}}),
        (ToolChoice(mode="tool", name="weather"), {"tool": {"name": "weather"}}),
    ],
)
def test_each_choice_of_tools(choice: ToolChoice, written: dict[str, Any]) -> None:
    assert encode(tools=(WEATHER,), tool_choice=choice)["toolConfig"]["toolChoice"] == written


def test_a_choice_among_some_tools_declares_only_those() -> None:
    other = Tool(name="other", parameters={})
    body = encode(tools=(WEATHER, other), tool_choice=ToolChoice(mode="auto", allowed=("other",)))
    assert [each["toolSpec"]["name"] for each in body["toolConfig"]["tools"]] == ["other"]


def test_no_tools_allowed_means_none_declared() -> None:
    assert "toolConfig" not in encode(tools=(WEATHER,), tool_choice=ToolChoice(mode="none"))


CALLED = (
    HELLO,
    assistant(ToolCall(id="c1", name="weather", arguments='{"a":1}')),
    user(ToolResult(call_id="c1", parts=(Text(text="sun"),))),
)


def test_no_tools_allowed_is_refused_once_one_was_called() -> None:
    assert refused(*CALLED, tools=(WEATHER,), tool_choice=ToolChoice(mode="none")) == "tool_choice"


def test_called_tools_that_are_not_declared_are_refused() -> None:
    assert refused(*CALLED) == "tools"


def test_a_tool_call_and_its_failed_result() -> None:
    messages = (
        assistant(ToolCall(id="c1", name="weather", arguments='{"a":1}')),
        user(ToolResult(call_id="c1", parts=(Text(text="no"),), is_error=True), Text(text="well?")),
    )
    body = encode(*messages, tools=(WEATHER,))
    assert body["messages"] == [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"a": 1}}}]},
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "c1", "content": [{"text": "no"}], "status": "error"}},
                {"text": "well?"},
            ],
        },
    ]


def test_ids_converse_would_not_take_are_changed_alike_in_call_and_result() -> None:
    messages = (
        assistant(ToolCall(id="übel/" * 20, name="weather", arguments="")),
        user(ToolResult(call_id="übel/" * 20)),
    )
    body = encode(*messages, tools=(WEATHER,))
    call = body["messages"][0]["content"][0]["toolUse"]
    assert call["toolUseId"] == body["messages"][1]["content"][0]["toolResult"]["toolUseId"]
    assert call["toolUseId"].startswith("call_")
    assert call["input"] == {}


@pytest.mark.parametrize("arguments", ["[1]", "{", "1", "null"])
def test_arguments_that_are_no_object_are_the_callers_error(arguments: str) -> None:
    with pytest.raises(BadRequest) as caught:
        encode(assistant(ToolCall(id="c", name="weather", arguments=arguments)), tools=(WEATHER,))
    assert caught.value.param == "messages[0].content[0]"


def test_cache_marks_become_cache_points() -> None:
    body = encode(
        Message(role="system", parts=(Text(text="long", cache=CacheMark(ttl="1h")),)),
        user(Text(text="a", cache=CacheMark())),
        tools=(Tool(name="t", parameters={}, cache=CacheMark()),),
    )
    assert body["system"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default"}}
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}


def test_cache_marks_are_left_out_where_the_family_has_no_cache() -> None:
    tool = Tool(name="t", parameters={}, cache=CacheMark())
    assert dropped(user(Text(text="a", cache=CacheMark())), model=LLAMA) == ["cache_control"]
    assert dropped(HELLO, model=NOVA, tools=(tool,)) == ["cache_control"]


def test_signed_reasoning_goes_back_to_claude_only() -> None:
    thought = Reasoning(text="hm", signature=Signature("anthropic", "s"))
    hidden = Reasoning(redacted=Signature("anthropic", "abc"))
    foreign = Reasoning(text="x", signature=Signature("gemini", "g"))
    message = assistant(thought, hidden, foreign, Reasoning(text="bare"), Text(text="so"))
    assert encode(message)["messages"][0]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": base64.b64encode(b"abc").decode()}},
        {"text": "so"},
    ]
    assert encode(message, model=NOVA)["messages"][0]["content"] == [{"text": "so"}]


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (
            Media(kind="image", data="QQ==", media_type="image/png"),
            {"image": {"format": "png", "source": {"bytes": "QQ=="}}},
        ),
        (
            Media(kind="image", url="s3://b/k.JPG"),
            {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/k.JPG"}}}},
        ),
        (
            Media(kind="video", data="QQ==", media_type="video/3gpp"),
            {"video": {"format": "three_gp", "source": {"bytes": "QQ=="}}},
        ),
        (
            Media(kind="audio", data="QQ==", media_type="audio/wav"),
            {"audio": {"format": "wav", "source": {"bytes": "QQ=="}}},
        ),
        (
            Media(kind="file", data="QQ==", media_type="application/pdf", filename="a_b  c!.v2.pdf"),
            {"document": {"name": "a b c v2", "format": "pdf", "source": {"bytes": "QQ=="}}},
        ),
        (
            Media(kind="file", text="words"),
            {"document": {"name": "Document", "format": "txt", "source": {"text": "words"}}},
        ),
    ],
)
def test_media_of_each_kind(media: Media, block: dict[str, Any]) -> None:
    assert encode(user(media))["messages"][0]["content"] == [block]


def test_documents_of_one_name_are_told_apart() -> None:
    one = Media(kind="file", data="QQ==", media_type="text/csv", filename="data.csv")
    content = encode(user(one, one, one))["messages"][0]["content"]
    assert [each["document"]["name"] for each in content] == ["data", "data 2", "data 3"]


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="image", url="https://example.org/a.png"),
        Media(kind="image", file_id="file-1"),
        Media(kind="image", data="QQ==", media_type="image/tiff"),
        Media(kind="image", data="QQ=="),
    ],
)
def test_media_converse_cannot_take_are_refused_by_their_place(media: Media) -> None:
    assert refused(HELLO, user(Text(text="see"), media)) == "messages[1].content[1]"
    assert dropped(HELLO, user(Text(text="see"), media)) == ["messages[1].content[1]"]


def test_a_tools_result_may_hold_media() -> None:
    result = ToolResult(call_id="c", parts=(Media(kind="image", data="QQ==", media_type="image/gif"),))
    content = encode(user(result), tools=(WEATHER,))["messages"][0]["content"]
    assert content[0]["toolResult"]["content"] == [{"image": {"format": "gif", "source": {"bytes": "QQ=="}}}]


def test_a_schema_goes_to_output_config_as_text() -> None:
    body = encode(format=Format(kind="json_schema", schema={"type": "object"}, name="City", description="One"))
    assert body["outputConfig"]["textFormat"] == {
        "type": "json_schema",
        "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "City", "description": "One"}},
    }


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"format": Format(kind="json")}, "response_format"),
        ({"seed": 1}, "seed"),
        ({"min_p": 0.1}, "min_p"),
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"verbosity": "low"}, "verbosity"),
        ({"choices": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ("text", "audio")}, "modalities"),
        ({"parallel_tool_calls": False, "tools": (WEATHER,)}, "parallel_tool_calls"),
        ({"tools": (NativeTool(dialect="openai_responses", data={"type": "web_search"}),)}, "tools[0]"),
        ({"tools": (Tool(name="t", kind="custom"),)}, "tools[0]"),
        ({"extra": {"openai_chat": {"web_search_options": {}}}}, "web_search_options"),
    ],
)
def test_what_converse_cannot_say_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    assert refused(**members) == param
    assert param in dropped(**members)


def test_advice_is_noted_as_left_out() -> None:
    extra = {"openai_chat": {"safety_identifier": "u"}}
    told = dropped(user="u", metadata={"a": "b"}, cache_key="k", store=True, service_tier="scale", extra=extra)
    assert told == ["user", "metadata", "prompt_cache_key", "store", "service_tier", "safety_identifier"]


def test_a_member_of_another_dialect_that_is_null_asks_for_nothing() -> None:
    assert encode(extra={"openai_chat": {"web_search_options": None}}) == encode()


def test_what_is_left_out_often_is_noted_once() -> None:
    marked = Text(text="a", cache=CacheMark())
    assert dropped(user(marked, marked), model=LLAMA) == ["cache_control"]


def test_what_costs_nothing_to_honour_is_honoured() -> None:
    body = encode(choices=1, logprobs=False, modalities=("text",), parallel_tool_calls=True, service_tier="flex")
    assert body["serviceTier"] == {"type": "flex"}


def test_converses_own_members_pass_from_any_client_and_win() -> None:
    extra = {
        "openai_chat": {
            "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
            "performanceConfig": {"latency": "optimized"},
            "additionalModelRequestFields": {"top_k": 9, "other": True},
        }
    }
    body = encode(extra=extra, top_k=3)
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    assert body["performanceConfig"] == {"latency": "optimized"}
    assert body["additionalModelRequestFields"] == {"top_k": 9, "other": True}


def test_parts_of_this_dialect_pass_and_foreign_ones_are_refused() -> None:
    own = Native(dialect="bedrock_converse", data={"guardContent": {"text": {"text": "x"}}})
    assert encode(user(own))["messages"][0]["content"] == [own.data]
    assert refused(user(Native(dialect="openai_responses", data={}))) == "messages[0].content[0]"
    system = NativeTool(dialect="bedrock_converse", data={"systemTool": {"name": "nova_grounding"}})
    assert encode(model=NOVA, tools=(system,))["toolConfig"]["tools"] == [system.data]


def test_a_refusal_of_an_earlier_turn_is_text() -> None:
    assert encode(assistant(Refusal(text="no")))["messages"][0]["content"] == [{"text": "no"}]


def test_the_address_is_the_payload_itself_as_the_model_is_in_the_path() -> None:
    payload = Payload("bedrock_converse", tree={"messages": []})
    assert DIALECT.address(payload, "other") is payload
