"""What calls cost, computed by hand from vendors' usage objects and price pages.

Each row has the price in dollars per million tokens (per thousand searches and requests) as the price list has it, a
usage object as the vendor's documentation describes it, and the dollars a person gets with pencil and paper. In the
comments all products are millionths of a dollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pytest

from headgate.catalog import Catalog, PriceConfig, cost, parts, upper_bound
from headgate.money import format_usd
from headgate.types import Usage
from vendor_answers import STREAMED, answer, usage_streamed, usage_whole

CATALOG = Catalog()


class Case(NamedTuple):
    vendor: str
    model: str
    price: dict[str, str]
    dialect: str
    usage: dict[str, Any]
    dollars: str
    how: str = ""
    """The way of processing, where it is not the ordinary one."""
    members: Mapping[str, Any] = MappingProxyType({})
    """What else the answer holds."""
    tier: int | None = None
    """The start of the price tier the prompt is in."""


def chat(prompt: int, completion: int, read: dict[str, int] | None = None, made: dict[str, int] | None = None) -> Any:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": read or {},
        "completion_tokens_details": made or {},
    }


def responses(given: int, made: int, cached: int = 0, wrote: int = 0, reasoning: int = 0) -> Any:
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": wrote},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }


def claude(given: int, made: int, read: int = 0, five: int = 0, hour: int = 0, **more: Any) -> Any:
    return {
        "input_tokens": given,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        "output_tokens": made,
        **more,
    }


def kinds(**tokens: int) -> list[dict[str, Any]]:
    return [{"modality": name.upper(), "tokenCount": count} for name, count in tokens.items()]


def searched(*queries: str) -> dict[str, Any]:
    return {"candidates": [{"finishReason": "STOP", "groundingMetadata": {"webSearchQueries": list(queries)}}]}


SEARCH_CALL = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "x"}}
OPEN_PAGE = {**SEARCH_CALL, "action": {"type": "open_page", "url": "https://example.com"}}

CASES = {
    # ── OpenAI: the prompt includes what was cached, written and heard; the completion what was thought and said ──
    # 1,000 x 0.15 = 150; 500 x 0.60 = 300
    "plain": Case(
        "openai", "gpt-4o-mini", {"input": "0.15", "output": "0.6"},
        "openai_chat", chat(1_000, 500), "0.00045",
    ),
    # 2,020 - 1,920 = 100 x 2.50 = 250; 1,920 x 1.25 = 2,400; 300 x 10 = 3,000
    "cached read": Case(
        "openai", "gpt-4o", {"input": "2.5", "cached": "1.25", "output": "10"},
        "openai_chat", chat(2_020, 300, {"cached_tokens": 1_920}), "0.00565",
    ),
    # 80 x 2 = 160; 1,200 x 8 = 9,600, the 1,024 of reasoning among them
    "reasoning": Case(
        "openai", "o3", {"input": "2", "output": "8"},
        "openai_chat", chat(80, 1_200, made={"reasoning_tokens": 1_024}), "0.00976",
    ),
    # 130 - 120 = 10 x 2.50 = 25; 120 x 32 = 3,840; 90 - 70 = 20 x 10 = 200; 70 x 64 = 4,480
    "audio in and out": Case(
        "openai", "gpt-audio", {"input": "2.5", "output": "10", "audio_input": "32", "audio_output": "64"},
        "openai_chat", chat(130, 90, {"audio_tokens": 120}, {"audio_tokens": 70}), "0.008545",
    ),
    # 5,000 - 1,000 - 3,500 = 500 x 2 = 1,000; 1,000 x 0.20 = 200; 3,500 x 2.50 = 8,750; 100 x 10 = 1,000
    "cache write that the prompt includes": Case(
        "openai", "gpt-6-sol", {"input": "2", "cached": "0.2", "cache_write_5m": "2.5", "output": "10"},
        "openai_chat", chat(5_000, 100, {"cached_tokens": 1_000, "cache_write_tokens": 3_500}), "0.01095",
    ),
    # the same by the Responses API: 500 x 2 + 1,000 x 0.20 + 3,500 x 2.50 + 100 x 10
    "cache write by the other API": Case(
        "openai", "gpt-6-sol", {"input": "2", "cached": "0.2", "cache_write_5m": "2.5", "output": "10"},
        "openai_responses", responses(5_000, 100, cached=1_000, wrote=3_500), "0.01095",
    ),
    # over 272,000: 200,000 x 5 = 1,000,000; 100,000 x 0.50 = 50,000; 2,000 x 22.50 = 45,000
    "long prompt": Case(
        "openai", "gpt-5.4", {"input": "5", "cached": "0.5", "output": "22.5"},
        "openai_responses", responses(300_000, 2_000, cached=100_000, reasoning=500), "1.095", tier=272_000,
    ),
    # exactly 272,000 is not over it: 272,000 x 2.50 = 680,000; 10 x 15 = 150
    "prompt at the edge of a tier": Case(
        "openai", "gpt-5.4", {"input": "2.5", "cached": "0.25", "output": "15"},
        "openai_responses", responses(272_000, 10), "0.68015",
    ),
    # 800 x 2 = 1,600; 400 x 8 = 3,200; 2 searches x 10,000 = 20,000; opening a page is no search
    "web searches": Case(
        "openai", "gpt-4.1", {"input": "2", "output": "8", "web_searches": "10"},
        "openai_responses", responses(800, 400), "0.0248",
        members={"output": [SEARCH_CALL, SEARCH_CALL, OPEN_PAGE]},
    ),
    # 10,000 x 0.075 = 750; 2,000 x 0.30 = 600
    "batch": Case(
        "openai", "gpt-4o-mini", {"input": "0.075", "output": "0.3"},
        "openai_chat", chat(10_000, 2_000), "0.00135", how="batch",
    ),
    # 100,000 x 2.50 + 200,000 x 2.50 = 750,000; 1,000 x 11.25 = 11,250
    "batch with a long prompt": Case(
        "openai", "gpt-5.4", {"input": "2.5", "cached": "0.25", "output": "11.25"},
        "openai_chat", chat(300_000, 1_000), "0.76125", how="batch", tier=272_000,
    ),
    # 1,000 x 4.25 = 4,250; 100 x 17 = 1,700
    "priority": Case(
        "openai", "gpt-4o", {"input": "4.25", "cached": "2.125", "output": "17"},
        "openai_chat", chat(1_000, 100), "0.00595", how="priority",
    ),
    # 7 x 0.02 = 0.14
    "embeddings": Case(
        "openai", "text-embedding-3-small", {"input": "0.02"},
        "openai_embeddings", {"prompt_tokens": 7, "total_tokens": 7}, "0.00000014",
    ),
    # a deployment of the same model: 1,000 x 0.15 + 500 x 0.60
    "another seller": Case(
        "azure", "gpt-4o-mini", {"input": "0.15", "output": "0.6"},
        "openai_chat", chat(1_000, 500), "0.00045",
    ),
    # ── Anthropic: the input counts neither what was read from the cache nor what was written to it ──
    # 3 x 3 = 9; 12,304 x 3.75 = 46,140; 550 x 15 = 8,250
    "the design's first example": Case(
        "anthropic", "claude-sonnet-4-5", {"input": "3", "cache_write_5m": "3.75", "output": "15"},
        "anthropic_messages", claude(3, 550, five=12_304), "0.054399",
    ),
    # 6 x 5 = 30; 159,217 x 6.25 = 995,106.25; 2,745 x 25 = 68,625
    "the design's second example": Case(
        "anthropic", "claude-opus-4-5", {"input": "5", "cache_write_5m": "6.25", "output": "25"},
        "anthropic_messages", claude(6, 2_745, five=159_217), "1.06376125",
    ),
    # 10 x 3 = 30; 40,000 x 0.30 = 12,000; 2,000 x 3.75 = 7,500; 3,000 x 6 = 18,000; 800 x 15 = 12,000
    "both cache writes and a read": Case(
        "anthropic", "claude-sonnet-4-5",
        {"input": "3", "cached": "0.3", "cache_write_5m": "3.75", "cache_write_1h": "6", "output": "15"},
        "anthropic_messages", claude(10, 800, read=40_000, five=2_000, hour=3_000), "0.04953",
    ),
    # 100 x 5 = 500; 2,000 x 25 = 50,000, the 1,500 of thinking among them
    "thinking": Case(
        "anthropic", "claude-opus-4-5", {"input": "5", "output": "25"},
        "anthropic_messages", claude(100, 2_000, output_tokens_details={"thinking_tokens": 1_500}), "0.0505",
    ),
    # 9,000 x 1 = 9,000; 300 x 5 = 1,500; 3 searches x 10,000 = 30,000
    "the vendor's own searches": Case(
        "anthropic", "claude-haiku-4-5", {"input": "1", "output": "5", "web_searches": "10"},
        "anthropic_messages", claude(9_000, 300, server_tool_use={"web_search_requests": 3}), "0.0405",
    ),
    # 1,000 + 150,000 + 60,000 are over 200,000: 1,000 x 6 = 6,000; 150,000 x 0.60 = 90,000; 60,000 x 7.50 = 450,000;
    # 100 x 22.50 = 2,250
    "long by what was cached": Case(
        "anthropic", "claude-sonnet-4-5", {"input": "6", "cached": "0.6", "cache_write_5m": "7.5", "output": "22.5"},
        "anthropic_messages", claude(1_000, 100, read=150_000, five=60_000), "0.54825", tier=200_000,
    ),
    # 4,000 x 1.50 = 6,000; 1,000 x 1.875 = 1,875; 1,000 x 7.50 = 7,500
    "batch with a cache write": Case(
        "anthropic", "claude-sonnet-4-5", {"input": "1.5", "cache_write_5m": "1.875", "output": "7.5"},
        "anthropic_messages", claude(4_000, 1_000, five=1_000), "0.015375", how="batch",
    ),
    # 50 x 8 = 400; 1,000 x 0.40 = 400; 200 x 40 = 8,000
    "fast": Case(
        "anthropic", "claude-opus-5-5", {"input": "8", "cached": "0.4", "output": "40"},
        "anthropic_messages", claude(50, 200, read=1_000), "0.0088", how="fast",
    ),
    # compaction is beyond the totals: 10 + 1,000 = 1,010 x 5 = 5,050; 20 + 100 = 120 x 25 = 3,000
    "a conversation compacted on the way": Case(
        "anthropic", "claude-opus-4-6", {"input": "5", "output": "25"},
        "anthropic_messages",
        claude(10, 20, iterations=[
            {"type": "compaction", "input_tokens": 1_000, "output_tokens": 100},
            {"type": "message", "input_tokens": 10, "output_tokens": 20},
        ]),
        "0.00805",
    ),
    # ── Google: the prompt includes what was cached, not what its tools fed back; thoughts are beside the candidates ──
    # 2,000 - 1,500 = 500 x 0.30 = 150; 1,500 x 1 = 1,500; 100 + 50 = 150 x 2.50 = 375
    "sound in a prompt": Case(
        "google", "gemini-2.5-flash", {"input": "0.3", "audio_input": "1", "output": "2.5"},
        "gemini_generate",
        {
            "promptTokenCount": 2_000, "promptTokensDetails": kinds(audio=1_500, text=500),
            "candidatesTokenCount": 100, "thoughtsTokenCount": 50,
        },
        "0.002025",
    ),
    # 1,000 - 700 = 300 x 0.30 = 90; 2,000 - 1,800 = 200 x 1 = 200; 700 x 0.03 = 21; 1,800 x 0.10 = 180; 10 x 2.50 = 25
    "cached sound": Case(
        "google", "gemini-2.5-flash",
        {"input": "0.3", "cached": "0.03", "audio_input": "1", "audio_cached": "0.1", "output": "2.5"},
        "gemini_generate",
        {
            "promptTokenCount": 3_000, "promptTokensDetails": kinds(audio=2_000, text=1_000),
            "cachedContentTokenCount": 2_500, "cacheTokensDetails": kinds(audio=1_800, text=700),
            "candidatesTokenCount": 10,
        },
        "0.000516",
    ),
    # 270 x 0.30 = 81, the 258 of an image at the price of text; 1,300 - 1,290 = 10 x 2.50 = 25; 1,290 x 30 = 38,700
    "an image from an image": Case(
        "google", "gemini-2.5-flash-image",
        {"input": "0.3", "image_input": "0.3", "output": "2.5", "image_output": "30"},
        "gemini_generate",
        {
            "promptTokenCount": 270, "promptTokensDetails": kinds(image=258, text=12),
            "candidatesTokenCount": 1_300, "candidatesTokensDetails": kinds(image=1_290),
        },
        "0.038806",
    ),
    # over 200,000: 250,000 - 50,000 = 200,000 x 2.50 = 500,000; 50,000 x 0.25 = 12,500; 1,000 + 3,000 = 4,000 x 15 = 60,000
    "long and partly cached": Case(
        "google", "gemini-2.5-pro", {"input": "2.5", "cached": "0.25", "output": "15"},
        "gemini_generate",
        {
            "promptTokenCount": 250_000, "cachedContentTokenCount": 50_000, "candidatesTokenCount": 1_000,
            "thoughtsTokenCount": 3_000,
        },
        "0.5725", tier=200_000,
    ),
    # 100 + 400 = 500 x 0.50 = 250; 200 x 3 = 600; 2 different queries x 14,000 = 28,000
    "searches by the query": Case(
        "google", "gemini-3-flash-preview", {"input": "0.5", "output": "3", "web_searches": "14"},
        "gemini_generate",
        {"promptTokenCount": 100, "toolUsePromptTokenCount": 400, "candidatesTokenCount": 200},
        "0.02885", members={**searched("a", "b", "a", ""), "modelVersion": "gemini-3-flash-preview"},
    ),
    # 100 x 0.30 = 30; 10 x 2.50 = 25; one grounded prompt, whatever its queries: 35,000
    "searches by the prompt": Case(
        "google", "gemini-2.5-flash", {"input": "0.3", "output": "2.5", "web_searches": "35"},
        "gemini_generate", {"promptTokenCount": 100, "candidatesTokenCount": 10}, "0.035055",
        members={**searched("a", "b"), "modelVersion": "gemini-2.5-flash"},
    ),
    # 10,000 x 0.15 = 1,500; 1,000 x 1.25 = 1,250
    "a batch of Google's": Case(
        "google", "gemini-2.5-flash", {"input": "0.15", "output": "1.25"},
        "gemini_generate", {"promptTokenCount": 10_000, "candidatesTokenCount": 1_000}, "0.00275", how="batch",
    ),
    # ── Bedrock: as Anthropic counts, and a tenth dearer in a region ──
    # 20 x 3.30 = 66; 1,000 x 0.33 = 330; 1,500 x 4.125 = 6,187.5; 500 x 6.60 = 3,300; 100 x 16.50 = 1,650
    "Claude in a region": Case(
        "aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        {"input": "3.3", "cached": "0.33", "cache_write_5m": "4.125", "cache_write_1h": "6.6", "output": "16.5"},
        "bedrock_converse",
        {
            "inputTokens": 20, "outputTokens": 100, "totalTokens": 3_120, "cacheReadInputTokens": 1_000,
            "cacheWriteInputTokens": 2_000, "cacheDetails": [{"ttl": "1h", "inputTokens": 500}],
        },
        "0.0115335",
    ),
    # 1,000 x 0.06 = 60; 100 x 0.24 = 24
    "Amazon's own model": Case(
        "aws", "us.amazon.nova-lite-v1:0", {"input": "0.06", "output": "0.24"},
        "bedrock_converse", {"inputTokens": 1_000, "outputTokens": 100, "totalTokens": 1_100}, "0.000084",
    ),
    # ── others ──
    # what is billed, not what was seen: 1,000 x 2.50 = 2,500; 200 x 10 = 2,000
    "billed units": Case(
        "cohere", "command-a-03-2025", {"input": "2.5", "output": "10"},
        "cohere_chat",
        {
            "billed_units": {"input_tokens": 1_000, "output_tokens": 200},
            "tokens": {"input_tokens": 1_500, "output_tokens": 210},
        },
        "0.0045",
    ),
    # 400 x 0.27 = 108; 600 x 0.07 = 42; 100 x 1.10 = 110
    "hits and misses": Case(
        "deepseek", "deepseek-chat", {"input": "0.27", "cached": "0.07", "output": "1.1"},
        "openai_chat",
        {
            "prompt_tokens": 1_000, "prompt_cache_hit_tokens": 600, "prompt_cache_miss_tokens": 400,
            "completion_tokens": 100, "total_tokens": 1_100,
        },
        "0.00026",
    ),
    # 500 - 320 = 180 x 0.50 = 90; 320 x 0.05 = 16; 50 x 1.50 = 75
    "Mistral's cache": Case(
        "mistral", "mistral-large-2512", {"input": "0.5", "cached": "0.05", "output": "1.5"},
        "openai_chat",
        {"prompt_tokens": 500, "completion_tokens": 50, "total_tokens": 550, "num_cached_tokens": 320}, "0.000181",
    ),
    # 1,000 - 512 = 488 x 0.15 = 73.2; 512 x 0.075 = 38.4; 200 x 0.60 = 120
    "fractions of a millionth": Case(
        "groq", "openai/gpt-oss-120b", {"input": "0.15", "cached": "0.075", "output": "0.6"},
        "openai_chat", chat(1_000, 200, {"cached_tokens": 512}), "0.0002316",
    ),
    # xAI's reasoning stands beside its completion: 100 x 3 = 300; 50 + 400 = 450 x 15 = 6,750
    "reasoning beside the completion": Case(
        "x-ai", "grok-4", {"input": "3", "output": "15"},
        "openai_chat", {**chat(100, 50, made={"reasoning_tokens": 400}), "total_tokens": 550}, "0.00705",
    ),
    # xAI's tier includes its edge: 200,000 x 2.50 = 500,000; 10 x 5 = 50
    "an edge that is in the tier": Case(
        "x-ai", "grok-4.3", {"input": "2.5", "cached": "0.4", "output": "5"},
        "openai_chat", chat(200_000, 10), "0.50005", tier=199_999,
    ),
    # 1,000 x 1 = 1,000; 1,000 x 1 = 1,000; one request 12,000
    "a fee per request": Case(
        "perplexity", "sonar", {"input": "1", "output": "1", "requests": "12"},
        "openai_chat", chat(1_000, 1_000), "0.014",
    ),
    # 100 x 2 = 200; 1,000 - 600 = 400 x 8 = 3,200; 600 x 3 = 1,800
    "reasoning with a price of its own": Case(
        "openrouter", "perplexity/sonar-deep-research", {"input": "2", "output": "8", "reasoning": "3"},
        "openai_chat", chat(100, 1_000, made={"reasoning_tokens": 600}), "0.0052",
    ),
}  # fmt: skip


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def test_the_price_list_says_what_the_table_says(case: Case) -> None:
    price = CATALOG.price(case.vendor, case.model)
    assert price is not None
    price = price.processed(case.how)
    assert price is not None
    rates = dict(price.tiers)[case.tier] if case.tier is not None else price.rates
    shown = price.per_million(rates)
    for name, dollars in case.price.items():
        assert shown[name if name in ("web_searches", "requests") else f"{name}_tokens"] == dollars


def test_an_answer_costs_what_was_computed_by_hand(case: Case) -> None:
    usage = usage_whole(case.dialect, answer(case.dialect, case.usage, **case.members))
    assert usage is not None
    assert dollars(case, usage) == case.dollars


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.dialect in STREAMED])
def test_the_same_answer_costs_the_same_as_a_stream(name: str) -> None:
    case = CASES[name]
    frames = STREAMED[case.dialect](answer(case.dialect, case.usage, **case.members))
    usage = usage_streamed(case.dialect, frames)
    assert usage is not None
    assert dollars(case, usage) == case.dollars


def test_the_categories_of_an_answer_add_up_to_its_cost_and_its_bound_covers_it(case: Case) -> None:
    usage = usage_whole(case.dialect, answer(case.dialect, case.usage, **case.members))
    price = CATALOG.price(case.vendor, case.model)
    assert usage is not None
    assert price is not None
    price = price.processed(case.how)
    assert price is not None
    found = parts(usage, price)
    assert found is not None
    total = sum(each.cost_picodollars for each in found)
    assert format_usd(total) == case.dollars
    assert all(each.cost_picodollars == each.quantity * each.rate_usd * 10**12 for each in found)
    bound = upper_bound(price, usage.total_input_tokens, usage.total_output_tokens, usage.web_searches)
    assert bound is not None
    assert bound >= total


def dollars(case: Case, usage: Usage) -> str | None:
    price = CATALOG.price(case.vendor, case.model)
    price = price and price.processed(case.how)
    found = None if price is None else cost(usage, price)
    return None if found is None else format_usd(found)


def test_the_table_is_as_wide_as_it_should_be() -> None:
    assert len(CASES) >= 25
    assert len({case.vendor for case in CASES.values()}) >= 10


def test_tokens_in_two_details_at_once_are_counted_once() -> None:
    """Cached sound is among OpenAI's cached tokens and among its audio tokens, and nothing says how much of it there is."""
    usage = usage_whole("openai_chat", answer("openai_chat", chat(100, 1, {"cached_tokens": 80, "audio_tokens": 60})))
    assert usage == Usage(cached_tokens=80, audio_input_tokens=20, output_tokens=1)


