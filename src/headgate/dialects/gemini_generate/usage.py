"""Gemini's token counts in the hub's disjoint categories (GenerateContentResponse.UsageMetadata)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from headgate.dialects.gemini_generate.names import older_than
from headgate.dialects.tiers import joined, tier_of
from headgate.errors import MalformedOutput
from headgate.types import JSON, Usage

_Count = Annotated[int, msgspec.Meta(ge=0)]


class ModalityCount(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: _Count = 0


class UsageMetadata(msgspec.Struct, rename="camel"):
    """The part of `usageMetadata` that is billed."""

    prompt_token_count: _Count | None = None
    cached_content_token_count: _Count = 0
    candidates_token_count: _Count = 0
    thoughts_token_count: _Count = 0
    tool_use_prompt_token_count: _Count = 0
    prompt_tokens_details: list[ModalityCount] = []
    cache_tokens_details: list[ModalityCount] = []
    candidates_tokens_details: list[ModalityCount] = []
    tool_use_prompt_tokens_details: list[ModalityCount] = []
    service_tier: str | None = None
    traffic_type: str | None = None

    @property
    def tier(self) -> str | None:
        """The way it was processed; None for the ordinary one. The Gemini API and Vertex AI each have a word for it."""
        served = (self.service_tier or "").lower().removeprefix("service_tier_")
        traffic = (self.traffic_type or "").lower()
        return joined(tier_of(served), tier_of(_TRAFFIC.get(traffic, traffic)))


_TRAFFIC = {
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
    "traffic_type_unspecified": "unspecified",
}
"""Our names of Vertex AI's kinds of traffic (GenerateContentResponse.UsageMetadata.TrafficType)."""


def usage_of(told: UsageMetadata, web_searches: int = 0) -> Usage | None:
    """The hub's usage; None where there are no counts yet (Vertex AI's first frames name the traffic type only).

    `promptTokenCount` includes what came from the cache; what server tools fed back to the model
    (`toolUsePromptTokenCount`) and thoughts are in neither of the two main counts. Of the modalities only audio and
    images are told apart: video, documents and text share one category.
    """
    if told.prompt_token_count is None:
        return None
    prompt = told.prompt_token_count + told.tool_use_prompt_token_count
    cached = min(told.cached_content_token_count, prompt)
    audio_cached = min(_of("AUDIO", told.cache_tokens_details), cached)
    audio = _of("AUDIO", told.prompt_tokens_details) + _of("AUDIO", told.tool_use_prompt_tokens_details) - audio_cached
    audio = min(max(audio, 0), prompt - cached)
    image = _of("IMAGE", told.prompt_tokens_details) + _of("IMAGE", told.tool_use_prompt_tokens_details)
    image = min(max(image - _of("IMAGE", told.cache_tokens_details), 0), prompt - cached - audio)
    made = told.candidates_token_count
    audio_made = min(_of("AUDIO", told.candidates_tokens_details), made)
    image_made = min(_of("IMAGE", told.candidates_tokens_details), made - audio_made)
    return Usage(
        input_tokens=prompt - cached - audio - image,
        cached_tokens=cached - audio_cached,
        output_tokens=made - audio_made - image_made + told.thoughts_token_count,
        reasoning_tokens=told.thoughts_token_count,
        audio_input_tokens=audio,
        audio_cached_tokens=audio_cached,
        audio_output_tokens=audio_made,
        image_input_tokens=image,
        image_output_tokens=image_made,
        web_searches=web_searches,
    )


def read(tree: JSON) -> UsageMetadata:
    """`usageMetadata` from a parsed answer.

    Raises:
        MalformedOutput: a count is not a whole number of at least 0.
    """
    try:
        return msgspec.convert(tree, UsageMetadata)
    except msgspec.ValidationError as error:
        raise MalformedOutput(f"usageMetadata: {error}") from None


def searches(queries: Iterable[str], model: str) -> int:
    """How many Google searches are billed: each different query from Gemini 3 on, before that a grounded prompt
    once ("Grounding with Google Search", Pricing).
    """
    different = len({query for query in queries if query})
    return min(different, 1) if older_than(model, 3) else different


def _of(modality: str, counts: list[ModalityCount]) -> int:
    return sum(each.token_count for each in counts if each.modality == modality)
