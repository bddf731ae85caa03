"""Whole responses as hub answers, and answers of any origin as responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response

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
from headgate.errors import ContentFiltered, MalformedOutput, ServerError
from headgate.types import Usage

DIALECT = dialects.get("openai_responses")
CONTEXT = Context(
    asked={
        "model": "chat",
        "input": "Hi",
        "instructions": "Be kind.",
        "temperature": 0.3,
        "reasoning": {"effort": "low"},
    },
    id="call",
    created=1_700,
)


def response(*output: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 5,
        "model": "m",
        "status": "completed",
        "output": list(output),
        **members,
    }


def message(*content: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": list(content),
        **members,
    }


def encoded(*parts: Part, stop: Stop | None = "end", **members: Any) -> dict[str, Any]:
    answer = Answer(id="", model="vendor-model", choices=(Choice(parts=parts, stop=stop),), **members)
    return DIALECT.encode_answer(answer, CONTEXT)


def test_items_become_parts_in_order() -> None:
    answer = DIALECT.decode_answer(
        response(
            {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}},
            message({"type": "output_text", "text": "Hi"}, {"type": "refusal", "refusal": "no"}, phase="commentary"),
            {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"id": "ct_1", "type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
        )
    )
    kinds = [type(part) for part in answer.choices[0].parts]
    assert kinds == [Reasoning, Native, Text, Refusal, ToolCall, ToolCall]
    assert (answer.id, answer.model, answer.created, answer.choices[0].stop) == ("resp_1", "m", 5, "tool_calls")


def test_citations_and_log_probabilities_are_read() -> None:
    note = {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2}
    token = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -1, "bytes": [98]}],
    }
    content = {"type": "output_text", "text": "ab", "annotations": [note], "logprobs": [token]}
    [text] = DIALECT.decode_answer(response(message(content))).choices[0].parts
    assert isinstance(text, Text)
    [cited] = text.citations
    assert (cited.url, cited.title, cited.start, cited.end) == ("u", "t", 1, 2)
    assert text.logprobs == (TokenLogprob("a", -0.5, [97], (TokenLogprob("b", -1, [98]),)),)


@pytest.mark.parametrize(
    ("members", "stop"),
    [
        ({}, "end"),
        ({"status": "complete"}, "end"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "novelty"}}, "error"),
        ({"status": "incomplete"}, "error"),
        ({"status": "cancelled"}, "error"),
        ({"status": "queued"}, None),
        ({"status": "in_progress"}, None),
    ],
)
def test_status_and_details_tell_why_it_ended(members: dict[str, Any], stop: str | None) -> None:
    tree = response(**members)
    assert DIALECT.decode_answer(tree).choices[0].stop == stop
    assert DIALECT.peek(json.dumps(tree).encode()).stop == stop


def test_a_refusal_is_a_reason_to_stop() -> None:
    tree = response(message({"type": "refusal", "refusal": "no"}))
    assert DIALECT.decode_answer(tree).choices[0].stop == "refusal"
    assert DIALECT.peek(json.dumps(tree).encode()).stop == "refusal"


def test_usage_is_divided_into_disjoint_categories() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {
            "cached_tokens": 30,
            "cache_write_tokens": 50,
            "cache_write_tokens_details": {"ttl_12h_tokens": 20, "ttl_30m_tokens": 30},
        },
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 109,
    }
    tree = response(usage=usage)
    wanted = Usage(
        input_tokens=20,
        cached_tokens=30,
        cache_write_5m_tokens=30,
        cache_write_1h_tokens=20,
        output_tokens=9,
        reasoning_tokens=4,
    )
    assert DIALECT.decode_answer(tree).usage == wanted
    assert DIALECT.peek(json.dumps(tree).encode()).usage == wanted
    assert wanted.total_input_tokens == 100


def test_searches_are_counted_as_told_or_else_by_the_calls_that_search() -> None:
    calls = [{"type": "web_search_call", "action": {"type": kind}} for kind in ("search", "search", "open_page")]
    usage = {"input_tokens": 1, "output_tokens": 1}
    for tree, wanted in (
        (response(*calls, usage=usage), 2),
        (response(*calls, usage=usage, tool_usage={"web_search": {"num_requests": 5}}), 5),
        (response({"type": "web_search_call"}, usage=usage), 1),
    ):
        found = DIALECT.decode_answer(tree).usage
        assert found is not None
        assert found.web_searches == wanted
        assert DIALECT.peek(json.dumps(tree).encode()).usage == found


def test_a_response_that_failed_is_the_error_it_tells() -> None:
    with pytest.raises(ServerError, match="went wrong"):
        DIALECT.decode_answer(response(status="failed", error={"code": "server_error", "message": "went wrong"}))
    with pytest.raises(ContentFiltered):
        DIALECT.decode_answer(response(status="failed", error={"code": "bio_policy", "message": "no"}))


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"output": {}},
        {"output": [3]},
        response({"id": "x"}),
        response({"type": "message", "content": 3}),
        response(message({"type": "output_text"})),
        response({"type": "function_call", "name": "f", "arguments": "{}"}),
        response(usage={"input_tokens": "many"}),
        response(id=3),
        response(incomplete_details="x"),
    ],
)
def test_what_is_no_response_is_malformed_and_says_where(tree: dict[str, Any]) -> None:
    with pytest.raises(MalformedOutput):
        DIALECT.decode_answer(tree)


def test_the_last_part_of_an_item_remembers_it() -> None:
    tree = response(
        message({"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}, phase="commentary")
    )
    first, second = DIALECT.decode_answer(tree).choices[0].parts
    assert first.extra["openai_responses"]["in"] == "msg_1"
    assert second.extra["openai_responses"]["item"]["phase"] == "commentary"
    assert DIALECT.encode_answer(DIALECT.decode_answer(tree), CONTEXT) == tree


# ── from elsewhere ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_from_elsewhere_has_every_member_the_sdk_requires() -> None:
    tree = encoded(
        Reasoning(text="Hm.", summarised=True, signature=Signature("anthropic", "sig")),
        Text(text="a", citations=(Citation(url="u"), Citation(file_id="f", title="n"), Citation(cited_text="x"))),
        Text(text="b", logprobs=(TokenLogprob("b", -0.1),)),
        ToolCall(id="c1", name="f", arguments="{}"),
        usage=Usage(input_tokens=5, cached_tokens=2, cache_write_1h_tokens=1, output_tokens=3, reasoning_tokens=1),
    )
    Response.model_validate(tree, strict=True)
    reasoning, text, call = tree["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert reasoning["encrypted_content"] == "hg1.anthropic.reasoning.sig"
    first, second = text["content"]
    assert [each["type"] for each in first["annotations"]] == ["url_citation", "file_citation"]
    assert (first["annotations"][0]["start_index"], first["annotations"][0]["end_index"]) == (0, 1)
    assert second["logprobs"] == [{"token": "b", "logprob": -0.1, "bytes": [98], "top_logprobs": []}]
    assert (call["type"], call["call_id"], call["status"]) == ("function_call", "c1", "completed")
    assert len({item["id"] for item in tree["output"]}) == 3
    assert tree["usage"]["input_tokens"] == 8
    assert tree["usage"]["input_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 1}
    assert tree["usage"]["total_tokens"] == 11


def test_an_answer_repeats_its_request_and_says_that_nothing_is_stored() -> None:
    tree = encoded(Text(text="a"))
    assert (tree["id"], tree["created_at"], tree["model"]) == ("resp_call", 1_700, "vendor-model")
    assert (tree["instructions"], tree["temperature"], tree["store"]) == ("Be kind.", 0.3, False)
    assert tree["reasoning"] == {"effort": "low", "summary": None}
    assert tree["text"]["format"] == {"type": "text"}
    assert (tree["tools"], tree["tool_choice"], tree["parallel_tool_calls"]) == ([], "auto", True)


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (None, "completed", None),
        ("end", "completed", None),
        ("tool_calls", "completed", None),
        ("stop_sequence", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("context", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("refusal", "incomplete", "content_filter"),
        ("pause", "incomplete", "pause"),
        ("error", "incomplete", "error"),
    ],
)
def test_reasons_to_stop_are_a_status_with_details(stop: Stop | None, status: str, reason: str | None) -> None:
    tree = encoded(Text(text="a"), stop=stop)
    assert tree["status"] == status
    assert (tree["incomplete_details"] or {}).get("reason") == reason


def test_a_refusal_in_words_is_a_complete_answer() -> None:
    tree = encoded(Refusal(text="no"), stop="refusal")
    assert tree["status"] == "completed"
    assert tree["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_signatures_of_calls_and_texts_travel_in_reasoning_beside_them() -> None:
    signature = Signature("gemini", "sig")
    tree = encoded(
        Text(text="a", signature=signature),
        Text(text="b"),
        ToolCall(id="c", name="f", arguments="{}", signature=signature),
    )
    assert [item["type"] for item in tree["output"]] == [
        "message",
        "reasoning",
        "message",
        "reasoning",
        "function_call",
    ]
    assert tree["output"][1]["encrypted_content"] == "hg1.gemini.text.sig"
    assert tree["output"][3]["encrypted_content"] == "hg1.gemini.call.sig"


def test_images_are_items_and_what_there_is_no_item_for_is_left_out() -> None:
    tree = encoded(
        Media(kind="image", data="AA", media_type="image/png"),
        Media(kind="audio", data="AA"),
        Native(dialect="anthropic_messages", data={"type": "server_tool_use"}),
    )
    [item] = tree["output"]
    assert (item["type"], item["result"]) == ("image_generation_call", "AA")


def test_thoughts_that_are_no_summary_stand_in_the_content() -> None:
    [item] = encoded(Reasoning(text="step"))["output"]
    assert item["content"] == [{"type": "reasoning_text", "text": "step"}]
    assert item["summary"] == []
