"""Every recorded answer with usage costs the same whole and streamed, and what its vendor's rules make of it.

The other form of an answer is made by hand as its vendor writes it, with the usage object that was recorded. What it
should cost is computed here by other means than the code under test: from the recorded JSON and the price list's
decimal strings, category by category.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

import pytest

from headgate import dialects
from headgate.catalog import Catalog, Price, cost, upper_bound
from headgate.catalog.cost import CATEGORIES
from headgate.dialects.eventstream import EventStreamFramer
from headgate.dialects.framing import SseFramer
from headgate.money import to_decimal
from headgate.types import Frame, Usage
from recordings import Recording, params, recordings
from vendor_answers import STREAMED, WHOLE, usage_streamed, usage_whole
from vendor_laws import frames_of

J = dict[str, Any]
ROWS = [each for each in recordings() if each.dialect is not None and each.status == 200]
CATALOG = Catalog()

VENDORS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure",
    "api.anthropic.com": "anthropic",
    "googleapis.com": "google",
    "amazonaws.com": "aws",
    "api.aws": "aws",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.cerebras.ai": "cerebras",
    "api.z.ai": "zai",
    "openrouter.ai": "openrouter",
    "router.huggingface.co": "huggingface",
}
"""What the catalog calls the vendor behind a host."""

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
TELLING = Price(
    "telling", {name: Fraction(prime * 10**6 + 1, 7) for name, prime in zip(CATEGORIES, _PRIMES, strict=True)}
)
"""A price of every category, each another: two usages that differ anywhere hardly cost the same."""


def recorded_frames(row: Recording) -> list[Frame]:
    aws = dialects.get(str(row.dialect)).framing == "aws"
    return frames_of(EventStreamFramer() if aws else SseFramer(), [row.body])


def trees(row: Recording) -> list[J]:
    """A recording's JSON documents: one, or one per frame."""
    if not row.streamed:
        return [json.loads(row.body)]
    return [json.loads(frame.data) for frame in recorded_frames(row) if frame.data != b"[DONE]"]


# ── what each vendor's documentation makes of a usage object, written down apart from the dialects ──


def _chat_bill(tree: J) -> dict[str, int]:
    usage = tree["usage"]
    prompt, completion = usage["prompt_tokens"], usage.get("completion_tokens") or 0
    details = usage.get("prompt_tokens_details") or {}
    made = usage.get("completion_tokens_details") or {}
    cached = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or usage.get("cached_tokens") or 0
    cached = cached or usage.get("num_cached_tokens") or 0
    wrote = details.get("cache_write_tokens") or 0
    searches = usage.get("server_tool_use_details") or usage.get("server_tool_use") or {}
    return {
        # OpenRouter counts what it wrote into a Gemini cache as read, too, and bills it as both
        "input_tokens": prompt - (max(cached, wrote) if cached + wrote > prompt else cached + wrote),
        "cached_tokens": cached,
        "cache_write_5m_tokens": wrote,
        "output_tokens": completion,
        "reasoning_tokens": made.get("reasoning_tokens") or 0,
        "web_searches": searches.get("web_search_requests") or 0,
    }


