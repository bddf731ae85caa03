"""Tokens and reasons to stop, in this dialect's words and the hub's ("The response object", `usage`, `status`).

`input_tokens` counts all of the prompt: what was read from the cache and what was written to it are parts of it. The
cache keeps for 30 minutes or 12 hours; in the hub's terms those are the short and the long cache writes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headgate.dialects.hub import Stop
from headgate.types import JSON, Usage

_INCOMPLETE: dict[str, Stop] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "pause": "pause",
}
_REASONS: dict[Stop, str] = {
    "length": "max_output_tokens",
    "context": "max_output_tokens",
    "content_filter": "content_filter",
    "pause": "pause",
    "error": "error",
}
_DONE = frozenset({"completed", "complete"})


class _CacheWrites(msgspec.Struct):
    ttl_12h_tokens: int | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_tokens_details: _CacheWrites | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """The members of `usage` that billing needs."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None

    def to_hub(self, web_searches: int = 0) -> Usage:
        details = self.input_tokens_details or _InputDetails()
        cached = details.cached_tokens or 0
        written = details.cache_write_tokens or 0
        given = self.input_tokens or 0
        from_cache = cached + written
        if from_cache > given:  # written and read at once, and billed as both, as in OpenRouter's chat completions
            from_cache = max(cached, written)
        by_life = details.cache_write_tokens_details
        long_lived = min((by_life.ttl_12h_tokens or 0) if by_life else 0, written)
        reasoning = self.output_tokens_details.reasoning_tokens if self.output_tokens_details else 0
        return Usage(
            input_tokens=max(given - from_cache, 0),
            cached_tokens=cached,
            cache_write_5m_tokens=written - long_lived,
            cache_write_1h_tokens=long_lived,
            output_tokens=self.output_tokens or 0,
            reasoning_tokens=reasoning or 0,
            web_searches=web_searches,
        )


def written_usage(usage: Usage) -> JSON:
    """Usage as a client of this dialect expects it."""
    details: JSON = {"cached_tokens": usage.cached_tokens + usage.audio_cached_tokens}
    writes = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    details["cache_write_tokens"] = writes
    return {
        "input_tokens": usage.total_input_tokens,
        "input_tokens_details": details,
        "output_tokens": usage.total_output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_input_tokens + usage.total_output_tokens,
    }


def stop_of(status: str | None, reason: str | None, called: bool, refused: bool) -> Stop | None:
    """Why a generation ended; None while it goes on. A vendor that gives no status has finished."""
    if status in _DONE or status is None:
        if called:
            return "tool_calls"
        return "refusal" if refused else "end"
    if status == "incomplete":
        return _INCOMPLETE.get(reason or "", "error")
    return "error" if status in ("failed", "cancelled") else None


def written_stop(stop: Stop | None, has_refusal: bool) -> tuple[str, JSON | None]:
    """`status` and `incomplete_details` of an answer. A vendor's refusal without words is a filter's doing."""
    if stop == "refusal" and not has_refusal:
        return "incomplete", {"reason": "content_filter"}
    reason = _REASONS.get(stop) if stop else None
    return ("completed", None) if reason is None else ("incomplete", {"reason": reason})


def web_searches(billed: object, actions: Iterable[tuple[str, object]]) -> int:
    """How many searches an answer is billed: as its `tool_usage` says, else its search calls that did search.

    Opening a found page is a call too, but not a search.
    """
    if isinstance(billed, int) and billed:
        return billed
    return sum(kind == "web_search_call" and action in (None, "search") for kind, action in actions)
