"""The `prices:` block of `headgate.yaml`, and of a price file of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec

Dollars = Annotated[Decimal, msgspec.Meta(extra_json_schema={"minimum": 0, "pattern": r"^\d+(\.\d+)?$"})]
"""US dollars, zero or more, as a number or a decimal string."""

Factor = Annotated[Decimal, msgspec.Meta(extra_json_schema={"minimum": 0, "pattern": r"^\d+(\.\d+)?$"})]
"""What something is multiplied with, zero or more, as a number or a decimal string."""


class RatesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model charges, in US dollars per million tokens where nothing else is said."""

    input: Dollars
    """Prompt tokens that were not cached."""
    output: Dollars | None = None
    """Tokens the model made."""
    cached: Dollars | None = None
    """Prompt tokens read from the vendor's cache. The input price where it is not given."""
    cache_write_5m: Dollars | None = None
    """Prompt tokens written to the vendor's cache for five minutes."""
    cache_write_1h: Dollars | None = None
    """Prompt tokens written to the vendor's cache for an hour."""
    reasoning: Dollars | None = None
    """Tokens of reasoning. The output price where it is not given."""
    audio_input: Dollars | None = None
    """Prompt tokens of sound."""
    audio_cached: Dollars | None = None
    """Prompt tokens of sound read from the vendor's cache."""
    audio_output: Dollars | None = None
    """Tokens of sound the model made."""
    image_input: Dollars | None = None
    """Prompt tokens of images. The input price where it is not given."""
    image_output: Dollars | None = None
    """Tokens of images the model made. The output price where it is not given."""
    thousand_web_searches: Dollars | None = None
    """A thousand searches the vendor ran for the model."""
    thousand_requests: Dollars | None = None
    """A thousand requests, whatever they used; of rankings that are billed by the search unit, a thousand units."""


class TierConfig(RatesConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model charges for long prompts."""

    over_tokens: Annotated[int, msgspec.Meta(ge=1)]
    """The whole request costs this once its prompt has more tokens."""


class PriceListConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed price list in place of the built-in one, once 'headgate prices update' has installed one."""

    file: str = "headgate.prices"
    """Where it is installed, from the folder of the configuration file. Its changes are taken over while serving."""
    keys: list[str] = []
    """Public keys it may be signed with, as `name+id+base64`. Without one only the built-in list counts."""


class PriceConfig(RatesConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price of one model, in place of what the built-in price list says."""

    tiers: list[TierConfig] = []
    """Other prices for long prompts."""
    variants: dict[str, Factor] = {}
    """What every price of tokens is multiplied with for requests processed in another way: `{batch: 0.5}`."""
