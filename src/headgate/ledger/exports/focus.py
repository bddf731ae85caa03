"""FOCUS 1.2, the FinOps Open Cost and Usage Specification (https://focus.finops.org), as CSV.

A line is one category of one attempt's usage, so that quantity times unit price is the line's cost and the lines of an
attempt add up to its cost in the ledger, exactly. `docs/money.md` says what each column is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import msgspec

from headgate.catalog import Part, Price, parts
from headgate.ledger.exports.cells import Sheets, safe
from headgate.ledger.exports.columns import moment
from headgate.money import format_usd
from headgate.storage.records import LedgerRow

VENDORS = {
    "anthropic": ("Anthropic", "Claude API"),
    "aws": ("Amazon Web Services", "Amazon Bedrock"),
    "azure": ("Microsoft", "Azure OpenAI"),
    "bedrock": ("Amazon Web Services", "Amazon Bedrock"),
    "cerebras": ("Cerebras", "Cerebras Inference"),
    "cohere": ("Cohere", "Cohere API"),
    "deepseek": ("DeepSeek", "DeepSeek API"),
    "fireworks": ("Fireworks AI", "Fireworks API"),
    "gemini": ("Google", "Gemini API"),
    "google": ("Google", "Gemini API"),
    "groq": ("Groq", "GroqCloud"),
    "huggingface": ("Hugging Face", "Inference Providers"),
    "mistral": ("Mistral AI", "Mistral API"),
    "openai": ("OpenAI", "OpenAI API"),
    "openrouter": ("OpenRouter", "OpenRouter API"),
    "perplexity": ("Perplexity", "Sonar API"),
    "together": ("Together AI", "Together API"),
    "vertex": ("Google", "Vertex AI"),
    "x-ai": ("xAI", "xAI API"),
    "xai": ("xAI", "xAI API"),
}
"""Who a kind of provider is, and what it sells, in its own words."""

METERS = {
    "input_tokens": ("Input Tokens", "Tokens"),
    "cached_tokens": ("Cached Input Tokens", "Tokens"),
    "cache_write_5m_tokens": ("Cache Write Tokens", "Tokens"),
    "cache_write_1h_tokens": ("Long Cache Write Tokens", "Tokens"),
    "output_tokens": ("Output Tokens", "Tokens"),
    "reasoning_tokens": ("Reasoning Tokens", "Tokens"),
    "audio_input_tokens": ("Audio Input Tokens", "Tokens"),
    "audio_cached_tokens": ("Cached Audio Input Tokens", "Tokens"),
    "audio_output_tokens": ("Audio Output Tokens", "Tokens"),
    "image_input_tokens": ("Image Input Tokens", "Tokens"),
    "image_output_tokens": ("Image Output Tokens", "Tokens"),
    "web_searches": ("Web Searches", "Requests"),
    "requests": ("Requests", "Requests"),
}
"""What each category is called, and its unit."""

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName",
    "ListCost", "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId",
    "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType", "Tags",
    "x_AttemptId", "x_CallId", "x_Cause", "x_EndUserId", "x_ErrorCode", "x_KeyId", "x_OperationName", "x_Payer",
    "x_PriceVersion", "x_ProjectId", "x_UsageSource", "x_UserId",
)  # fmt: skip
"""Those of the specification, by name, and then our own."""

_NUMBERS = frozenset(
    {
        "BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "ListCost",
        "ListUnitPrice", "PricingQuantity",
    }
)  # fmt: skip

_json = msgspec.json.Encoder().encode


class Charge(msgspec.Struct, frozen=True):
    """What one line is about."""

    cost_picodollars: int
    quantity: int | None
    unit: str | None
    unit_price: Fraction | None
    """Dollars."""
    sku: str
    meter: str
    details: dict[str, Any] | None = None
    price_id: str = ""
    adjustment: bool = False


class Focus:
    """Lines of charges. `unpriced` counts the attempts whose cost is not known: FOCUS has no word for that, so they are
    left out.

    `price_of` tells the price a row was charged by, or None: `catalog.versioned(row.price_version)`. A row it does not
    account for to the picodollar is one line of its own, for one request at what it cost. `providers` says what kind
    each provider of the configuration is, `names` what teams and organisations are called. With `billed` false all
    `BilledCost` is 0, for whoever loads the vendors' own data beside this. Charges before `closed_until_us` have been
    invoiced: corrections of them belong to the billing period that begins there.
    """

    media_type = "text/csv; charset=utf-8; header=present"
    suffix = "focus.csv"

    def __init__(
        self,
        price_of: Callable[[LedgerRow], Price | None],
        *,
        providers: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        billed: bool = True,
        closed_until_us: int | None = None,
    ) -> None:
        self._price_of = price_of
        self._providers = providers or {}
        self._names = names or {}
        self._billed = billed
        self._closed_until_us = closed_until_us
        self._sheets = Sheets()
        self._begun = False
        self.unpriced = 0

    def feed(self, rows: Iterable[LedgerRow]) -> bytes:
        lines = [[_cell(name, charge.get(name)) for name in COLUMNS] for row in rows for charge in self._charges(row)]
        return self._head() + self._sheets.lines(lines)

    def close(self) -> bytes:
        return self._head()

    def _head(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._sheets.lines([COLUMNS])

    def _charges(self, row: LedgerRow) -> Iterator[dict[str, Any]]:
        if row.cost_picodollars is None:
            self.unpriced += 1
            return
        price = self._price_of(row)
        common = self._common(row, price)
        for charge in charges(row, row.cost_picodollars, price):
            yield common | self._line(row, charge)

    def _common(self, row: LedgerRow, price: Price | None) -> dict[str, Any]:
        """What all lines of a row have."""
        provider = row.target.partition("/")[0]
        kind = self._providers.get(provider, provider)
        vendor, service = VENDORS.get(kind, (provider or row.target, provider or row.target))
        maker = price.name.partition("/")[0] if price else ""
        closed = row.cause == "correction" and row.started_us < (self._closed_until_us or 0)
        period = moment(self._closed_until_us or 0) if closed else moment(row.started_us)
        begin = _month(period)
        ended_us = row.started_us + row.duration_us
        return {
            "BillingAccountId": row.organisation,
            "BillingAccountName": self._names.get(row.organisation),
            "BillingCurrency": "USD",
            "BillingPeriodStart": _time(begin),
            "BillingPeriodEnd": _time(_month_after(begin)),
            "ChargeClass": "Correction" if closed else None,
            "ChargeFrequency": "Usage-Based",
            "ChargePeriodStart": _time(moment(row.started_us)),
            "ChargePeriodEnd": _time(moment((ended_us // 1_000_000 + 1) * 1_000_000)),
            "InvoiceIssuerName": vendor,
            "ProviderName": vendor,
            "PublisherName": VENDORS.get(maker, (vendor, ""))[0],
            "ResourceId": row.target,
            "ResourceName": row.model,
            "ResourceType": "Model",
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": service,
            "ServiceSubcategory": "Generative AI",
            "SubAccountId": row.team_id,
            "SubAccountName": self._names.get(row.team_id or ""),
            "SubAccountType": "Team" if row.team_id else None,
            "Tags": _json(dict(row.tags)).decode() if row.tags else None,
            "x_AttemptId": row.id,
            "x_CallId": row.call_id,
            "x_Cause": row.cause,
            "x_EndUserId": row.end_user,
            "x_ErrorCode": row.code,
            "x_KeyId": row.key_id,
            "x_OperationName": row.operation,
            "x_Payer": row.payer,
            "x_PriceVersion": row.price_version,
            "x_ProjectId": row.project_id,
            "x_UsageSource": row.usage_source,
            "x_UserId": row.user_id,
        }

    def _line(self, row: LedgerRow, charge: Charge) -> dict[str, Any]:
        cost = format_usd(charge.cost_picodollars)
        ours = row.payer != "client"  # what a client's own credential paid is on the client's bill
        unit_price = None if charge.unit_price is None else decimal_text(charge.unit_price)
        quantity = None if charge.quantity is None else str(charge.quantity)
        usage = not charge.adjustment
        return {
            "BilledCost": cost if ours and self._billed else "0",
            "EffectiveCost": cost if ours else "0",
            "ListCost": cost,
            "ContractedCost": cost,
            "ListUnitPrice": unit_price,
            "ContractedUnitPrice": unit_price,
            "ChargeCategory": "Usage" if usage else "Adjustment",
            "ChargeDescription": f"{row.target}: {charge.meter}",
            "ConsumedQuantity": quantity if usage else None,
            "ConsumedUnit": charge.unit if usage else None,
            "PricingQuantity": quantity,
            "PricingUnit": charge.unit,
            "PricingCategory": "Standard" if usage else None,
            "SkuId": charge.sku if usage else None,
            "SkuMeter": charge.meter if usage else None,
            "SkuPriceId": charge.price_id if usage else None,
            "SkuPriceDetails": _json(charge.details).decode() if charge.details else None,
        }


def charges(row: LedgerRow, cost_picodollars: int, price: Price | None) -> list[Charge]:
    """A row's cost by category; as one request's, where the price does not account for it."""
    found = None if price is None else parts(row.usage, price)
    if price is not None and found and sum(each.cost_picodollars for each in found) == cost_picodollars:
        start = max((start for start, _ in price.tiers if row.usage.total_input_tokens > start), default=None)
        return [_of_part(each, price.name, start) for each in found]
    if not cost_picodollars:
        return []
    if row.cause == "correction":
        return [Charge(cost_picodollars, None, None, None, row.target, "Correction", adjustment=True)]
    unit_price = Fraction(cost_picodollars, 10**12)
    return [Charge(cost_picodollars, 1, "Requests", unit_price, row.target, "Request", None, row.target)]


def _of_part(part: Part, name: str, start: int | None) -> Charge:
    meter, unit = METERS[part.category]
    sku = f"{name}/{part.category}"
    details: dict[str, Any] = {"x_Category": part.category}
    if start is not None:
        details["x_PromptOverTokens"] = start
    price_id = sku if start is None else f"{sku}>{start}"
    return Charge(part.cost_picodollars, part.quantity, unit, part.rate_usd, sku, meter, details, price_id)


def decimal_text(amount: Fraction) -> str:
    """An amount as a plain decimal string: exact where it has one, which every listed price has, else to 24 digits."""
    denominator, digits = amount.denominator, 0
    while denominator % 10 == 0:
        denominator, digits = denominator // 10, digits + 1
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator, digits = denominator // prime, digits + 1
    digits = digits if denominator == 1 else 24
    text = str(round(amount * 10**digits)).zfill(digits + 1)
    whole, fraction = text[: len(text) - digits], text[len(text) - digits :].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _cell(name: str, value: str | None) -> str | None:
    return value if value is None or name in _NUMBERS else safe(value)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _month(at: datetime) -> datetime:
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def _month_after(begin: datetime) -> datetime:
    return datetime(begin.year + begin.month // 12, begin.month % 12 + 1, 1, tzinfo=UTC)
