"""What answers of generateContent mean in the hub."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headgate.dialects import get
from headgate.dialects.gemini_generate.names import is_made
from headgate.dialects.hub import Answer, Media, Native, Reasoning, Signature, Text, TokenLogprob, ToolCall
from headgate.errors import MalformedOutput
from headgate.types import Usage

DIALECT = get("gemini_generate")
NAME = "gemini_generate"


def decode(*parts: Any, finish: str | None = "STOP", **members: Any) -> Answer:
    candidate: Any = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    candidate |= members.pop("candidate", {})
    return DIALECT.decode_answer(
        {"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-3-flash", **members}
    )


def test_a_text_answer() -> None:
    answer = decode({"text": "Hello"}, createTime="2026-01-02T03:04:05.678901Z")
    assert answer.choices[0].parts == (Text(text="Hello"),)
    assert (answer.id, answer.model, answer.created) == ("r1", "gemini-3-flash", 1767323045)
    assert answer.choices[0].stop == "end"


def test_thoughts_are_summarised_reasoning_and_signatures_stay_on_their_parts() -> None:
    signed = Signature("gemini", "c2ln")
    answer = decode(
        {"text": "hm", "thought": True},
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "x"}, "thoughtSignature": "c2ln"},
        {"text": "Hi", "thoughtSignature": "c2ln"},
    )
    assert answer.choices[0].parts == (
        Reasoning(text="hm", summarised=True),
        ToolCall(id="x", name="f", arguments='{"a":1}', signature=signed),
        Text(text="Hi", signature=signed),
    )
    assert answer.choices[0].stop == "tool_calls"


def test_a_signature_on_an_empty_text_belongs_to_what_came_before_it() -> None:
    signed = Signature("gemini", "c2ln")
    empty = {"text": "", "thoughtSignature": "c2ln"}
    assert decode({"text": "Hi"}, empty).choices[0].parts == (Text(text="Hi", signature=signed),)
    assert decode(empty).choices[0].parts == (Reasoning(signature=signed),)
    assert decode({"thoughtSignature": "c2ln"}).choices[0].parts == (Reasoning(signature=signed),)


def test_an_empty_text_says_nothing() -> None:
    assert decode({"text": ""}, {}, {"text": "a"}).choices[0].parts == (Text(text="a"),)


def test_calls_without_an_id_get_different_ones_that_are_always_the_same() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    first = decode(call, call)
    ids = [part.id for part in first.choices[0].parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert all(is_made(each) and len(each) <= 40 for each in ids)
    assert decode(call, call) == first


def test_generated_media_is_media_and_a_picture_thought_up_on_the_way_is_not() -> None:
    data = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    answer = decode({**data, "thought": True}, data, {"fileData": {"fileUri": "gs://b/a", "mimeType": "audio/wav"}})
    native, picture, linked = answer.choices[0].parts
    assert native == Native(dialect=NAME, data={**data, "thought": True})
    assert picture == Media(kind="image", data="QUJD", media_type="image/png")
    assert linked == Media(kind="audio", url="gs://b/a", media_type="audio/wav")


def test_code_and_unheard_of_parts_are_native() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    unheard = {"hologram": {"depth": 3}}
    assert decode(code, unheard).choices[0].parts == (
        Native(dialect=NAME, data=code, text="print(1)"),
        Native(dialect=NAME, data=unheard),
    )


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("STOP", "end"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("OTHER", "error"),
        ("UNHEARD_OF", "error"),
        ("FINISH_REASON_UNSPECIFIED", None),
        (None, None),
    ],
)
def test_finish_reasons(reason: str | None, stop: str | None) -> None:
    answer = decode({"text": "a"}, finish=reason)
    assert answer.choices[0].stop == stop
    assert answer.choices[0].extra.get(NAME, {}).get("finishReason") == reason


def test_a_cut_off_answer_with_a_call_is_cut_off() -> None:
    assert decode({"functionCall": {"name": "f"}}, finish="MAX_TOKENS").choices[0].stop == "length"


def test_a_refused_prompt_is_an_empty_filtered_answer_that_costs_nothing() -> None:
    tree = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"trafficType": "ON_DEMAND"},
        "responseId": "r",
    }
    answer = DIALECT.decode_answer(tree)
    assert (answer.choices[0].parts, answer.choices[0].stop) == ((), "content_filter")
    assert answer.usage == Usage()
    assert answer.extra[NAME]["promptFeedback"] == {"blockReason": "SAFETY"}
    peek = DIALECT.peek(msgspec.json.encode(tree))
    assert (peek.stop, peek.usage) == ("content_filter", Usage())


def test_several_candidates_are_several_choices() -> None:
    candidates = [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"} for text in ("a", "b")]
    answer = DIALECT.decode_answer({"candidates": candidates})
    assert [choice.parts for choice in answer.choices] == [(Text(text="a"),), (Text(text="b"),)]


def test_grounding_offsets_in_bytes_become_code_points() -> None:
    text = "Übers Wetter: 25°C in Köln."
    segment = "25°C in Köln."
    start = len(text[: text.index(segment)].encode())
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://example.com", "title": "Weather"}}],
        "groundingSupports": [
            {"segment": {"startIndex": start, "endIndex": len(text.encode()), "text": segment},
             "groundingChunkIndices": [0, 7]},
            {"segment": {"startIndex": 3, "text": "not there"}, "groundingChunkIndices": [0]},
        ],
        "webSearchQueries": ["weather", "weather", "", "köln"],
    }  # fmt: skip
    usage = {"promptTokenCount": 1}
    answer = decode({"text": text}, candidate={"groundingMetadata": grounding}, usageMetadata=usage)
    (part,) = answer.choices[0].parts
    assert isinstance(part, Text)
    (citation,) = part.citations
    assert text[citation.start : citation.end] == segment
    assert (citation.url, citation.title) == ("https://example.com", "Weather")
    assert answer.choices[0].extra[NAME]["groundingMetadata"] == grounding
    assert answer.usage is not None
    assert answer.usage.web_searches == 2


def test_older_models_bill_a_grounded_prompt_once() -> None:
    tree = {
        "candidates": [{"content": {}, "groundingMetadata": {"webSearchQueries": ["a", "b"]}}],
        "modelVersion": "gemini-2.5-flash",
        "usageMetadata": {"promptTokenCount": 1},
    }
    assert DIALECT.decode_answer(tree).usage.web_searches == 1
    assert DIALECT.peek(msgspec.json.encode(tree)).usage.web_searches == 1


def test_recited_sources_are_citations() -> None:
    sources = {"citationSources": [{"startIndex": 2, "endIndex": 3, "uri": "https://example.com"}, {"endIndex": 99}]}
    (part,) = decode({"text": "ünd"}, candidate={"citationMetadata": sources}).choices[0].parts
    assert isinstance(part, Text)
    assert [(each.start, each.end) for each in part.citations] == [(1, 2)]


def test_log_probabilities_stand_on_the_text() -> None:
    result = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.5, "tokenId": 7}, {"token": "!"}],
        "topCandidates": [
            {"candidates": [{"token": "Hi", "logProbability": -0.5}, {"token": "Ho", "logProbability": -2}]}
        ],
    }
    (part,) = decode({"text": "Hi!"}, candidate={"logprobsResult": result}).choices[0].parts
    assert isinstance(part, Text)
    assert part.logprobs == (
        TokenLogprob("Hi", -0.5, top=(TokenLogprob("Hi", -0.5), TokenLogprob("Ho", -2.0))),
        TokenLogprob("!", 0.0),
    )


def test_usage_is_in_disjoint_categories() -> None:
    metadata = {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 300,
        "candidatesTokenCount": 90,
        "thoughtsTokenCount": 40,
        "toolUsePromptTokenCount": 50,
        "totalTokenCount": 1180,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 400},
            {"modality": "IMAGE", "tokenCount": 350},
            {"modality": "AUDIO", "tokenCount": 250},
        ],
        "cacheTokensDetails": [
            {"modality": "IMAGE", "tokenCount": 100},
            {"modality": "AUDIO", "tokenCount": 80},
            {"modality": "TEXT", "tokenCount": 120},
        ],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 60}, {"modality": "TEXT", "tokenCount": 30}],
    }
    usage = decode({"text": "a"}, usageMetadata=metadata).usage
    assert usage == Usage(
        input_tokens=330,
        cached_tokens=220,
        audio_cached_tokens=80,
        audio_input_tokens=170,
        image_input_tokens=250,
        image_output_tokens=60,
        output_tokens=70,
        reasoning_tokens=40,
    )
    assert usage is not None
    assert usage.total_input_tokens + usage.total_output_tokens == metadata["totalTokenCount"]


def test_details_that_say_more_than_the_whole_never_make_a_count_negative() -> None:
    metadata = {
        "promptTokenCount": 5,
        "cachedContentTokenCount": 9,
        "candidatesTokenCount": 2,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}, {"modality": "IMAGE", "tokenCount": 50}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}, {"modality": "IMAGE", "tokenCount": 50}],
    }
    usage = decode({"text": "a"}, usageMetadata=metadata).usage
    assert usage is not None
    assert min(msgspec.structs.astuple(usage)) >= 0
    assert (usage.total_input_tokens, usage.total_output_tokens) == (5, 2)


def test_unknown_members_are_kept() -> None:
    answer = decode({"text": "a", "glow": 1}, candidate={"mood": "good"}, weather="fine")
    assert answer.extra[NAME]["weather"] == "fine"
    assert answer.choices[0].extra[NAME]["mood"] == "good"
    assert answer.choices[0].parts[0].extra[NAME] == {"glow": 1}


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"candidates": []},
        {"candidates": {}},
        {"candidates": ["x"]},
        {"candidates": [{"content": "x"}]},
        {"candidates": [{"content": {"parts": [7]}}]},
        {"candidates": [{"content": {"parts": [{"text": 7}]}}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"args": {}}}]}}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": []}}]}}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png"}}]}}]},
        {"candidates": [{"finishReason": 7}]},
        {"candidates": [{"index": -1}]},
        {"candidates": [{}], "usageMetadata": {"promptTokenCount": -1}},
        {"candidates": [{}], "usageMetadata": {"promptTokenCount": "many"}},
        {"candidates": [{"logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": 10**400}]}}]},
        {"candidates": [{}], "modelVersion": 3},
    ],
)
def test_what_is_no_answer_is_malformed_output(tree: Any) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


def test_a_time_that_is_none_is_kept_as_it_came() -> None:
    answer = decode({"text": "a"}, createTime="yesterday")
    assert answer.created is None
    assert answer.extra[NAME]["createTime"] == "yesterday"
