"""Whole chat completions: what vendors mean by them, what clients are given, what is billed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from headgate import dialects
from headgate.dialects.base import Context
from headgate.dialects.hub import (
    Answer,
    Choice,
    Citation,
    Media,
    Native,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    Text,
    TokenLogprob,
    ToolCall,
)
from headgate.errors import ContextTooLong, HeadgateError, MalformedOutput, RateLimited
from headgate.types import Usage

DIALECT = dialects.get("openai_chat")
JSON = dict[str, Any]


def context(**asked: Any) -> Context:
    return Context(asked=asked, id="call", created=7)


def decoded(message: JSON | None = None, **members: Any) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": "a", **(message or {})}, "finish_reason": "stop"}
    return DIALECT.decode_answer({"id": "1", "created": 5, "model": "m", "choices": [choice], **members})


def bare(part: Any) -> Any:
    return type(part)(**{name: getattr(part, name) for name in part.__struct_fields__ if name != "extra"})


def parts(**message: Any) -> list[Any]:
    return [bare(part) for part in decoded(message).choices[0].parts]


def shown(*said: Part, stop: Stop | None = "end", **asked: Any) -> JSON:
    """The only choice a client is given."""
    answer = Answer(id="1", model="m", choices=(Choice(parts=said, stop=stop),))
    return DIALECT.encode_answer(answer, context(**asked))["choices"][0]


# ── from vendors ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_text_thoughts_refusal_and_calls_stand_in_the_order_a_model_makes_them() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert parts(tool_calls=[call], refusal="no", reasoning="hm") == [
        Reasoning(text="hm"),
        Text(text="a"),
        Refusal(text="no"),
        ToolCall(id="1", name="f", arguments="{}"),
    ]


def test_thoughts_of_mistral_stand_in_a_list_of_content() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True}
    assert parts(content=[thinking, {"type": "text", "text": "4"}]) == [Reasoning(text="hm"), Text(text="4")]


def test_signed_and_encrypted_thoughts_are_read_by_their_format() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1"},
        {"type": "reasoning.summary", "summary": "short", "format": "openai-responses-v1"},
        {"type": "reasoning.encrypted", "data": "d", "id": "rs", "format": "azure-openai-responses-v1"},
    ]
    assert parts(reasoning="hmshort", reasoning_details=details, content=None) == [
        Reasoning(text="hm", signature=Signature("anthropic", "s")),
        Reasoning(text="short", summarised=True),
        Reasoning(redacted=Signature("openai", "d"), id="rs"),
    ]


def test_arguments_that_came_as_an_object_are_text_in_the_hub() -> None:
    (_, call) = parts(tool_calls=[{"function": {"name": "f", "arguments": {"a": 1}}}])
    assert call == ToolCall(id="call_0", name="f", arguments='{"a":1}')


def test_a_call_of_a_kind_nobody_has_heard_of_stays_as_it_is() -> None:
    call = {"id": "1", "type": "novel", "novel": {}}
    assert parts(tool_calls=[call])[1] == Native(dialect="openai_chat", data=call)


def test_citations_of_urls_are_on_the_text() -> None:
    told = {"url": "u", "title": "t", "start_index": 0, "end_index": 1}
    (text,) = parts(annotations=[{"type": "url_citation", "url_citation": told}])
    assert [bare(each) for each in text.citations] == [Citation(url="u", title="t", start=0, end=1)]


def test_audio_and_images_are_media() -> None:
    audio = {"id": "x", "data": "AAAA", "transcript": "hey", "expires_at": 1}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}, "index": 0}
    assert parts(content=None, audio=audio, images=[image]) == [
        Media(kind="audio", data="AAAA", transcript="hey"),
        Media(kind="image", data="BBBB", media_type="image/png"),
    ]


def test_log_probabilities_are_on_the_text() -> None:
    rival = {"token": "b", "logprob": -2.0, "bytes": None}
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [rival]}
    choice = {"message": {"content": "a"}, "finish_reason": "stop", "logprobs": {"content": [token], "refusal": None}}
    (text,) = DIALECT.decode_answer({"choices": [choice]}).choices[0].parts
    assert isinstance(text, Text)
    assert text.logprobs == (TokenLogprob("a", -0.5, [97], (TokenLogprob("b", -2.0),)),)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", "end"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("model_length", "context"),
        ("error", "error"),
        ("", None),
        (None, None),
        ("novel", None),
    ],
)
def test_reasons_to_stop_are_those_of_the_hub(reason: str | None, stop: str | None) -> None:
    choice = {"message": {"content": "a"}, "finish_reason": reason}
    document = {"choices": [choice], "id": "1"}
    answer = DIALECT.decode_answer(document)
    assert answer.choices[0].stop == stop
    assert DIALECT.peek(json.dumps(document).encode()).stop == stop
    assert DIALECT.encode_answer(answer, context())["choices"][0]["finish_reason"] == reason


def test_a_time_in_fractions_of_seconds_is_a_whole_number_in_the_hub_and_comes_back() -> None:
    answer = decoded(created=5.25)
    assert answer.created == 5
    assert DIALECT.encode_answer(answer, context())["created"] == 5.25


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"choices": None},
        {"choices": {}},
        {"choices": [1]},
        {"choices": [{}]},
        {"choices": [{"message": 1}]},
        {"choices": [{"message": {"content": 1}}]},
        {"choices": [{"message": {"content": "a", "tool_calls": 1}}]},
        {"choices": [{"message": {"content": "a", "tool_calls": [{"function": {}}]}}]},
        {"choices": [{"message": {"content": "a", "reasoning": 1}}]},
        {"choices": [{"message": {"content": "a"}, "finish_reason": 1}]},
        {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [1]}}]},
        {"choices": [], "usage": {"prompt_tokens": "many"}},
        {"choices": [], "created": "today"},
    ],
)
def test_what_is_no_answer_is_malformed(document: JSON) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(document)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "code": 429}, RateLimited),
        ({"message": "too long", "code": "context_length_exceeded"}, ContextTooLong),
    ],
)
def test_an_error_in_spite_of_its_status_is_that_error(error: JSON, kind: type[HeadgateError]) -> None:
    with pytest.raises(kind):
        DIALECT.decode_answer({"error": error})
    with pytest.raises(kind):
        DIALECT.peek(json.dumps({"error": error}).encode())


# ── usage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(input_tokens=10, output_tokens=5)),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10, "cache_write_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 8, "image_tokens": 2},
            },
            Usage(
                input_tokens=25,
                cached_tokens=60,
                cache_write_5m_tokens=5,
                audio_input_tokens=10,
                output_tokens=40,
                reasoning_tokens=20,
                audio_output_tokens=8,
                image_output_tokens=2,
            ),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5},
            Usage(input_tokens=5, cached_tokens=4, output_tokens=1),
        ),
        ({"prompt_tokens": 9, "cached_tokens": 4}, Usage(input_tokens=5, cached_tokens=4)),
        ({"prompt_tokens": 9, "num_cached_tokens": 4}, Usage(input_tokens=5, cached_tokens=4)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 115,
                "completion_tokens_details": {"reasoning_tokens": 100},
            },
            Usage(input_tokens=10, output_tokens=105, reasoning_tokens=100),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 105,
                "total_tokens": 115,
                "completion_tokens_details": {"reasoning_tokens": 100},
            },
            Usage(input_tokens=10, output_tokens=105, reasoning_tokens=100),
        ),
        (
            {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 8}},
            Usage(input_tokens=2, cached_tokens=8, cache_write_5m_tokens=8),
        ),
        ({"prompt_tokens": 1, "server_tool_use_details": {"web_search_requests": 2}}, Usage(1, web_searches=2)),
        ({"prompt_tokens_details": None, "completion_tokens_details": None}, Usage()),
    ],
    ids=["plain", "openai", "deepseek", "together", "mistral", "xai", "not-xai", "written-and-read", "search", "null"],
)
def test_usage_is_in_disjoint_categories_whatever_the_vendor_calls_them(told: JSON, expected: Usage) -> None:
    assert decoded(usage=told).usage == expected
    assert DIALECT.peek(json.dumps({"choices": [], "usage": told}).encode()).usage == expected


def test_usage_of_another_dialect_is_put_in_openais_categories() -> None:
    usage = Usage(
        input_tokens=3,
        cached_tokens=10,
        cache_write_5m_tokens=4,
        cache_write_1h_tokens=1,
        output_tokens=7,
        reasoning_tokens=2,
        audio_input_tokens=5,
    )
    answer = Answer(id="1", model="m", choices=(), usage=usage)
    assert DIALECT.encode_answer(answer, context())["usage"] == {
        "prompt_tokens": 23,
        "completion_tokens": 7,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 5, "cache_write_tokens": 5},
        "completion_tokens_details": {
            "reasoning_tokens": 2,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


# ── to clients ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sdk_reads_an_answer_of_another_dialect() -> None:
    answer = Answer(
        id="",
        model="m",
        choices=(
            Choice(
                parts=(
                    Reasoning(text="hm", signature=Signature("anthropic", "s")),
                    Text(text="a", logprobs=(TokenLogprob("a", -1.0),)),
                    ToolCall(id="1", name="f", arguments="{}"),
                ),
                stop="tool_calls",
            ),
        ),
        usage=Usage(input_tokens=1, output_tokens=2),
    )
    read = ChatCompletion.model_validate(DIALECT.encode_answer(answer, context()), strict=True)
    (choice,) = read.choices
    assert (read.id, read.created, choice.finish_reason) == ("chatcmpl-call", 7, "tool_calls")
    assert choice.message.content == "a"
    assert choice.message.tool_calls is not None
    assert choice.logprobs is not None
    assert read.usage is not None
    assert read.usage.total_tokens == 3


def test_signed_thoughts_go_out_as_text_and_as_details_with_their_proof() -> None:
    message = shown(
        Reasoning(text="hm", signature=Signature("anthropic", "s")),
        Reasoning(redacted=Signature("anthropic", "r")),
        Reasoning(text="other", signature=Signature("mistral", "m")),
    )["message"]
    assert message["reasoning_content"] == "hmother"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "hm", "signature": "s", "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "index": 1, "data": "r", "format": "anthropic-claude-v1"},
        {"type": "reasoning.text", "index": 2, "text": "other", "signature": "hg1.mistral.reasoning.m"},
    ]


def test_thoughts_nobody_signed_go_out_as_text_only() -> None:
    assert shown(Reasoning(text="hm"))["message"] == {"role": "assistant", "content": None, "reasoning_content": "hm"}


@pytest.mark.parametrize(("origin", "sent"), [("gemini", "g"), ("bedrock", "hg1.bedrock.call.g")])
def test_signatures_of_calls_go_out_where_google_puts_them(origin: str, sent: str) -> None:
    call = ToolCall(id="1", name="f", arguments="{}", signature=Signature(origin, "g"))
    (entry,) = shown(call)["message"]["tool_calls"]
    assert entry["extra_content"] == {"google": {"thought_signature": sent}}


def test_the_signature_of_a_text_goes_out_beside_it_and_comes_back() -> None:
    text = Text(text="a", signature=Signature("gemini", "g"))
    message = shown(text)["message"]
    assert message["extra_content"] == {"google": {"thought_signature": "g"}}
    (back,) = DIALECT.decode_request({"model": "m", "messages": [message]}).messages[0].parts
    assert back.signature == text.signature


def test_citations_count_from_the_start_of_all_the_text() -> None:
    message = shown(
        Text(text="abc"),
        Text(text="defg", citations=(Citation(url="u", title="t", start=1, end=2), Citation(url="v"))),
        Text(text="h", citations=(Citation(cited_text="of a document"),)),
    )["message"]
    assert message["content"] == "abcdefgh"
    assert [each["url_citation"] for each in message["annotations"]] == [
        {"url": "u", "title": "t", "start_index": 4, "end_index": 5},
        {"url": "v", "title": "", "start_index": 3, "end_index": 7},
    ]


def test_audio_and_images_go_out_in_their_members() -> None:
    message = shown(
        Media(kind="audio", data="AAAA", transcript="hey"), Media(kind="image", data="BBBB", media_type="image/webp")
    )["message"]
    assert message["audio"] == {"id": "", "data": "AAAA", "transcript": "hey", "expires_at": 0}
    assert message["images"] == [{"type": "image_url", "image_url": {"url": "data:image/webp;base64,BBBB"}}]


def test_parts_of_another_dialect_alone_are_left_out() -> None:
    assert shown(Native(dialect="anthropic_messages", data={}), Text(text="a"))["message"]["content"] == "a"


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end", "stop"),
        ("stop_sequence", "stop"),
        ("pause", "stop"),
        ("length", "length"),
        ("context", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
        ("error", "error"),
        (None, "stop"),
    ],
)
def test_clients_are_always_told_why_it_ended(stop: Stop | None, reason: str) -> None:
    assert shown(Text(text="a"), stop=stop)["finish_reason"] == reason


def test_calls_tell_why_it_ended_where_the_vendor_did_not() -> None:
    assert shown(ToolCall(id="1", name="f", arguments="{}"), stop=None)["finish_reason"] == "tool_calls"


def test_a_client_that_knows_functions_only_is_given_a_function_call() -> None:
    call = ToolCall(id="1", name="f", arguments="{}")
    choice = shown(call, stop="tool_calls", functions=[{"name": "f"}])
    assert choice["finish_reason"] == "function_call"
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f", "arguments": "{}"},
    }
