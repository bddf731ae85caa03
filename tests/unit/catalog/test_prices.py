"""The price list: finding a model, what is configured instead, and what the list was made from."""

from __future__ import annotations

import json
import runpy
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from headgate.catalog import Catalog, PriceConfig, cost, price_list
from headgate.catalog.catalog import HELD
from headgate.catalog.match import rule_of
from headgate.money import from_decimal
from headgate.types import Usage

ROOT = Path(__file__).parents[3]
USED = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def price(vendor: str | None, model: str) -> str | None:
    found = Catalog().price(vendor, model)
    return found and found.name


@pytest.mark.parametrize(
    ("vendor", "model", "name"),
    [
        ("openai", "GPT-4o", "openai/gpt-4o"),
        ("azure", "gpt-4o-mini", "openai/gpt-4o-mini"),
        ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws/us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("google", "claude-sonnet-4-5@20250929", "google/claude-sonnet-4-5@20250929"),
        ("huggingface", "Qwen/Qwen2.5-7B-Instruct:together", "huggingface_together/qwen/qwen2.5-7b-instruct"),
        ("openrouter", "openai/gpt-4o", "openrouter/openai/gpt-4o"),
        ("simulator", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        (None, "openai/gpt-4o", "openai/gpt-4o"),
        (None, "gpt-4o", None),
        ("", "openai/gpt-4o", None),
        ("openai", "gpt-4o-from-elsewhere", None),
    ],
)
def test_a_model_is_found_under_the_names_its_vendor_gives_it(vendor: str | None, model: str, name: str | None) -> None:
    assert price(vendor, model) == name


def test_a_configured_price_goes_before_the_list_and_an_exact_name_before_a_pattern() -> None:
    catalog = Catalog(
        {
            "openai/gpt-4o": PriceConfig(input=Decimal(7), output=Decimal(8)),
            "llama*": PriceConfig(input=Decimal(1)),
            "llama-3*": PriceConfig(input=Decimal(2)),
            "llama-3-exact": PriceConfig(input=Decimal(3)),
        }
    )
    assert catalog.cost("openai", "gpt-4o", USED) == 15 * 10**12
    assert catalog.cost("azure", "gpt-4o", USED) == 12_500_000_000_000
    one = Usage(input_tokens=1_000_000)
    assert catalog.cost("anything", "llama-2", one) == 10**12
    assert catalog.cost("anything", "LLAMA-3-big", one) == 2 * 10**12
    assert catalog.cost("anything", "llama-3-exact", one) == 3 * 10**12
    assert catalog.cost(None, "llama-3-exact", one) == 3 * 10**12


def test_a_configured_price_without_cached_and_image_prices_counts_them_as_input_and_output() -> None:
    catalog = Catalog({"m": PriceConfig(input=Decimal(2), output=Decimal(3))})
    assert catalog.cost("", "m", Usage(cached_tokens=5, image_input_tokens=5, image_output_tokens=1)) == 23_000_000
    assert catalog.cost("", "m", Usage(audio_input_tokens=1)) is None
    assert catalog.cost("", "m", Usage(cache_write_5m_tokens=1)) is None


def test_free_of_charge_is_a_price() -> None:
    assert Catalog({"m": PriceConfig(input=Decimal(0), output=Decimal(0))}).cost("", "m", USED) == 0


def test_claude_cache_writes_follow_anthropics_rule_where_the_list_is_silent() -> None:
    found = Catalog().price("aws", "anthropic.claude-3-haiku-20240307-v1:0")
    assert found is not None
    base = found.rates["input_tokens"]
    assert found.rates["cache_write_5m_tokens"] in {base * Fraction(5, 4), Fraction("0.3") * 10**6}
    assert found.rates["cache_write_1h_tokens"] == 2 * base


def test_names_made_up_by_clients_do_not_grow_the_cache_without_bound() -> None:
    catalog = Catalog()
    for number in range(HELD + 10):
        catalog.price("no-vendor", f"model-{number}")
        catalog.limits("no-vendor", f"model-{number}")
        catalog.versioned(f"edition:no-vendor/model-{number}")
    assert len(catalog._prices) <= HELD
    assert len(catalog._limits) <= HELD
    assert len(catalog._versions) <= HELD


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        (["=", "a", "b"], "b", "ab"),
        (["^", "ab"], "abc", "cab"),
        (["$", "ab"], "cab", "abc"),
        (["*", "b"], "abc", "ac"),
        (["~", r"^a\d$"], "a1", "a12"),
        (["|", ["=", "x"], ["^", "y"]], "yes", "no"),
        (["&", ["^", "a"], ["$", "z"]], "abz", "abc"),
    ],
)
def test_each_kind_of_rule_finds_what_it_says(rule: list[Any], yes: str, no: str) -> None:
    assert rule_of(rule)(yes)
    assert not rule_of(rule)(no)