@pytest.mark.parametrize(
    ("dialect", "usage"),
    [
        ("openai_chat", chat(100, 1, {"cached_tokens": 90, "cache_write_tokens": 90})),
        ("openai_responses", responses(100, 1, cached=90, wrote=90)),
    ],
)
def test_tokens_written_and_read_at_once_are_billed_as_both_and_the_rest_once(dialect: str, usage: Any) -> None:
    found = usage_whole(dialect, answer(dialect, usage))
    assert found == Usage(input_tokens=10, cached_tokens=90, cache_write_5m_tokens=90, output_tokens=1)


def test_a_write_that_lives_for_hours_has_no_price_where_the_list_has_none() -> None:
    usage = responses(5_000, 100, wrote=3_500)
    usage["input_tokens_details"]["cache_write_tokens_details"] = {"ttl_12h_tokens": 3_500}
    found = usage_whole("openai_responses", answer("openai_responses", usage))
    assert found is not None
    assert found.cache_write_1h_tokens == 3_500
    assert CATALOG.cost("openai", "gpt-6-sol", found) is None


def test_a_way_of_processing_nobody_has_a_price_of_has_none() -> None:
    price = CATALOG.price("openai", "gpt-4o")
    assert price is not None
    assert price.processed("scale") is None
    for ordinary in (None, "", "auto", "default", "standard", "on_demand"):
        assert price.processed(ordinary) is price


