"""Make src/headgate/catalog/prices.json anew from the installed genai-prices (https://github.com/pydantic/genai-prices).

    python tools/update_prices.py [--check]

Kept per model: the rule that finds it, the prices of today, the context window. Of prices that begin on a date the one
in force when the snapshot is made is kept; of prices by the hour of the day the highest, so that a bill is never
estimated too low. Prices of requests that are processed in another way (batch, flex, priority, fast) stand beside the
model's own, under the vendor's name of the way.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types
from genai_prices.data import providers

FILE = Path(__file__).parents[1] / "src" / "headgate" / "catalog" / "prices.json"

VENDORS = (
    "anthropic", "aws", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq", "mistral",
    "moonshotai", "novita", "openai", "openrouter", "perplexity", "together", "voyageai", "x-ai", "zai",
)  # fmt: skip
"""Whose prices are kept: those with a row of their own, those these fall back to, and the common ones beside them."""

HUGGING_FACE = "huggingface_"
"""Prefix of Hugging Face's inference providers, a list each."""

KEYS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "cache_audio_read_mtok": "audio_cached",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "web_searches_kcount": "thousand_web_searches",
    "requests_kcount": "thousand_requests",
}
"""Our names of theirs. What cache writes cost without a word on how long is what five minutes cost."""

NOT_BILLED_HERE = {
    "storage_searches_kcount",  # a vendor's own vector store, paid beside the call
    "input_video_mtok",  # vendors count video among the input
    "cache_image_read_mtok",  # no vendor reports cached images apart
}
"""Prices of what `Usage` does not tell apart, left out without making the model's price unknown."""


VARIANTS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("service_tier", "fast"): "fast",
    ("speed", "fast"): "fast",
}
"""Our names of the ways a request can be processed. What a search or a route costs is not among them."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether the snapshot is what its day would give")
    if parser.parse_args().check:
        kept = FILE.read_text("utf-8")
        return 0 if snapshot(date.fromisoformat(json.loads(kept)["date"])) == kept else 1
    today = datetime.now(UTC).date()
    text = snapshot(today)
    FILE.write_text(text, "utf-8")
    print(f"{FILE.name}: {len(text) // 1024} KB of prices of {today}")
    return 0


def snapshot(today: date) -> str:
    """The snapshot as it was on a day, one model a line so that a change can be read."""
    kept = [each for each in providers if each.id in VENDORS or each.id.startswith(HUGGING_FACE)]
    vendors = ",\n".join(vendor(each, today) for each in kept)
    source = json.dumps(f"genai-prices {version('genai-prices')}")
    return f'{{"source": {source}, "date": "{today}", "vendors": {{\n{vendors}\n}}}}\n'


def vendor(provider: types.Provider, today: date) -> str:
    fallback = [each for each in provider.fallback_model_providers or () if each in VENDORS]
    models = ",\n".join(compact(row) for model in provider.models if (row := entry(model, today)))
    return f'{compact(provider.id)}: {{"fallback": {compact(fallback)}, "models": [\n{models}]}}'


def entry(model: types.ModelInfo, today: date) -> list[Any] | None:
    """`[rule, prices, tiers, context window, variants]`; None where nothing is known that we could use."""
    prices = in_force(model, today)
    known = counted(prices.__dict__)
    if not known and model.context_window is None:
        return None
    rates, tiers = split(known)
    row: list[Any] = [written(model.match), rates, tiers, model.context_window]
    row.append(variants(model, prices, today) if known else {})
    while not row[-1]:
        row.pop()
    return row


def counted(prices: dict[str, Any]) -> dict[str, Decimal | types.TieredPrices]:
    """Prices under our names; none where some is by what we do not count, or free of charge by subscription: then the
    price of a call is not known.
    """
    found = {name: value for name, value in prices.items() if value is not None}
    if found.keys() - KEYS.keys() - NOT_BILLED_HERE or "input_mtok" not in found:
        return {}
    return {KEYS[name]: value for name, value in found.items() if name in KEYS}


def variants(model: types.ModelInfo, ordinary: types.ModelPrice, today: date) -> dict[str, list[Any]]:
    """`[prices, tiers]` of each other way of processing: its own prices, and the ordinary ones where it has none.

    Of several that hold the first one has precedence, price by price, as genai-prices has it.
    """
    own: dict[str, dict[str, Any]] = {}
    for each in model.price_variants or ():
        name = VARIANTS.get(next(iter(each.when.items()))) if len(each.when) == 1 else None
        begins = each.constraint.start_date if isinstance(each.constraint, types.StartDateConstraint) else today
        if name is not None and begins <= today:
            for key, value in each.prices.__dict__.items():
                if value is not None:
                    own.setdefault(name, {}).setdefault(key, value)
    made: dict[str, list[Any]] = {}
    for name, prices in sorted(own.items()):
        known = counted({**ordinary.__dict__, **prices})
        if known:
            rates, tiers = split(known)
            made[name] = [rates, tiers] if tiers else [rates]
    return made


def in_force(model: types.ModelInfo, today: date) -> types.ModelPrice:
    if isinstance(model.prices, types.ModelPrice):
        return model.prices
    chosen = model.prices[0].prices
    for each in model.prices:
        constraint = each.constraint
        if isinstance(constraint, types.StartDateConstraint):
            if constraint.start_date <= today:
                chosen = each.prices
        elif isinstance(constraint, types.TimeOfDateConstraint):
            chosen = max(chosen, each.prices, key=base_input)
        else:
            chosen = each.prices
    return chosen


def base_input(prices: types.ModelPrice) -> Decimal:
    price = prices.input_mtok
    if isinstance(price, types.TieredPrices):
        return price.base
    return price or Decimal(0)


def split(known: dict[str, Decimal | types.TieredPrices]) -> tuple[dict[str, str], list[list[Any]]]:
    """Rates, and the rates that differ above each number of prompt tokens."""
    rates = {name: number(price.base if tiered(price) else price) for name, price in known.items()}
    starts = sorted({tier.start for price in known.values() if tiered(price) for tier in price.tiers})
    tiers = [
        [start, {name: number(at(price, start)) for name, price in known.items() if tiered(price)}] for start in starts
    ]
    return rates, tiers


def tiered(price: Decimal | types.TieredPrices) -> bool:
    return isinstance(price, types.TieredPrices)


def at(price: types.TieredPrices, start: int) -> Decimal:
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)


def number(value: Decimal) -> str:
    return f"{value.normalize():f}"


SIGNS = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "*", "regex": "~"}


def written(match: Any) -> list[Any]:
    """A rule in the form of headgate.catalog.match."""
    for name, sign in SIGNS.items():
        if hasattr(match, name):
            value = getattr(match, name)
            return [sign, value if name == "regex" else value.lower()]
    if hasattr(match, "and_"):
        return ["&", *(written(each) for each in match.and_)]
    merged: dict[str, list[Any]] = {}
    for each in map(written, match.or_):
        merged.setdefault(each[0] if each[0] in SIGNS.values() else repr(each), [each[0]]).extend(each[1:])
    rules = list(merged.values())
    return rules[0] if len(rules) == 1 else ["|", *rules]


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main())
