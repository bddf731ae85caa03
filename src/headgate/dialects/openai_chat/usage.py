"""Usage as OpenAI and those who copied it report it, in our disjoint categories and back.

`prompt_tokens` includes cached, written and audio tokens, `completion_tokens` includes reasoning and audio
(OpenAI API reference, "The chat completion object"). Tokens of images in a prompt are billed as text and stay with it.
"""

from __future__ import annotations

import msgspec

from headgate.errors import MalformedOutput
from headgate.types import JSON, Usage


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class _ServerTools(msgspec.Struct, gc=False):
    web_search_requests: int | None = None


class Told(msgspec.Struct):
    """A usage object, as far as it is billed. Vendors who do not have OpenAI's details name cached tokens otherwise."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    num_cached_tokens: int | None = None
    server_tool_use_details: _ServerTools | None = None
    server_tool_use: _ServerTools | None = None

    def ours(self) -> Usage:
        """The same in disjoint categories."""
        prompt, completion = self.prompt_tokens or 0, self.completion_tokens or 0
        told = self.prompt_tokens_details
        cached = (told.cached_tokens if told else None) or self.prompt_cache_hit_tokens
        cached = cached or self.cached_tokens or self.num_cached_tokens or 0
        written = (told.cache_write_tokens if told else None) or 0
        audio = (told.audio_tokens if told else None) or 0
        made = self.completion_tokens_details
        reasoning = (made.reasoning_tokens if made else None) or 0
        audio_made = (made.audio_tokens if made else None) or 0
        images_made = (made.image_tokens if made else None) or 0
        if reasoning and (self.total_tokens or 0) == prompt + completion + reasoning:
            completion += reasoning  # xAI does not count reasoning among the completion
        from_cache = cached + written
        if from_cache > prompt:  # the same tokens were written and read: OpenRouter bills Gemini's caches for both
            from_cache = max(cached, written)
        if audio:  # cached sound is among both: no token is counted twice
            audio = min(audio, max(prompt - from_cache, 0))
        if audio_made or images_made:
            audio_made = min(audio_made, completion)
            images_made = min(images_made, completion - audio_made)
        tools = self.server_tool_use_details or self.server_tool_use
        return Usage(
            input_tokens=max(0, prompt - from_cache - audio),
            cached_tokens=cached,
            cache_write_5m_tokens=written,
            output_tokens=max(0, completion - audio_made - images_made),
            reasoning_tokens=reasoning,
            audio_input_tokens=audio,
            audio_output_tokens=audio_made,
            image_output_tokens=images_made,
            web_searches=(tools.web_search_requests if tools else None) or 0,
        )


def usage_of(tree: JSON) -> Usage:
    """A vendor's usage object.

    Raises:
        MalformedOutput: a count is not a whole number.
    """
    try:
        return msgspec.convert(tree, Told).ours()
    except msgspec.ValidationError as error:
        raise MalformedOutput(f"the vendor's usage cannot be read: {error}") from None


def written(usage: Usage) -> JSON:
    """The usage object for a client."""
    prompt, completion = usage.total_input_tokens, usage.total_output_tokens
    told: JSON = {
        "cached_tokens": usage.cached_tokens + usage.audio_cached_tokens,
        "audio_tokens": usage.audio_input_tokens,
    }
    writes = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    if writes:
        told["cache_write_tokens"] = writes
    made: JSON = {
        "reasoning_tokens": usage.reasoning_tokens,
        "audio_tokens": usage.audio_output_tokens,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    if usage.image_output_tokens:
        made["image_tokens"] = usage.image_output_tokens
    tree: JSON = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": told,
        "completion_tokens_details": made,
    }
    if usage.web_searches:
        tree["server_tool_use_details"] = {"web_search_requests": usage.web_searches}
    return tree
