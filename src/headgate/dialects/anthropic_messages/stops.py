"""Why a generation ended, in Anthropic's words and the hub's ("Handling stop reasons")."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.dialects.hub import Part, Refusal, Stop, ToolCall

_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context",
}

_WORDS: dict[Stop | None, str] = {
    None: "end_turn",
    "end": "end_turn",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "content_filter": "refusal",
    "context": "model_context_window_exceeded",
    "error": "end_turn",
}


def stop_of(reason: str) -> Stop:
    """The hub's word; one that nobody has heard of yet is an ordinary end."""
    return _STOPS.get(reason, "end")


def reason_of(stop: Stop | None, parts: Iterable[Part]) -> str:
    """Anthropic's word. A turn that ends by itself after calling a tool, or refusing, says so here."""
    if stop in (None, "end"):
        for part in parts:
            if isinstance(part, ToolCall):
                return "tool_use"
            if isinstance(part, Refusal):
                return "refusal"
    return _WORDS[stop]
