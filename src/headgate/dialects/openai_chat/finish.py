"""Why a generation ended, in OpenAI's words, in those of vendors who copied it, and in ours."""

from __future__ import annotations

from headgate.dialects.hub import Stop

_STOPS: dict[str, Stop] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "eos": "end",  # Together
    "eos_token": "end",  # Text Generation Inference
    "stop_sequence": "stop_sequence",
    "model_length": "context",  # Mistral
    "error": "error",  # Mistral, OpenRouter
    "insufficient_system_resource": "error",  # DeepSeek
    "sensitive": "content_filter",  # Z.ai
    "network_error": "error",
}
_REASONS: dict[Stop, str] = {
    "end": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "stop_sequence": "stop",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "context": "length",
    "error": "error",
}


def stop_of(reason: str | None) -> Stop | None:
    """None where the vendor gave no reason, or one that nobody knows."""
    return _STOPS.get(reason) if reason else None


def reason_of(stop: Stop | None, has_calls: bool) -> str:
    """Clients want a reason always; where there is none to be had, the answer itself tells."""
    if stop is None:
        return "tool_calls" if has_calls else "stop"
    return _REASONS[stop]


def unsaid(reason: str | None) -> dict[str, str | None]:
    """The `finish_reason` of an answer, where `reason_of` would write another one."""
    stop = stop_of(reason)
    return {} if stop is not None and _REASONS[stop] == reason else {"finish_reason": reason}
