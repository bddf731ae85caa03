"""Answers as their vendors write them, whole and streamed, about the usage a test gives; and that usage as it is billed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from headgate import dialects
from headgate.types import Frame, Usage

J = dict[str, Any]


def usage_whole(dialect: str, tree: J) -> Usage | None:
    """What the gateway bills of a whole answer."""
    return dialects.get(dialect).peek(json.dumps(tree).encode()).usage


def usage_streamed(dialect: str, frames: Iterable[Frame]) -> Usage | None:
    """What the gateway bills of a stream."""
    meter = dialects.get(dialect).meter()
    for frame in frames:
        meter.observe(frame)
    return meter.usage


def _sse(*events: J) -> list[Frame]:
    return [Frame.of(each, each.get("type")) for each in events]


def chat_streamed(tree: J) -> list[Frame]:
    chunk = {"id": tree.get("id"), "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}]}
    return [Frame.of(chunk), Frame.of({"choices": [], "usage": tree["usage"]}), Frame(b"[DONE]")]


def chat_whole(frames: list[J]) -> J:
    told = [each.get("usage") or (each.get("x_groq") or {}).get("usage") for each in frames]
    return {"id": "x", "choices": [{"finish_reason": "stop"}], "usage": [each for each in told if each][-1]}


def responses_streamed(tree: J) -> list[Frame]:
    return _sse({"type": "response.created", "response": {"id": "x"}}, {"type": "response.completed", "response": tree})


def responses_whole(frames: list[J]) -> J:
    ends = ("response.completed", "response.incomplete")
    return next(each["response"] for each in frames if each["type"] in ends)


def anthropic_streamed(tree: J) -> list[Frame]:
    usage = tree["usage"]
    start = {**tree, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1, "iterations": None}}
    end = {name: value for name, value in usage.items() if name not in ("cache_creation", "service_tier")}
    return _sse(
        {"type": "message_start", "message": start},
        {"type": "message_delta", "delta": {"stop_reason": tree["stop_reason"]}, "usage": end},
        {"type": "message_stop"},
    )


def anthropic_whole(frames: list[J]) -> J:
    start = next(each["message"] for each in frames if each["type"] == "message_start")
    end = [each["usage"] for each in frames if each["type"] == "message_delta"][-1]
    usage = {**start["usage"], **{name: value for name, value in end.items() if value is not None}}
    return {**start, "stop_reason": "end_turn", "usage": usage}


def gemini_streamed(tree: J) -> list[Frame]:
    first = {"candidates": [{"content": {"parts": [{"text": "x"}]}}], "usageMetadata": {"promptTokenCount": 1}}
    return [Frame.of(first), Frame.of(tree)]


def gemini_whole(frames: list[J]) -> J:
    last = [each for each in frames if "promptTokenCount" in each.get("usageMetadata", {})][-1]
    candidates = [candidate for each in frames for candidate in each.get("candidates") or ()]
    return {**last, "candidates": candidates}


def bedrock_streamed(tree: J) -> list[Frame]:
    stop = Frame.of({"stopReason": tree["stopReason"]}, "messageStop")
    return [stop, Frame.of({"usage": tree["usage"], "metrics": {"latencyMs": 1}}, "metadata")]


def bedrock_whole(frames: list[J]) -> J:
    return {"usage": next(each["usage"] for each in frames if "usage" in each), "stopReason": "end_turn"}


def cohere_streamed(tree: J) -> list[Frame]:
    end = {"finish_reason": tree["finish_reason"], "usage": tree["usage"]}
    return _sse({"type": "message-start", "id": "x"}, {"type": "message-end", "delta": end})


STREAMED: dict[str, Callable[[J], list[Frame]]] = {
    "openai_chat": chat_streamed,
    "openai_responses": responses_streamed,
    "anthropic_messages": anthropic_streamed,
    "gemini_generate": gemini_streamed,
    "bedrock_converse": bedrock_streamed,
    "cohere_chat": cohere_streamed,
}
WHOLE: dict[str, Callable[[list[J]], J]] = {
    "openai_chat": chat_whole,
    "openai_responses": responses_whole,
    "anthropic_messages": anthropic_whole,
    "gemini_generate": gemini_whole,
    "bedrock_converse": bedrock_whole,
}


def answer(dialect: str, usage: J, **members: Any) -> J:
    """A whole answer of a vendor with this usage object, as small as one can be."""
    trees: dict[str, J] = {
        "openai_chat": {"id": "x", "choices": [{"finish_reason": "stop"}], "usage": usage},
        "openai_responses": {"id": "x", "status": "completed", "output": [], "usage": usage},
        "anthropic_messages": {"id": "x", "type": "message", "stop_reason": "end_turn", "usage": usage},
        "gemini_generate": {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage},
        "bedrock_converse": {"stopReason": "end_turn", "usage": usage},
        "cohere_chat": {"id": "x", "finish_reason": "COMPLETE", "usage": usage},
        "openai_embeddings": {"object": "list", "data": [], "usage": usage},
    }
    return {**trees[dialect], **members}