def test_an_operator_gives_other_ways_of_processing_as_factors() -> None:
    config = {"input": "2", "output": "8", "thousand_requests": "3", "tiers": [{"over_tokens": 10, "input": "4"}]}
    price = Catalog({"m": _config({**config, "variants": {"batch": "0.5"}})}).price("", "m")
    assert price is not None
    batch = price.processed("batch")
    assert batch is not None
    assert cost(Usage(input_tokens=10, output_tokens=1), batch) == 10 * 10**6 + 4 * 10**6 + 3 * 10**9
    assert (
        cost(Usage(input_tokens=11), batch) == 11 * 2 * 10**6 + 3 * 10**9
    )  # the fee is for the request, batched or not
    assert price.processed("flex") is None


def test_a_version_names_the_list_and_its_entry_or_the_override() -> None:
    listed = CATALOG.price("openai", "gpt-4o")
    assert listed is not None
    edition, _, entry = listed.version.partition(":")
    assert entry == "openai/gpt-4o"
    day, _, digest = edition.partition("+")
    assert len(day) == 10
    assert len(digest) == 8
    batch = listed.processed("batch")
    assert batch is not None
    assert batch.version == f"{listed.version}#batch"


def test_a_version_of_an_override_changes_with_what_it_says_and_with_nothing_else() -> None:
    def version(name: str = "gpt-4o*", **config: Any) -> str:
        price = Catalog({name: _config({"input": "2", "output": "8", **config})}).price("openai", "gpt-4o")
        assert price is not None
        return price.version

    first = version()
    assert first.startswith("override:gpt-4o*:")
    assert first == version() == version(output="8.0")
    tier = {"over_tokens": 5, "input": "3"}
    others = [version(output="9"), version(cached="1"), version(tiers=[tier]), version(tiers=[{**tier, "input": "4"}])]
    assert len({first, *others}) == 5


