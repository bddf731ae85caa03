"""Putting mended texts in the place of wrong ones: there and nowhere else, or not at all."""

from __future__ import annotations

import json
from typing import Any

from headgate import dialects
from headgate.dialects.hub import Reasoning, Text
from headgate.routing.validation.mending import mended_payload, mended_stream
from headgate.types import Frame, Payload
from outputs import BROKEN, GOOD, answer, chunks, said, whole

CHAT = dialects.get("openai_chat")


def chunk(*choices: Any) -> list[Frame]:
    return [Frame.of({"id": "1", "object": "chat.completion.chunk", "choices": list(choices)})]


def delta(index: int, **members: Any) -> Any:
    return {"index": index, "delta": members, "finish_reason": None}


def trees(chunks: list[list[Frame]]) -> list[Any]:
    return [json.loads(frame.data) for each in chunks for frame in each if frame.data != b"[DONE]"]


def test_choices_that_come_in_one_frame_are_told_apart():
    stream = [chunk(delta(0, content="{"), delta(1, content="{")), chunk(delta(0, content="}"), delta(1, content="]"))]
    mended = mended_stream(CHAT, stream, {"{]": "[]"})
    assert mended is not None
    said = [[choice["delta"]["content"] for choice in tree["choices"]] for tree in trees(mended)]
    assert said == [["{", "[]"], ["}", ""]]


def test_unknown_members_of_a_frame_stay_and_other_frames_are_the_same():
    stream = [chunk({**delta(0, content="x"), "novelty": 1}), chunk(delta(0, refusal=None)), [Frame(b"[DONE]")]]
    mended = mended_stream(CHAT, stream, {"x": "y"})
    assert mended is not None
    assert trees(mended)[0]["choices"][0] == {**delta(0, content="y"), "novelty": 1}
    assert mended[1][0] is stream[1][0]
    assert mended[2][0] is stream[2][0]


def test_thoughts_that_say_the_same_stay():
    stream = chunks("openai_chat", answer([Reasoning(text=BROKEN), Text(text=BROKEN)]), size=1000)
    mended = mended_stream(CHAT, stream, {BROKEN: GOOD})
    assert mended is not None
    joined = [choice["delta"] for tree in trees(mended) for choice in tree["choices"]]
    assert "".join(each.get("reasoning_content") or "" for each in joined) == BROKEN
    assert "".join(each.get("content") or "" for each in joined) == GOOD


def test_the_whole_text_that_responses_repeat_is_replaced_each_time():
    stream = chunks("openai_responses", said(BROKEN))
    mended = mended_stream(dialects.get("openai_responses"), stream, {BROKEN: GOOD})
    assert mended is not None
    assert [tree["text"] for tree in trees(mended) if tree["type"] == "response.output_text.done"] == [GOOD]
    [output] = [tree["response"]["output"] for tree in trees(mended) if tree["type"] == "response.completed"]
    assert output[0]["content"][0]["text"] == GOOD


def test_what_stands_nowhere_cannot_be_replaced():
    assert mended_stream(CHAT, chunks("openai_chat", said(GOOD)), {BROKEN: GOOD}) is None
    assert mended_payload(CHAT, whole("openai_chat", said(GOOD)), {BROKEN: GOOD}) is None


def test_a_whole_answer_keeps_what_nobody_has_heard_of():
    tree = {**whole("openai_chat", said(BROKEN)).tree, "novelty": [1]}
    mended = mended_payload(CHAT, Payload("openai_chat", tree=tree), {BROKEN: GOOD})
    assert mended is not None
    assert mended.tree["novelty"] == [1]
    assert mended.tree["choices"][0]["message"]["content"] == GOOD
