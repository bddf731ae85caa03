"""What Anthropic says of tokens, in the hub's terms and back (Messages API reference, "Usage").

`input_tokens` counts neither what was read from the cache nor what was written to it. Streams tell the input side at
their start and cumulative totals at their end, without dividing cache writes by how long they live.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.tiers import joined, tier_of
from headgate.errors import MalformedOutput
from headgate.types import JSON, Usage


class CacheCreation(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class ServerTools(msgspec.Struct):
    web_search_requests: int | None = None


class Iteration(msgspec.Struct):
    """One pass of the model within a request. Only those of kind `compaction` are beyond the totals."""

    type: str = ""
    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: int | None = None


class Told(msgspec.Struct):
    """The `usage` object as far as it is billed."""

    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerTools | None = None
    iterations: list[Iteration] | None = None
    service_tier: str | None = None
    speed: str | None = None
    """`fast` in fast mode, which has a price of its own ("Fast mode", Pricing)."""

    @property
    def tier(self) -> str | None:
        """The way it was processed; None for the ordinary one."""
        return joined(tier_of(self.service_tier), tier_of(self.speed))


def told_of(tree: JSON) -> Told:
    """A parsed `usage` object, checked.

    Raises:
        MalformedOutput: a count is not a whole number.
    """
    try:
        return msgspec.convert(tree, Told)
    except msgspec.ValidationError as error:
        raise MalformedOutput(f"the vendor's usage cannot be read: {error}") from None


def merged(start: Told | None, end: Told) -> Told:
    """A stream's usage: each of the totals at its end replaces the one at its start, if it is there."""
    if start is None:
        return end
    for name in Told.__struct_fields__:
        if getattr(end, name) is None:
            setattr(end, name, getattr(start, name))
    return end


def usage_of(told: Told) -> Usage:
    """The hub's usage.

    Compacting a conversation is a pass over it that the totals leave out but the invoice does not, so its tokens are
    added. An advisor's tokens are another model's, at another price, and are not.
    """
    five, hour = _writes(told.cache_creation_input_tokens, told.cache_creation)
    total = Usage(
        input_tokens=told.input_tokens or 0,
        cached_tokens=told.cache_read_input_tokens or 0,
        cache_write_5m_tokens=five,
        cache_write_1h_tokens=hour,
        output_tokens=told.output_tokens or 0,
        reasoning_tokens=(told.output_tokens_details.thinking_tokens or 0) if told.output_tokens_details else 0,
        web_searches=(told.server_tool_use.web_search_requests or 0) if told.server_tool_use else 0,
    )
    for each in told.iterations or ():
        if each.type == "compaction":
            total = _plus(total, each)
    return total


def _writes(total: int | None, divided: CacheCreation | None) -> tuple[int, int]:
    """Tokens written for five minutes and for an hour. What the division does not mention lives as long as what it
    mentions, and five minutes where it mentions nothing.
    """
    five = (divided.ephemeral_5m_input_tokens or 0) if divided else 0
    hour = (divided.ephemeral_1h_input_tokens or 0) if divided else 0
    rest = max((total or 0) - five - hour, 0)
    return (five, hour + rest) if hour and not five else (five + rest, hour)


def _plus(total: Usage, pass_: Iteration) -> Usage:
    five, hour = _writes(pass_.cache_creation_input_tokens, pass_.cache_creation)
    return msgspec.structs.replace(
        total,
        input_tokens=total.input_tokens + (pass_.input_tokens or 0),
        cached_tokens=total.cached_tokens + (pass_.cache_read_input_tokens or 0),
        cache_write_5m_tokens=total.cache_write_5m_tokens + five,
        cache_write_1h_tokens=total.cache_write_1h_tokens + hour,
        output_tokens=total.output_tokens + (pass_.output_tokens or 0),
    )


_TIERS = {"standard": "standard", "default": "standard", "priority": "priority", "batch": "batch"}


def written(usage: Usage | None, service_tier: str | None = None) -> JSON:
    """The `usage` object of an answer. Audio and images are tokens like any other here."""
    usage = usage or Usage()
    members: dict[str, Any] = {
        "input_tokens": usage.input_tokens + usage.audio_input_tokens + usage.image_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        "cache_read_input_tokens": usage.cached_tokens + usage.audio_cached_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
        "output_tokens": usage.total_output_tokens,
    }
    if usage.reasoning_tokens:
        members["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    if usage.web_searches:
        members["server_tool_use"] = {"web_search_requests": usage.web_searches, "web_fetch_requests": 0}
    if service_tier in _TIERS:
        members["service_tier"] = _TIERS[service_tier]
    return members
