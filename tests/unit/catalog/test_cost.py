"""What a call costs, exact to the picodollar."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from headgate.catalog import Catalog, Price, cost, parts
from headgate.catalog.config import PriceConfig, TierConfig
from headgate.catalog.prices import configured
from headgate.money import format_usd
from headgate.types import Usage


def dollars(**per_million: str) -> Price:
    return Price("test", {name: Fraction(value) * 10**6 for name, value in per_million.items()})


WORKED = [
    (("3", "3.75", "15"), Usage(input_tokens=3, cache_write_5m_tokens=12_304, output_tokens=550), "0.054399"),
    (("5", "6.25", "25"), Usage(input_tokens=6, cache_write_5m_tokens=159_217, output_tokens=2_745), "1.06376125"),
]


@pytest.mark.parametrize(("price", "usage", "expected"), WORKED)
def test_the_worked_examples_of_the_design_are_exact(price: tuple[str, str, str], usage: Usage, expected: str) -> None:
    given, written, made = price
    found = cost(usage, dollars(input_tokens=given, cache_write_5m_tokens=written, output_tokens=made))
    assert found is not None
    assert format_usd(found) == expected


# Computed by hand from each vendor's price page, in dollars.
BY_HAND = [
    # 1,000 x 0.15 + 500 x 0.60 per million
    ("openai", "gpt-4o-mini", Usage(input_tokens=1_000, output_tokens=500), "0.00045"),
    # 100 x 2.50 + 1,920 x 1.25 + 300 x 10
    ("openai", "gpt-4o", Usage(input_tokens=100, cached_tokens=1_920, output_tokens=300), "0.00565"),
    # reasoning is among the output: 400 x 10 once, not twice
    ("openai", "gpt-4o", Usage(output_tokens=400, reasoning_tokens=350), "0.004"),
    # 7 x 0.02
    ("openai", "text-embedding-3-small", Usage(input_tokens=7), "0.00000014"),
    # 10 x 2.50 + 20 x 32 + 30 x 64
    ("openai", "gpt-audio", Usage(input_tokens=10, audio_input_tokens=20, audio_output_tokens=30), "0.002585"),
    # the deployment's base model, at OpenAI's price
    ("azure", "gpt-4o-mini", Usage(input_tokens=1_000, output_tokens=500), "0.00045"),
    # 3 x 3 + 12,304 x 3.75 + 550 x 15
    ("anthropic", "claude-sonnet-4-5", WORKED[0][1], "0.054399"),
    # 6 x 5 + 159,217 x 6.25 + 2,745 x 25
    ("anthropic", "claude-opus-4-5", WORKED[1][1], "1.06376125"),
    # 1,000 written for an hour at twice 3
    ("anthropic", "claude-sonnet-4-5", Usage(cache_write_1h_tokens=1_000), "0.006"),
    # 5,000 read x 0.30 + 2 searches x 0.01
    ("anthropic", "claude-sonnet-4-5", Usage(cached_tokens=5_000, web_searches=2), "0.0215"),
    # over 200,000 the whole request is dearer: 200,001 x 6 + 10 x 22.50
    ("anthropic", "claude-sonnet-4-5", Usage(input_tokens=200_001, output_tokens=10), "1.200231"),
    # exactly 200,000 is not over: 200,000 x 3
    ("anthropic", "claude-sonnet-4-5", Usage(input_tokens=200_000), "0.6"),
    # the dated id is the same model
    ("anthropic", "claude-haiku-4-5-20251001", Usage(input_tokens=10, output_tokens=10), "0.00006"),
    # 1,000 x 0.30 + 1,000 audio x 1.00 + 100 x 2.50
    ("google", "gemini-2.5-flash", Usage(input_tokens=1_000, audio_input_tokens=1_000, output_tokens=100), "0.00155"),
    # an image at the price of text: 258 x 1.25 + 10 x 10
    ("google", "gemini-2.5-pro", Usage(image_input_tokens=258, output_tokens=10), "0.0004225"),
    # 1,290 tokens of image made x 30
    ("google", "gemini-2.5-flash-image", Usage(image_output_tokens=1_290), "0.0387"),
    # over 200,000: 250,000 x 2.50 + 1,000 x 15
    ("google", "gemini-2.5-pro", Usage(input_tokens=250_000, output_tokens=1_000), "0.64"),
    # 1,000 x 2.50 + 200 x 10
    ("cohere", "command-a-03-2025", Usage(input_tokens=1_000, output_tokens=200), "0.0045"),
    # 1,000 x 0.59 + 1,000 x 0.79
    ("groq", "llama-3.3-70b-versatile", Usage(input_tokens=1_000, output_tokens=1_000), "0.00138"),
    # tokens 1,000 x 1 + 1,000 x 1, and 12 dollars per thousand requests
    ("perplexity", "sonar", Usage(input_tokens=1_000, output_tokens=1_000), "0.014"),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "model", "usage", "expected"), BY_HAND)
def test_costs_are_those_computed_by_hand(vendor: str, model: str, usage: Usage, expected: str) -> None:
    found = Catalog().cost(vendor, model, usage)
    assert found is not None
    assert format_usd(found) == expected


def test_a_price_in_fractions_of_a_picodollar_is_rounded_once_half_to_even() -> None:
    price = Price("test", {"input_tokens": Fraction(1, 2), "output_tokens": Fraction(1, 4)})
    assert cost(Usage(input_tokens=1), price) == 0
    assert cost(Usage(input_tokens=3), price) == 2
    assert cost(Usage(input_tokens=1, output_tokens=2), price) == 1  # rounded apart both halves would be lost
    assert cost(Usage(input_tokens=5), price) == 2


def test_a_category_without_a_price_makes_the_cost_unknown_only_when_it_was_used() -> None:
    price = dollars(input_tokens="1")
    assert cost(Usage(input_tokens=2), price) == 2_000_000
    assert cost(Usage(input_tokens=2, audio_output_tokens=1), price) is None
    assert cost(Usage(web_searches=1), price) is None


def test_reasoning_with_a_price_of_its_own_costs_that_and_the_rest_of_the_output_its_own() -> None:
    price = dollars(output_tokens="8", reasoning_tokens="3")
    assert cost(Usage(output_tokens=100, reasoning_tokens=60), price) == (40 * 8 + 60 * 3) * 10**6


def test_a_fee_per_request_is_charged_once_and_not_for_nothing() -> None:
    price = Price("test", {"input_tokens": Fraction(1), "requests": Fraction(1000)})
    assert cost(Usage(input_tokens=5), price) == 1005
    assert cost(Usage(), price) == 0


def test_a_fee_is_charged_for_each_search_unit() -> None:
    price = Price("test", {"input_tokens": Fraction(1), "requests": Fraction(1000)})
    assert cost(Usage(search_units=3), price) == 3000
    assert cost(Usage(input_tokens=5, search_units=3), price) == 3005
    assert [(each.category, each.quantity) for each in parts(Usage(search_units=3), price) or ()] == [("requests", 3)]


def test_what_is_billed_by_the_search_alone_has_no_cost_where_only_tokens_have_a_price() -> None:
    price = dollars(input_tokens="1")
    assert cost(Usage(search_units=1), price) is None
    assert cost(Usage(input_tokens=2, search_units=1), price) == 2_000_000
    assert cost(Usage(search_units=1), dollars(input_tokens="0")) == 0
    assert cost(Usage(search_units=1), dollars(input_tokens="1", requests="0")) == 0


def test_a_tier_goes_by_the_whole_prompt_cached_or_not() -> None:
    config = PriceConfig(
        input=Decimal(1),
        output=Decimal(2),
        tiers=[
            TierConfig(over_tokens=1000, input=Decimal(10), output=Decimal(20)),
            TierConfig(over_tokens=100, input=Decimal(3), output=Decimal(4)),
        ],
    )
    price = configured("test", config)
    assert cost(Usage(input_tokens=100, output_tokens=1), price) == 102 * 10**6
    assert cost(Usage(input_tokens=60, cached_tokens=41, output_tokens=1), price) == (101 * 3 + 4) * 10**6
    assert cost(Usage(cached_tokens=1001, output_tokens=1), price) == (1001 * 10 + 20) * 10**6


def test_unknown_models_cost_an_unknown_amount_never_nothing() -> None:
    catalog = Catalog()
    used = Usage(input_tokens=1, output_tokens=1)
    assert catalog.cost("openai", "no-such-model", used) is None
    assert catalog.cost("", "gpt-4o", used) is None
    assert catalog.cost("openai", "whisper-1", used) is None  # billed by the minute, which no usage counts
