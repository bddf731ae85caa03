"""Content is told as the conventions' schemas have it, whatever the dialect, and never more of it than was allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from calls import call
from collector import told
from headgate.observing.kept import FRAME_BYTES, Room
from headgate.telemetry.otel.config import OtelContentConfig
from headgate.telemetry.otel.content import MAX_READ_BYTES, content_of
from headgate.telemetry.otel.protobuf import attributes
from headgate.telemetry.otel.rhythm import Kept
from headgate.types import Attempt, Frame, Payload

ALL = OtelContentConfig(tools=True)


def content(
    dialect: str, request: Any, answer: Any = None, frames: list[Frame] | None = None, config: OtelContentConfig = ALL
) -> dict[str, Any]:
    asked = call(request=Payload(dialect, tree=request))
    replied = None if answer is None else Payload(dialect, json.dumps(answer).encode())
    made = list(content_of(asked, replied, frames, config))
    found = told(Span.FromString(attributes(b"\x4a", made)))
    return {name: json.loads(value) if isinstance(value, str) else value for name, value in found.items()}


def test_a_conversation_with_tools():
    request = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]},
            {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function",
                "function": {"name": "look", "arguments": '{"at": 1}'}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.",
                   "parameters": {"type": "object"}}}],
    }  # fmt: skip
    answer = {"id": "1", "model": "m", "object": "chat.completion", "created": 1, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A cat."}}]}  # fmt: skip
    found = content("openai_chat", request, answer)
    assert found["gen_ai.output.messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "A cat."}], "finish_reason": "stop"}
    ]
    system, user, assistant, tool = found["gen_ai.input.messages"]
    assert system == {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}
    assert user["parts"][0] == {"type": "text", "content": "What is this?"}
    assert user["parts"][1] == {"type": "left_out", "modality": "image", "mime_type": "image/png", "characters": 4}
    assert user["parts"][2] == {"type": "uri", "modality": "image", "uri": "https://x.example/a.png"}
    assert assistant["parts"] == [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}]
    assert tool == {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "a cat"}]}
    assert found["gen_ai.tool.definitions"] == [
        {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    ]
    assert "headgate.content.cut" not in found
    assert "AAAA" not in json.dumps(found)


def test_what_a_prompt_made_of_the_request_is_what_the_model_was_sent():
    asked = call(request=Payload("openai_completions", tree={"model": "m", "prompt": "Hm."}))
    messages = [{"role": "system", "content": "Sort."}, {"role": "user", "content": "Hm."}]
    asked.account.rendered = Payload("openai_chat", tree={"model": "m", "messages": messages})
    made = list(content_of(asked, None, None, ALL))
    found = told(Span.FromString(attributes(b"\x4a", made)))
    assert [each["role"] for each in json.loads(found["gen_ai.input.messages"])] == ["system", "user"]


def test_instructions_that_stand_apart():
    request = {"model": "m", "max_tokens": 9, "system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}]}
    found = content("anthropic_messages", request)
    assert found["gen_ai.system_instructions"] == [{"type": "text", "content": "Be brief."}]
    assert found["gen_ai.input.messages"] == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]


def chunk(**delta: Any) -> Frame:
    reason = delta.pop("finish_reason", None)
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return Frame.of({"id": "1", "model": "m", "object": "chat.completion.chunk", "created": 1, "choices": [choice]})


def test_a_stream_is_put_together():
    frames = [
        chunk(role="assistant", content="A "),
        chunk(content="cat."),
        chunk(finish_reason="length"),
        Frame(b"[DONE]"),
    ]
    found = content("openai_chat", {"model": "m", "messages": []}, frames=frames)
    assert found["gen_ai.output.messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "A cat."}], "finish_reason": "length"}
    ]


def test_a_stream_that_was_cut():
    found = content("openai_chat", {"model": "m", "messages": []}, frames=[chunk(content="A ")])
    [message] = found["gen_ai.output.messages"]
    assert message["finish_reason"] == "error"


def test_a_stream_of_which_not_all_was_kept_ended_as_it_did_and_says_that_it_is_cut():
    asked = call(request=Payload("openai_chat", tree={"model": "m", "messages": []}), stream=True)
    attempt = Attempt(id="a-0", target="v/m", started_us=0, started=0.0, stop="end")
    asked.account.attempts.append(attempt)
    room = Room(5_000)
    kept = Kept(room, 1_500)
    for text in ("A ", "cat.", " It ", "sleeps."):
        kept.passed([chunk(content=text)])
    assert not kept.complete
    assert room.free == 5_000 - kept.size >= 3_500
    made = content_of(asked, None, kept.frames, ALL, complete=kept.complete)
    found = told(Span.FromString(attributes(b"\x4a", list(made))))
    [message] = json.loads(found["gen_ai.output.messages"])
    assert message["parts"][0]["content"] in ("A ", "A cat.")
    assert message["finish_reason"] == "stop", "the vendor's answer was whole"
    assert found["headgate.content.cut"] is True
    del kept
    assert room.free == 5_000


def test_streams_share_what_memory_there_is_for_content():
    room = Room(2_000)
    one, other = Kept(room, 10_000), Kept(room, 10_000)
    for _ in range(100):
        one.passed([Frame(b"")])
        other.passed([Frame(b"")])
    assert room.free >= 0
    assert len(one.frames) + len(other.frames) <= 2_000 // FRAME_BYTES


def test_the_newest_is_kept_where_not_all_fits():
    messages = [{"role": "user", "content": f"{number} " + "x" * 400} for number in range(40)]
    answer = {"id": "1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
              "message": {"role": "assistant", "content": "the answer"}}]}  # fmt: skip
    found = content("openai_chat", {"model": "m", "messages": messages}, answer, config=OtelContentConfig(max_kb=2))
    assert found["gen_ai.output.messages"][0]["parts"][0]["content"] == "the answer"
    kept = found["gen_ai.input.messages"]
    assert kept[-1]["parts"][0]["content"].startswith("39 ")
    assert 2 <= len(kept) <= 5
    assert found["headgate.content.cut"] is True


@given(st.lists(st.text(max_size=3_000), max_size=8), st.text(max_size=3_000))
def test_there_is_never_more_than_was_allowed(messages: list[str], answer: str):
    request = {"model": "m", "messages": [{"role": "user", "content": text} for text in messages]}
    replied = {"id": "1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
               "message": {"role": "assistant", "content": answer}}]}  # fmt: skip
    found = content("openai_chat", request, replied, config=OtelContentConfig(max_kb=1))
    texts = [part["content"] for name in ("gen_ai.output.messages", "gen_ai.input.messages")
             for message in found.get(name, []) for part in message["parts"]]  # fmt: skip
    assert sum(len(text.encode()) for text in texts) <= 1024
    if not found.get("headgate.content.cut"):
        assert [text for text in texts if text] == [text for text in (answer, *messages) if text]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"model": "m", "messages": 4}, {"choices": "x"}),
        ({"model": "m", "messages": [{"role": "user", "content": "x" * (MAX_READ_BYTES + 1)}]}, {}),
        ({"model": "m", "messages": [{"role": "wizard", "content": "x"}]}, [1]),
    ],
)
def test_what_cannot_be_read_has_no_content(request_: Any, answer: Any):
    assert content("openai_chat", request_, answer) == {}


def test_arguments_that_are_no_json_are_a_text():
    request = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[" * 3_000}}]}]}  # fmt: skip
    [message] = content("openai_chat", request)["gen_ai.input.messages"]
    assert message["parts"][0]["arguments"] == "[" * 3_000


def test_what_generates_nothing_has_no_content():
    asked = call(operation="embed", request=Payload("openai_embeddings", tree={"model": "m", "input": "secret"}))
    assert list(content_of(asked, None, None, ALL)) == []
