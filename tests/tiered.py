"""Answers that say how they were processed, whole and streamed, as their vendors write them."""

from __future__ import annotations

from typing import Any

from headgate.types import Frame
from vendor_answers import STREAMED, answer

CHAT, RESPONSES, MESSAGES = "openai_chat", "openai_responses", "anthropic_messages"
GEMINI, BEDROCK, COMPLETIONS = "gemini_generate", "bedrock_converse", "openai_completions"
J = dict[str, Any]

USAGES: dict[str, J] = {
    CHAT: {"prompt_tokens": 3, "completion_tokens": 1},
    COMPLETIONS: {"prompt_tokens": 3, "completion_tokens": 1},
    RESPONSES: {"input_tokens": 3, "output_tokens": 1},
    MESSAGES: {"input_tokens": 3, "output_tokens": 1},
    GEMINI: {"promptTokenCount": 3, "candidatesTokenCount": 1},
    BEDROCK: {"inputTokens": 3, "outputTokens": 1},
}
CONTENT: dict[str, J] = {
    CHAT: {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]},
    COMPLETIONS: {"id": "x", "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]},
    RESPONSES: {
        "model": "m",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}],
    },
    MESSAGES: {"role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hi"}]},
    GEMINI: {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]},
    BEDROCK: {"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}},
}  # fmt: skip


def document(dialect: str, members: J, usage: J) -> J:
    """A whole answer; `members` are its own, `usage` those of its usage object."""
    told = {**USAGES[dialect], **usage}
    small = answer(dialect, told) if dialect != COMPLETIONS else {"usage": told}
    return {**small, **CONTENT[dialect], **members}


def frames(dialect: str, members: J, usage: J) -> list[Frame]:
    """The same as the vendor streams it."""
    tree = document(dialect, members, usage)
    if dialect in (CHAT, COMPLETIONS):
        piece = {"delta": {"content": "Hi"}} if dialect == CHAT else {"text": "Hi"}
        chunk = {"id": "x", **members, "choices": [{"index": 0, **piece, "finish_reason": "stop"}]}
        return [Frame.of(chunk), Frame.of({"choices": [], **members, "usage": tree["usage"]}), Frame(b"[DONE]")]
    if dialect == BEDROCK:
        start, delta = {"role": "assistant"}, {"contentBlockIndex": 0, "delta": {"text": "Hi"}}
        end = Frame.of({"usage": tree["usage"], **members}, "metadata")
        begun = [Frame.of(start, "messageStart"), Frame.of(delta, "contentBlockDelta")]
        return [*begun, Frame.of({"stopReason": "end_turn"}, "messageStop"), end]
    return STREAMED[dialect](tree)