def test_a_price_is_found_again_by_its_version_while_it_is_in_force() -> None:
    config = {"llama*": _config({"input": "1"}), "vendor/m": _config({"input": "2", "variants": {"batch": "0.5"}})}
    catalog = Catalog(config)
    for vendor, model in (("openai", "gpt-4o"), ("aws", "us.amazon.nova-lite-v1:0"), ("x", "llama-3"), ("vendor", "m")):
        price = catalog.price(vendor, model)
        assert price is not None
        for each in (price, *price.variants.values()):
            again = catalog.versioned(each.version)
            assert again is not None
            assert (again.version, again.rates) == (each.version, each.rates)
        assert (Catalog().versioned(price.version) is None) == price.version.startswith("override:")
    old = Catalog({"llama*": _config({"input": "3"})}).price("x", "llama-3")
    assert old is not None
    assert catalog.versioned(old.version) is None
    assert catalog.versioned("2020-01-01+00000000:openai/gpt-4o") is None
    assert catalog.versioned("nonsense") is None


def test_a_listed_price_is_found_by_its_version_even_where_an_override_hides_it() -> None:
    listed = CATALOG.price("openai", "gpt-4o")
    assert listed is not None
    again = Catalog({"gpt-4o": _config({"input": "1"})}).versioned(listed.version)
    assert again is not None
    assert again.version == listed.version


def _config(config: dict[str, Any]) -> PriceConfig:
    return msgspec.convert(config, PriceConfig)