def test_a_rule_of_no_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of rule"):
        rule_of(["?", "x"])


def test_the_snapshot_is_small_and_what_its_generator_makes_of_its_day() -> None:
    file = ROOT / "src" / "headgate" / "catalog" / "prices.json"
    text = file.read_text("utf-8")
    assert len(text) < 400 * 1024
    known = json.loads(text)
    tool = runpy.run_path(str(ROOT / "tools" / "update_prices.py"))
    made = tool["snapshot"](date.fromisoformat(known["date"]))
    if json.loads(made)["source"] != known["source"]:
        pytest.skip(f"the installed genai-prices is not the one the snapshot is from, {known['source']}")
    assert made == text


def test_every_price_of_the_list_is_the_one_genai_prices_computes() -> None:
    from genai_prices import types
    from genai_prices.data import providers

    now = datetime.fromisoformat(price_list().date).replace(hour=12, tzinfo=UTC)
    usage = types.Usage(input_tokens=12_345, output_tokens=678)
    compared = 0
    for provider in providers:
        if provider.id not in price_list().vendors:
            continue
        for model in provider.models:
            timed = isinstance(model.prices, list) and any(
                isinstance(each.constraint, types.TimeOfDateConstraint) for each in model.prices
            )
            found = price_list().find(provider.id, model.id)
            first = next((each for each in provider.models if each.is_match(model.id)), None)
            if timed or found is None or found.price is None or first is not model:
                continue
            if "output_tokens" not in found.price.rates:
                continue
            expected = model.calc_price(usage, provider, genai_request_timestamp=now).total_price
            catalog = Catalog()
            ours = catalog.cost(None, f"{provider.id}/{model.id}", Usage(input_tokens=12_345, output_tokens=678))
            assert ours == from_decimal(expected), f"{provider.id}/{model.id}"
            compared += 1
    assert compared > 1000


WAYS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("speed", "fast"): "fast",
}


def test_every_price_of_another_way_of_processing_is_the_one_genai_prices_computes() -> None:
    from genai_prices import types
    from genai_prices.data import providers

    now = datetime.fromisoformat(price_list().date).replace(hour=12, tzinfo=UTC)
    usage = types.Usage(input_tokens=300_000, output_tokens=678, cache_read_tokens=100)
    ours = Usage(input_tokens=299_900, cached_tokens=100, output_tokens=678)
    compared = 0
    for provider in (each for each in providers if each.id in price_list().vendors):
        for model in provider.models:
            found = price_list().find(provider.id, model.id)
            first = next((each for each in provider.models if each.is_match(model.id)), None)
            if found is None or found.price is None or first is not model or "output_tokens" not in found.price.rates:
                continue
            for (key, value), way in WAYS.items():
                price = found.price.processed(way)
                context = {key: value}
                if price is None or not any(each.when == context for each in model.price_variants or ()):
                    continue
                expected = model.calc_price(usage, provider, genai_request_timestamp=now, price_context=context)
                assert cost(ours, price) == from_decimal(expected.total_price), f"{price.name}"
                compared += 1
    assert compared > 100


def test_what_a_model_that_only_makes_images_puts_out_is_images() -> None:
    sole, apart = Catalog().price("openai", "gpt-image-1"), Catalog().price("openai", "gpt-image-1.5")
    assert sole is not None
    assert apart is not None
    assert sole.rates["image_output_tokens"] == sole.rates["output_tokens"]
    assert apart.rates["image_output_tokens"] > apart.rates["output_tokens"]
    batch = sole.processed("batch")
    assert batch is not None
    assert batch.rates["image_output_tokens"] == batch.rates["output_tokens"] < sole.rates["output_tokens"]
    other = Catalog().price("openai", "gpt-4o")
    assert other is not None
    assert "image_output_tokens" not in other.rates


def test_groqs_flex_costs_what_is_processed_on_demand_does() -> None:
    catalog = Catalog()
    price = catalog.price("groq", "openai/gpt-oss-120b")
    assert price is not None
    flex, batch = price.processed("flex"), price.processed("batch")
    assert flex is not None
    assert flex.rates == price.rates
    assert flex.version == f"{price.version}#flex"
    again = catalog.versioned(flex.version)
    assert again is not None
    assert (again.version, again.rates) == (flex.version, flex.rates)
    assert batch is not None
    assert batch.rates != price.rates
    assert price.processed("performance") is None