def _responses_bill(tree: J) -> dict[str, int]:
    usage = tree["usage"]
    details = usage.get("input_tokens_details") or {}
    cached, wrote = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    told = ((tree.get("tool_usage") or {}).get("web_search") or {}).get("num_requests")
    calls = [each for each in tree.get("output") or () if each["type"] == "web_search_call"]
    searched = sum((each.get("action") or {}).get("type", "search") == "search" for each in calls)
    return {
        "input_tokens": usage["input_tokens"] - cached - wrote,
        "cached_tokens": cached,
        "cache_write_5m_tokens": wrote,
        "output_tokens": usage["output_tokens"],
        "reasoning_tokens": (usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
        "web_searches": told or searched,
    }


def _anthropic_bill(tree: J) -> dict[str, int]:
    usage = tree["usage"]
    bill = dict.fromkeys(CATEGORIES, 0)
    for each in [usage, *(one for one in usage.get("iterations") or () if one["type"] == "compaction")]:
        hour = (each.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
        bill["input_tokens"] += each["input_tokens"]
        bill["cached_tokens"] += each.get("cache_read_input_tokens") or 0
        bill["cache_write_1h_tokens"] += hour
        bill["cache_write_5m_tokens"] += (each.get("cache_creation_input_tokens") or 0) - hour
        bill["output_tokens"] += each["output_tokens"]
    bill["reasoning_tokens"] = (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    bill["web_searches"] = (usage.get("server_tool_use") or {}).get("web_search_requests") or 0
    return bill


def _gemini_bill(tree: J) -> dict[str, int]:
    usage = tree["usageMetadata"]
    cached, thoughts = usage.get("cachedContentTokenCount", 0), usage.get("thoughtsTokenCount", 0)
    queries = {
        query
        for candidate in tree.get("candidates") or ()
        for query in (candidate.get("groundingMetadata") or {}).get("webSearchQueries") or ()
        if query  # "We ignore the empty web search queries when counting unique queries"
    }
    old = re.match(r"gemini-[12]", tree.get("modelVersion", ""))
    bill = {
        "input_tokens": usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0) - cached,
        "cached_tokens": cached,
        "output_tokens": usage.get("candidatesTokenCount", 0) + thoughts,
        "reasoning_tokens": thoughts,
        "web_searches": min(len(queries), 1) if old else len(queries),
    }
    for kind in ("AUDIO", "IMAGE"):
        counted = {
            name: sum(each["tokenCount"] for each in usage.get(name) or () if each["modality"] == kind)
            for name in ("promptTokensDetails", "candidatesTokensDetails", "cacheTokensDetails")
        }
        assert not counted["cacheTokensDetails"], "no recording has cached sound or images"
        bill[f"{kind.lower()}_input_tokens"] = counted["promptTokensDetails"]
        bill[f"{kind.lower()}_output_tokens"] = counted["candidatesTokensDetails"]
        bill["input_tokens"] -= counted["promptTokensDetails"]
        bill["output_tokens"] -= counted["candidatesTokensDetails"]
    return bill


def _bedrock_bill(tree: J) -> dict[str, int]:
    usage = tree["usage"]
    hour = sum(each["inputTokens"] for each in usage.get("cacheDetails") or () if each["ttl"] == "1h")
    return {
        "input_tokens": usage["inputTokens"],
        "cached_tokens": usage.get("cacheReadInputTokens") or 0,
        "cache_write_5m_tokens": (usage.get("cacheWriteInputTokens") or 0) - hour,
        "cache_write_1h_tokens": hour,
        "output_tokens": usage["outputTokens"],
    }


def _cohere_bill(tree: J) -> dict[str, int]:
    billed = tree["usage"]["billed_units"]
    return {"input_tokens": int(billed["input_tokens"]), "output_tokens": int(billed["output_tokens"])}


BILLS: dict[str, Callable[[J], dict[str, int]]] = {
    "openai_chat": _chat_bill,
    "openai_responses": _responses_bill,
    "anthropic_messages": _anthropic_bill,
    "gemini_generate": _gemini_bill,
    "bedrock_converse": _bedrock_bill,
    "cohere_chat": _cohere_bill,
}


def has_usage(row: Recording) -> bool:
    return any(
        tree.get("usage")
        or "promptTokenCount" in tree.get("usageMetadata", {})
        or (tree.get("response") or {}).get("usage")
        or "message" in tree
        for tree in trees(row)
    )


BILLED = [row for row in ROWS if has_usage(row)]


def document(row: Recording) -> J:
    return WHOLE[str(row.dialect)](trees(row)) if row.streamed else json.loads(row.body)


def vendor(row: Recording) -> str:
    return next((name for host, name in VENDORS.items() if row.host.endswith(host)), "")


def model(row: Recording) -> str:
    in_path = re.search(r"/models?/([^/]+?)(?::\w+|/converse|/converse-stream)?$", unquote(row.path.split("?")[0]))
    return row.request.get("model") or (in_path[1] if in_path else "")


def by_decimals(price: Price, bill: dict[str, int]) -> Fraction | None:
    """Dollars, from the decimal strings the price is shown with. None where something used has none."""
    prompt = sum(bill.get(name, 0) for name in CATEGORIES if "output" not in name and name.endswith("tokens"))
    prompt -= bill.get("reasoning_tokens", 0)
    reached = [rates for start, rates in price.tiers if prompt > start]
    shown = price.per_million(reached[-1] if reached else None)
    total = Fraction(0)
    for name, count in bill.items():
        if name == "reasoning_tokens" or not count:
            continue  # among the output, and none of these models bills it apart
        if name not in shown:
            return None
        total += count * Fraction(shown[name]) / (1000 if name == "web_searches" else 10**6)
    return total


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_nearly_every_recorded_answer_has_usage() -> None:
    rest = len(ROWS) - len(BILLED)  # some in the background, errors inside a stream, blocked prompts
    assert len(BILLED) > 50 * rest


@pytest.mark.parametrize("row", params(BILLED))
def test_a_recorded_answer_costs_the_same_whole_and_streamed(row: Recording) -> None:
    name = str(row.dialect)
    frames = recorded_frames(row) if row.streamed else STREAMED[name](json.loads(row.body))
    whole, streamed = usage_whole(name, document(row)), usage_streamed(name, frames)
    assert whole is not None
    assert whole == streamed
    assert cost(whole, TELLING) == cost(streamed, TELLING) is not None
    price = CATALOG.price(vendor(row), model(row))
    if price is not None:
        assert cost(whole, price) == cost(streamed, price)


@pytest.mark.parametrize("row", params(BILLED))
def test_a_recorded_answer_costs_what_its_vendors_rules_make_of_it(row: Recording) -> None:
    usage = usage_whole(str(row.dialect), document(row))
    assert usage is not None
    bill = BILLS[str(row.dialect)](document(row))
    assert {name: getattr(usage, name) for name in CATEGORIES} == dict.fromkeys(CATEGORIES, 0) | bill
    price = CATALOG.price(vendor(row), model(row))
    if price is None:
        return
    expected, found = by_decimals(price, bill), cost(usage, price)
    assert found == (None if expected is None else round(expected * 10**12))


@pytest.mark.parametrize("row", params(BILLED))
def test_the_bound_of_a_recorded_answers_tokens_covers_its_cost(row: Recording) -> None:
    usage = usage_whole(str(row.dialect), document(row))
    price = CATALOG.price(vendor(row), model(row))
    found = None if usage is None or price is None else cost(usage, price)
    if usage is not None and price is not None and found is not None:
        bound = upper_bound(price, usage.total_input_tokens, usage.total_output_tokens, usage.web_searches)
        assert bound is not None
        assert found <= bound


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_nearly_every_recorded_model_has_a_price() -> None:
    unknown = {(vendor(row), model(row)) for row in BILLED if CATALOG.price(vendor(row), model(row)) is None}
    known = [row for row in BILLED if (vendor(row), model(row)) not in unknown]
    assert len(known) > 0.9 * len(BILLED), sorted(unknown)


NOT_COMPARED = {
    "openai/gpt-5.6-sol": "its price has fallen since",
    "openai/gpt-4o-mini": "OpenRouter searched the web by itself, which its usage object does not tell",
    "openai/gpt-oss-20b": "it chose a dearer host than the one the list is about",
    "qwen/qwen3-30b-a3b-instruct-2507": "it chose a dearer host than the one the list is about",
}


@pytest.mark.skipif(not ROWS, reason="recordings are absent: set HEADGATE_DATA")
def test_costs_are_those_openrouter_says_it_took() -> None:
    """The one vendor whose answers tell what they cost."""
    compared = 0
    for row in BILLED:
        told = None if vendor(row) != "openrouter" else document(row)["usage"].get("cost")
        usage = usage_whole(str(row.dialect), document(row))
        found = CATALOG.cost("openrouter", model(row), usage or Usage())
        if not told or found is None or model(row) in NOT_COMPARED:
            continue
        assert abs(to_decimal(found) - Decimal(repr(told))) <= Decimal("1e-12"), row.id
        compared += 1
    assert compared >= 15
