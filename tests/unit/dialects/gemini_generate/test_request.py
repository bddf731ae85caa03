"""What a hub request becomes as a body of generateContent."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.dialects import get
from headgate.dialects.base import Fit, Quirks
from headgate.dialects.gemini_generate.contents import DUMMY
from headgate.dialects.gemini_generate.names import made_id
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

DIALECT = get("gemini_generate")
NEW = "gemini-3-flash-preview"
OLD = "gemini-2.5-flash"
WEATHER = Tool(name="weather", description="The weather.", parameters={"type": "object", "properties": {}})


def message(role: Role, *parts: Part | str) -> Message:
    return Message(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def fit(model: str = NEW, drop: bool = False, **quirks: Any) -> Fit:
    return Fit(model=model, drop=drop, dropped=[], quirks=Quirks(**quirks))


def encode(*messages: Message, to: Fit | None = None, **fields: Any) -> Any:
    to = to or fit()
    return DIALECT.encode_request(Chat(model=to.model, messages=messages, **fields), to)


HELLO = message("user", "Hello")
CALL = ToolCall(id="call_1", name="weather", arguments='{"city": "Rome"}')


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_request_is_its_contents_and_no_more() -> None:
    assert encode(HELLO) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def test_leading_system_and_developer_messages_are_the_instruction() -> None:
    body = encode(message("system", "Be brief."), message("developer", "Be kind."), HELLO)
    assert body["systemInstruction"] == {"role": "user", "parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert len(body["contents"]) == 1


def test_a_later_system_message_keeps_its_place_between_tags() -> None:
    body = encode(HELLO, message("assistant", "Hi"), message("system", "Now in French."), message("user", "And you?"))
    assert "systemInstruction" not in body
    last = body["contents"][-1]
    assert last == {"role": "user", "parts": [{"text": "<system>\nNow in French.\n</system>"}, {"text": "And you?"}]}


def test_an_instruction_alone_becomes_the_turn_there_has_to_be() -> None:
    body = encode(message("system", "Say hello."))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}


def test_neighbouring_messages_of_one_role_are_one_content() -> None:
    body = encode(HELLO, message("user", "there"), message("assistant", "a"), message("assistant", "b"))
    assert [(each["role"], len(each["parts"])) for each in body["contents"]] == [("user", 2), ("model", 2)]


def test_empty_texts_are_left_out_of_a_turn_that_says_something_and_kept_in_one_that_does_not() -> None:
    body = encode(message("user", ""), message("assistant", "", CALL), message("user", "", "Hello"))
    assert [len(each["parts"]) for each in body["contents"]] == [1, 1, 1]
    assert body["contents"][0]["parts"] == [{"text": ""}]
    assert "functionCall" in body["contents"][1]["parts"][0]


def test_a_refusal_of_an_earlier_turn_is_text() -> None:
    assert encode(HELLO, message("assistant", Refusal(text="No.")))["contents"][1]["parts"] == [{"text": "No."}]


def test_a_speakers_name_is_noted_as_left_out() -> None:
    to = fit()
    encode(Message(role="user", parts=(Text(text="Hi"),), name="Ann"), HELLO, to=to)
    assert to.dropped == ["name"]


def test_cache_marks_are_noted_once_and_never_refused() -> None:
    to = fit()
    mark = CacheMark()
    encode(message("user", Text(text="a", cache=mark), Text(text="b", cache=mark)), to=to)
    assert to.dropped == ["cache_control"]


# ── media ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (
            Media(kind="image", data="QUJD", media_type="image/png"),
            {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
        ),
        (
            Media(kind="file", data="QUJD", filename="a.PDF"),
            {"inlineData": {"mimeType": "application/pdf", "data": "QUJD"}},
        ),
        (
            Media(kind="image", url="https://example.com/a.jpg?size=1"),
            {"fileData": {"fileUri": "https://example.com/a.jpg?size=1", "mimeType": "image/jpeg"}},
        ),
        (Media(kind="image", url="https://example.com/a"), {"fileData": {"fileUri": "https://example.com/a"}}),
        (
            Media(kind="video", url="https://youtu.be/abc"),
            {"fileData": {"fileUri": "https://youtu.be/abc", "mimeType": "video/mp4"}},
        ),
        (
            Media(kind="audio", url="gs://bucket/a", media_type="audio/wav"),
            {"fileData": {"fileUri": "gs://bucket/a", "mimeType": "audio/wav"}},
        ),
        (
            Media(kind="file", file_id="files/abc", media_type="text/csv"),
            {
                "fileData": {
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                    "mimeType": "text/csv",
                }
            },
        ),
        (Media(kind="file", text="plain words"), {"text": "plain words"}),
    ],
)
def test_media_goes_inline_or_by_address(media: Media, part: Any) -> None:
    assert encode(message("user", media))["contents"][0]["parts"] == [part]


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="file", file_id="file-abc123"),
        Media(kind="image", url="file:///etc/passwd"),
        Media(kind="image", url="http://[broken"),
        Media(kind="file", data="QUJD"),
    ],
)
def test_media_gemini_cannot_read_is_refused_by_name(media: Media) -> None:
    with pytest.raises(Unsupported) as raised:
        encode(message("user", "Look:", media))
    assert raised.value.param == "messages[0].content[0]"


def test_media_gemini_cannot_read_is_left_out_where_that_is_allowed() -> None:
    to = fit(drop=True)
    body = encode(message("user", "Look:", Media(kind="file", file_id="file-1")), to=to)
    assert body["contents"][0]["parts"] == [{"text": "Look:"}]
    assert to.dropped == ["messages[0].content[0]"]


def test_the_wanted_detail_of_an_image_is_noted() -> None:
    to = fit()
    encode(message("user", Media(kind="image", data="QUJD", media_type="image/png", detail="low")), to=to)
    assert to.dropped == ["detail"]


# ── tool calls and results ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_and_its_result_keep_their_id_and_the_result_gets_the_calls_name() -> None:
    result = ToolResult(call_id="call_1", parts=(Text(text="sunny"),))
    body = encode(HELLO, message("assistant", CALL), message("user", result), to=fit(OLD))
    assert body["contents"][1]["parts"] == [
        {"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "call_1"}}
    ]
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"name": "weather", "response": {"output": "sunny"}, "id": "call_1"}}
    ]


def test_an_id_of_our_making_is_not_told_to_the_vendor() -> None:
    made = made_id("r", 0, 0, "weather", "{}")
    call = ToolCall(id=made, name="weather", arguments="{}")
    result = ToolResult(call_id=made, parts=(Text(text="sunny"),))
    body = encode(HELLO, message("assistant", call), message("user", result))
    assert "id" not in body["contents"][1]["parts"][0]["functionCall"]
    assert body["contents"][2]["parts"][0]["functionResponse"]["name"] == "weather"
    assert "id" not in body["contents"][2]["parts"][0]["functionResponse"]


def test_results_of_one_turn_stand_together_before_everything_else_of_it() -> None:
    second = ToolCall(id="call_2", name="time", arguments="")
    body = encode(
        HELLO,
        message("assistant", CALL, second),
        message("user", ToolResult(call_id="call_1", parts=(Text(text="sunny"),))),
        message("user", "By the way", ToolResult(call_id="call_2", parts=(Text(text="noon"),))),
    )
    assert [[*part] for part in body["contents"][2]["parts"]] == [["functionResponse"], ["functionResponse"]]
    assert body["contents"][3]["parts"] == [{"text": "By the way"}]


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (ToolResult(call_id="call_1"), {}),
        (ToolResult(call_id="call_1", parts=(Text(text="a"), Text(text="b"))), {"output": ["a", "b"]}),
        (ToolResult(call_id="call_1", parts=(Text(text="no net"),), is_error=True), {"error": "no net"}),
    ],
)
def test_what_a_tool_gave_back_is_output_or_error(result: ToolResult, response: Any) -> None:
    body = encode(HELLO, message("assistant", CALL), message("user", result))
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == response


def test_pictures_in_a_result_are_inside_it_from_gemini_3_on_and_beside_it_before() -> None:
    picture = Media(kind="image", data="QUJD", media_type="image/png")
    result = ToolResult(call_id="call_1", parts=(picture,))
    inline = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    body = encode(HELLO, message("assistant", CALL), message("user", result))
    assert body["contents"][2]["parts"][0]["functionResponse"]["parts"] == [inline]
    body = encode(HELLO, message("assistant", CALL), message("user", result), to=fit(OLD))
    assert "parts" not in body["contents"][2]["parts"][0]["functionResponse"]
    assert body["contents"][3]["parts"][1] == inline


def test_a_result_without_its_call_is_a_clear_refusal() -> None:
    with pytest.raises(Unsupported) as raised:
        encode(HELLO, message("user", ToolResult(call_id="call_9")))
    assert raised.value.param == "messages[1]"
    assert "call_9" in raised.value.message


@pytest.mark.parametrize("arguments", ["[1]", "{broken", "7"])
def test_arguments_that_are_no_object_are_refused_by_name(arguments: str) -> None:
    with pytest.raises(Unsupported) as raised:
        encode(HELLO, message("assistant", ToolCall(id="1", name="weather", arguments=arguments)))
    assert raised.value.param == "messages[1].tool_calls"


def test_a_custom_tools_call_is_refused() -> None:
    with pytest.raises(Unsupported):
        encode(HELLO, message("assistant", ToolCall(id="1", name="shell", arguments="ls", kind="custom")))


def test_a_part_only_another_vendor_has_is_refused_and_ours_goes_back_as_it_was() -> None:
    data = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"}
    body = encode(HELLO, message("assistant", Native(dialect="gemini_generate", data=data)))
    assert body["contents"][1]["parts"] == [data]
    with pytest.raises(Unsupported) as raised:
        encode(HELLO, message("assistant", Native(dialect="anthropic_messages", data={"type": "server_tool_use"})))
    assert "server_tool_use" in raised.value.message


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_our_vendors_signatures_go_back_and_foreign_ones_do_not() -> None:
    mine, foreign = Signature("gemini", "bWluZQ=="), Signature("anthropic", "Zm9y")
    body = encode(
        HELLO,
        message(
            "assistant",
            Reasoning(text="hm", summarised=True, signature=mine),
            Reasoning(text="foreign", signature=foreign),
            Reasoning(text="unsigned"),
            Reasoning(signature=mine),
            Text(text="Hi", signature=mine),
            Text(text="Ho", signature=foreign),
        ),
    )
    assert body["contents"][1]["parts"] == [
        {"text": "hm", "thoughtSignature": "bWluZQ==", "thought": True},
        {"text": "", "thoughtSignature": "bWluZQ=="},
        {"text": "Hi", "thoughtSignature": "bWluZQ=="},
        {"text": "Ho"},
    ]


def test_the_first_unsigned_call_of_a_turn_gets_the_documented_dummy_from_gemini_3_on() -> None:
    other = ToolCall(id="call_2", name="time", arguments="{}")
    for model, expected in ((NEW, [DUMMY, None]), ("gemini-flash-latest", [DUMMY, None]), (OLD, [None, None])):
        body = encode(HELLO, message("assistant", CALL), message("assistant", other), to=fit(model))
        assert [part.get("thoughtSignature") for part in body["contents"][1]["parts"]] == expected


def test_a_signed_call_needs_no_dummy() -> None:
    signed = ToolCall(id="call_1", name="weather", arguments="{}", signature=Signature("gemini", "bWluZQ=="))
    body = encode(HELLO, message("assistant", signed, CALL))
    assert [part.get("thoughtSignature") for part in body["contents"][1]["parts"]] == ["bWluZQ==", None]


# ── tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_functions_are_declared_with_their_json_schema_beside_the_vendors_own_tools() -> None:
    search = NativeTool(dialect="gemini_generate", data={"googleSearch": {}})
    body = encode(HELLO, tools=(WEATHER, search))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "weather",
                    "description": "The weather.",
                    "parametersJsonSchema": {"type": "object", "properties": {}},
                }
            ]
        },
        {"googleSearch": {}},
    ]
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="required", allowed=("weather",)), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
        (ToolChoice(mode="auto", allowed=("weather",)), {"mode": "VALIDATED", "allowedFunctionNames": ["weather"]}),
        (ToolChoice(mode="tool", name="weather"), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ],
)
def test_tool_choice_is_a_calling_mode(choice: ToolChoice, config: Any) -> None:
    body = encode(HELLO, tools=(WEATHER,), tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": config}


def test_strict_tools_are_validated_where_the_model_can() -> None:
    strict = Tool(name="weather", parameters={"type": "object"}, strict=True)
    assert encode(HELLO, tools=(strict,))["toolConfig"]["functionCallingConfig"] == {"mode": "VALIDATED"}
    older = fit("gemini-2.0-flash")
    assert "toolConfig" not in encode(HELLO, tools=(strict,), to=older)
    assert older.dropped == ["strict"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": (WEATHER,), "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": (Tool(name="shell", kind="custom"),)}, "tools[0]"),
        ({"tools": (WEATHER, NativeTool(dialect="openai_responses", data={"type": "web_search"}))}, "tools[1]"),
        ({"min_p": 0.1}, "min_p"),
        ({"verbosity": "low"}, "verbosity"),
        ({"extra": {"openai_chat": {"logit_bias": {"1": 2}}}}, "logit_bias"),
        ({"stop": ("a", "b", "c")}, "stop"),
    ],
)
def test_what_gemini_cannot_do_is_refused_by_name_or_dropped_with_a_note(fields: Any, param: str) -> None:
    with pytest.raises(Unsupported) as raised:
        encode(HELLO, to=fit(stop_limit=2), **fields)
    assert raised.value.param == param
    lenient = fit(drop=True, stop_limit=2)
    encode(HELLO, to=lenient, **fields)
    assert lenient.dropped == [param]


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_setting_with_a_name_at_gemini_is_sent() -> None:
    body = encode(
        HELLO,
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        max_output_tokens=9,
        seed=1,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        choices=2,
        stop=("x",),
        logprobs=True,
        top_logprobs=4,
        modalities=("text", "image"),
    )
    assert body["generationConfig"] == {
        "temperature": 0.0,
        "topP": 0.5,
        "topK": 3,
        "maxOutputTokens": 9,
        "seed": 1,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "candidateCount": 2,
        "stopSequences": ["x"],
        "responseLogprobs": True,
        "logprobs": 4,
        "responseModalities": ["TEXT", "IMAGE"],
    }


@pytest.mark.parametrize(
    ("format", "config"),
    [
        (Format(kind="json"), {"responseMimeType": "application/json"}),
        (
            Format(kind="json_schema", schema={"type": "object"}, name="city", strict=True, description="A city."),
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object", "description": "A city."},
            },
        ),
    ],
)
def test_structured_output_is_asked_for_by_schema(format: Format, config: Any) -> None:
    assert encode(HELLO, format=format)["generationConfig"] == config


def test_plain_text_needs_no_format() -> None:
    assert "generationConfig" not in encode(HELLO, format=Format(kind="text"))


def test_advisory_fields_are_noted_and_never_refused() -> None:
    to = fit()
    encode(
        HELLO,
        to=to,
        user="u",
        metadata={"a": "b"},
        store=True,
        service_tier="flex",
        cache_key="k",
        extra={"openai_chat": {"safety_identifier": "s"}},
    )
    assert sorted(to.dropped) == sorted(
        ["user", "metadata", "store", "service_tier", "prompt_cache_key", "safety_identifier"]
    )


def test_members_of_our_own_body_are_merged_whatever_dialect_the_client_speaks() -> None:
    extra = {
        "openai_chat": {
            "cachedContent": "cachedContents/1",
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
        }
    }
    body = encode(HELLO, temperature=1.0, extra=extra)
    assert body["cachedContent"] == "cachedContents/1"
    assert body["safetySettings"][0]["threshold"] == "BLOCK_NONE"
    assert body["generationConfig"] == {"temperature": 1.0, "mediaResolution": "MEDIA_RESOLUTION_LOW"}


def test_a_field_this_provider_does_not_take_is_refused() -> None:
    with pytest.raises(Unsupported) as raised:
        encode(HELLO, temperature=1.0, to=fit(unsupported=frozenset({"generationConfig"})))
    assert raised.value.param == "generationConfig"


# ── thinking ────────────────────────────────────────────────────────────────────────────────────────────────────────

PRO3, PRO31, PRO25 = "gemini-3-pro-preview", "gemini-3.1-pro-preview", "gemini-2.5-pro"


@pytest.mark.parametrize(
    ("model", "thinking", "config"),
    [
        (NEW, Thinking(effort="minimal"), {"thinkingLevel": "minimal"}),
        (NEW, Thinking(effort="medium"), {"thinkingLevel": "medium"}),
        (NEW, Thinking(effort="max"), {"thinkingLevel": "high"}),
        (NEW, Thinking(effort="none"), {"thinkingLevel": "minimal"}),
        (NEW, Thinking(enabled=True, adaptive=True), {"includeThoughts": True}),
        (NEW, Thinking(budget_tokens=5000), {"thinkingBudget": 5000}),
        ("gemini-flash-latest", Thinking(effort="low"), {"thinkingLevel": "low"}),
        (PRO3, Thinking(effort="minimal"), {"thinkingLevel": "low"}),
        (PRO3, Thinking(effort="medium"), {"thinkingLevel": "high"}),
        (PRO31, Thinking(effort="medium"), {"thinkingLevel": "medium"}),
        (OLD, Thinking(effort="low"), {"thinkingBudget": 1024}),
        (OLD, Thinking(effort="medium", summary="auto"), {"thinkingBudget": 8192, "includeThoughts": True}),
        (OLD, Thinking(effort="max"), {"thinkingBudget": 24576}),
        (PRO25, Thinking(effort="max"), {"thinkingBudget": 32768}),
        (OLD, Thinking(effort="none"), {"thinkingBudget": 0}),
        (OLD, Thinking(enabled=False), {"thinkingBudget": 0}),
        (OLD, Thinking(adaptive=True, include=False), {"thinkingBudget": -1, "includeThoughts": False}),
        (OLD, Thinking(enabled=True, budget_tokens=60_000), {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-2.0-flash", Thinking(effort="none"), None),
        (NEW, Thinking(), None),
    ],
)
def test_thinking_is_said_in_the_words_of_the_models_generation(model: str, thinking: Thinking, config: Any) -> None:
    body = encode(HELLO, thinking=thinking, to=fit(model))
    assert body.get("generationConfig", {}).get("thinkingConfig") == config


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        (PRO25, Thinking(effort="none")),
        (PRO3, Thinking(enabled=False)),
        ("gemini-2.0-flash", Thinking(effort="high")),
        ("gemini-1.5-pro", Thinking(enabled=True, budget_tokens=2000)),
    ],
)
def test_thinking_a_model_cannot_do_or_stop_is_refused(model: str, thinking: Thinking) -> None:
    field = "reasoning_effort" if thinking.effort else "thinking"
    with pytest.raises(Unsupported) as raised:
        encode(HELLO, thinking=thinking, to=fit(model))
    assert raised.value.param == field
    lenient = fit(model, drop=True)
    assert "generationConfig" not in encode(HELLO, thinking=thinking, to=lenient)
    assert lenient.dropped == [field]


# ── paths ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-2.5-flash", False, "/v1beta/models/gemini-2.5-flash:generateContent"),
        ("models/gemini-2.5-flash", True, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", False, "/v1beta/tunedModels/mine:generateContent"),
        ("../x?y#z", False, "/v1beta/models/..%2Fx%3Fy%23z:generateContent"),
        ("models/a/../b", False, "/v1beta/models/a%2F..%2Fb:generateContent"),
    ],
)
def test_a_model_id_cannot_leave_its_place_in_the_path(model: str, stream: bool, path: str) -> None:
    assert DIALECT.path(model, stream) == path
