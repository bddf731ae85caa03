"""What Converse says of tokens and of why a generation ended, in the hub's terms, and back to nothing else."""

from __future__ import annotations

from headgate.dialects.hub import Stop
from headgate.dialects.members import as_object, optional
from headgate.dialects.tiers import joined, tier_of
from headgate.types import JSON, Usage

_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
    "model_context_window_exceeded": "context",
}


def stop_of(reason: str) -> Stop:
    """The hub's word for a `stopReason`; one that nobody has heard of yet is an ordinary end."""
    return _STOPS.get(reason, "end")


def service_tier(tree: JSON, where: str) -> str | None:
    """The service tier that was used, as Bedrock calls it.

    Raises:
        MalformedOutput: it is not a string.
    """
    return optional(optional(tree, "serviceTier", dict, where) or {}, "type", str, f"{where}.serviceTier")


def tier(tree: JSON, where: str) -> str | None:
    """The way an answer was processed; None for the ordinary one. Latency-optimised inference is one too.

    Raises:
        MalformedOutput: what says so is not a string.
    """
    performance = optional(tree, "performanceConfig", dict, where) or {}
    latency = optional(performance, "latency", str, f"{where}.performanceConfig")
    return joined(tier_of(service_tier(tree, where)), tier_of(latency))


def usage_of(members: JSON, where: str) -> Usage:
    """The hub's usage for a `TokenUsage`.

    `inputTokens` counts neither tokens read from the cache nor those written to it. `cacheDetails` divides the writes
    by how long they live; what it does not mention lives five minutes.

    Raises:
        MalformedOutput: a count is not a whole number.
    """
    written = optional(members, "cacheWriteInputTokens", int, where) or 0
    hour = 0
    for index, item in enumerate(optional(members, "cacheDetails", list, where) or ()):
        at = f"{where}.cacheDetails[{index}]"
        detail = as_object(item, at)
        if detail.get("ttl") == "1h":
            hour += optional(detail, "inputTokens", int, at) or 0
    return Usage(
        input_tokens=optional(members, "inputTokens", int, where) or 0,
        cached_tokens=optional(members, "cacheReadInputTokens", int, where) or 0,
        cache_write_5m_tokens=max(written - hour, 0),
        cache_write_1h_tokens=hour,
        output_tokens=optional(members, "outputTokens", int, where) or 0,
    )
