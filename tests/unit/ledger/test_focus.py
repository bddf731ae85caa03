"""FOCUS lines: as the specification has its columns, and adding up to the ledger."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.catalog import Catalog, Price, cost
from headgate.ledger.exports import Focus, encoded
from headgate.ledger.exports.focus import COLUMNS, METERS, decimal_text
from headgate.money import to_decimal
from headgate.storage.records import LedgerRow
from headgate.types import Usage
from ledger_rows import DAY_US, NOVEMBER_US, row, rows

CATALOG = Catalog()

MANDATORY = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "ServiceCategory", "ServiceName",
)  # fmt: skip
NULLABLE = frozenset({"BillingAccountName", "ChargeClass", "PricingQuantity", "PricingUnit"})
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")


def price_of(one: LedgerRow) -> Price | None:
    return CATALOG.versioned(one.price_version) if one.price_version else None


def lines(*given: LedgerRow, **options: Any) -> list[dict[str, str]]:
    made = b"".join(encoded(given, Focus(price_of, **options)))
    return list(csv.DictReader(io.StringIO(made.decode(), newline="")))


def priced(vendor: str, model: str, usage: Usage, how: str = "", **changes: Any) -> LedgerRow:
    price = CATALOG.price(vendor, model)
    price = price and price.processed(how)
    assert price is not None
    members = {"target": f"{vendor}/{model}", "usage": usage, "cost_picodollars": cost(usage, price)}
    return row(**{**members, "price_version": price.version, **changes})


MANY = Usage(
    input_tokens=1_000, cached_tokens=500, cache_write_5m_tokens=300, cache_write_1h_tokens=200, output_tokens=70,
    reasoning_tokens=20, web_searches=2,
)  # fmt: skip
USAGES = st.builds(
    Usage,
    **{name: st.integers(min_value=0, max_value=300_000) for name in Usage.__struct_fields__ if "reason" not in name},
)


def test_a_line_is_one_category_and_the_lines_of_an_attempt_add_up_to_its_cost() -> None:
    one = priced("anthropic", "claude-sonnet-4-5", MANY)
    made = lines(one)
    assert [(line["SkuMeter"], line["ConsumedQuantity"], line["ConsumedUnit"], line["ListCost"]) for line in made] == [
        ("Input Tokens", "1000", "Tokens", "0.003"),
        ("Cached Input Tokens", "500", "Tokens", "0.00015"),
        ("Cache Write Tokens", "300", "Tokens", "0.001125"),
        ("Long Cache Write Tokens", "200", "Tokens", "0.0012"),
        ("Output Tokens", "70", "Tokens", "0.00105"),
        ("Web Searches", "2", "Requests", "0.02"),
    ]
    assert sum(Decimal(line["BilledCost"]) for line in made) == to_decimal(one.cost_picodollars or 0)


@given(
    USAGES,
    st.sampled_from(["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "google/gemini-2.5-pro", "perplexity/sonar"]),
)
def test_unit_price_times_quantity_is_the_cost_of_every_line(usage: Usage, name: str) -> None:
    vendor, _, model = name.partition("/")
    one = priced(vendor, model, usage)
    made = lines(one)
    if one.cost_picodollars is None:
        assert made == []
        return
    with localcontext() as context:
        context.prec = 60
        assert sum(Decimal(line["ListCost"]) for line in made) == to_decimal(one.cost_picodollars)
        for line in made:
            for price, of in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
                assert Decimal(line[price]) * Decimal(line["PricingQuantity"]) == Decimal(line[of])


@given(st.lists(rows(), max_size=4))
def test_any_ledger_adds_up_and_what_has_no_cost_is_left_out_and_counted(given: list[LedgerRow]) -> None:
    encoder = Focus(price_of)
    made = b"".join(encoded(given, encoder))
    found = list(csv.DictReader(io.StringIO(made.decode(), newline="")))
    assert encoder.unpriced == sum(each.cost_picodollars is None for each in given)
    with localcontext() as context:
        context.prec = 60
        total = sum(Decimal(line["ListCost"]) for line in found)
        assert total == sum((to_decimal(each.cost_picodollars or 0) for each in given), Decimal(0))
        ours = sum((to_decimal(each.cost_picodollars or 0) for each in given if each.payer != "client"), Decimal(0))
        assert sum(Decimal(line["EffectiveCost"]) for line in found) == ours


def test_the_columns_are_those_of_the_specification_and_then_our_own() -> None:
    assert set(MANDATORY) <= set(COLUMNS)
    own = [name.startswith("x_") for name in COLUMNS]
    assert own == sorted(own)
    assert all(len(name) <= 50 and re.fullmatch(r"(x_)?[A-Z][A-Za-z]*", name) for name in COLUMNS)
    assert list(COLUMNS[: own.index(True)]) == sorted(COLUMNS[: own.index(True)])


@given(rows())
def test_what_must_not_be_null_never_is_and_formats_are_kept(one: LedgerRow) -> None:
    for line in lines(one):
        for name in MANDATORY:
            assert name in line
            if name not in NULLABLE | {
                "BillingAccountId",
                "InvoiceIssuerName",
                "ProviderName",
                "PublisherName",
                "ServiceName",
            }:
                assert line[name]
        for name in COSTS:
            assert re.fullmatch(r"-?\d+(\.\d+)?", line[name])
        for name in ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line[name])
        assert line["ChargePeriodStart"] < line["ChargePeriodEnd"]
        assert line["BillingPeriodStart"] <= line["ChargePeriodStart"] < line["BillingPeriodEnd"]
        assert line["ChargeCategory"] in {"Usage", "Adjustment"}
        assert line["ServiceCategory"] == "AI and Machine Learning"
        assert line["ChargeFrequency"] == "Usage-Based"
        if line["ChargeCategory"] == "Usage":
            for name in ("SkuId", "SkuPriceId", "PricingQuantity", "PricingUnit", "ListUnitPrice", "ConsumedQuantity"):
                assert line[name] or (name.startswith("Sku") and not one.target)


def test_periods_are_the_attempts_seconds_and_the_month_it_began_in() -> None:
    [line] = lines(row(started_us=NOVEMBER_US - 500_000, duration_us=1_000_000))
    assert (line["ChargePeriodStart"], line["ChargePeriodEnd"]) == ("2026-10-31T23:59:59Z", "2026-11-01T00:00:01Z")
    assert (line["BillingPeriodStart"], line["BillingPeriodEnd"]) == ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    [december] = lines(row(started_us=NOVEMBER_US + 35 * DAY_US))
    assert december["BillingPeriodEnd"] == "2027-01-01T00:00:00Z"


def test_an_attempt_priced_by_a_list_no_longer_at_hand_is_one_request_at_what_it_cost() -> None:
    [line] = lines(row(price_version="2020-01-01+00000000:openai/gpt-4o-mini", cost_picodollars=123))
    assert (line["ConsumedQuantity"], line["ConsumedUnit"], line["SkuMeter"]) == ("1", "Requests", "Request")
    assert line["ListUnitPrice"] == line["ListCost"] == "0.000000000123"
    assert line["SkuPriceId"] == "openai/gpt-4o-mini"


def test_a_price_that_does_not_account_for_the_cost_is_not_believed() -> None:
    one = priced("openai", "gpt-4o", Usage(input_tokens=10), cost_picodollars=1)
    assert [line["SkuMeter"] for line in lines(one)] == ["Request"]


def test_tiers_and_ways_of_processing_are_prices_of_their_own() -> None:
    long = priced("anthropic", "claude-sonnet-4-5", Usage(input_tokens=200_001))
    batch = priced("anthropic", "claude-sonnet-4-5", Usage(input_tokens=5), "batch")
    [one], [two] = lines(long), lines(batch)
    assert (one["SkuId"], one["SkuPriceId"], one["ListUnitPrice"]) == (
        "anthropic/claude-sonnet-4-5/input_tokens",
        "anthropic/claude-sonnet-4-5/input_tokens>200000",
        "0.000006",
    )
    assert json.loads(one["SkuPriceDetails"]) == {"x_Category": "input_tokens", "x_PromptOverTokens": 200_000}
    assert (two["SkuId"], two["ListUnitPrice"]) == ("anthropic/claude-sonnet-4-5#batch/input_tokens", "0.0000015")


def test_what_a_clients_own_credential_paid_is_not_on_our_bill() -> None:
    [line] = lines(row(payer="client", cost_picodollars=5_000_000_000_000))
    assert (line["BilledCost"], line["EffectiveCost"], line["ListCost"], line["x_Payer"]) == ("0", "0", "5", "client")


def test_beside_the_vendors_own_data_nothing_is_billed_twice() -> None:
    [line] = lines(row(cost_picodollars=5_000_000_000_000), billed=False)
    assert (line["BilledCost"], line["EffectiveCost"]) == ("0", "5")


def test_a_cache_hit_and_a_failure_that_cost_nothing_are_no_charges() -> None:
    assert (
        lines(row(cause="cache_hit", cost_picodollars=0, usage=Usage()), row(code="timeout", cost_picodollars=0)) == []
    )


def test_an_attempt_without_a_known_cost_is_left_out_and_counted_never_nothing() -> None:
    encoder = Focus(price_of)
    made = b"".join(encoded([row(cost_picodollars=None), row()], encoder))
    assert made.count(b"\r\n") == 2
    assert encoder.unpriced == 1


def test_a_correction_of_an_open_month_is_an_ordinary_line_of_it() -> None:
    [line] = lines(row(cause="correction", cost_picodollars=-500, usage=Usage(), status=0))
    assert (line["ChargeClass"], line["ChargeCategory"], line["ListCost"]) == ("", "Adjustment", "-0.0000000005")
    assert (line["PricingQuantity"], line["ListUnitPrice"], line["SkuId"]) == ("", "", "")
    assert line["BillingPeriodStart"] == "2026-11-01T00:00:00Z"


def test_a_correction_of_an_invoiced_month_belongs_to_the_next_and_tells_when_the_cost_arose() -> None:
    one = priced("openai", "gpt-4o", Usage(input_tokens=-10), cause="correction", started_us=NOVEMBER_US - DAY_US)
    [line] = lines(one, closed_until_us=NOVEMBER_US)
    assert line["ChargeClass"] == "Correction"
    assert (line["ChargePeriodStart"], line["BillingPeriodStart"]) == ("2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z")
    assert (line["PricingQuantity"], line["ListCost"]) == ("-10", "-0.000025")


def test_names_tags_and_vendors_are_told() -> None:
    one = row(
        team_id="team_1", organisation="org_1", target="azure/my-deployment", tags=(("env", "prod"),), model="chat"
    )
    [line] = lines(one, providers={"azure": "azure"}, names={"team_1": "Search", "org_1": "Acme"})
    assert (line["SubAccountId"], line["SubAccountName"], line["SubAccountType"]) == ("team_1", "Search", "Team")
    assert (line["BillingAccountId"], line["BillingAccountName"]) == ("org_1", "Acme")
    assert (line["ProviderName"], line["ServiceName"]) == ("Microsoft", "Azure OpenAI")
    assert json.loads(line["Tags"]) == {"env": "prod"}
    assert (line["ResourceId"], line["ResourceName"]) == ("azure/my-deployment", "chat")
    [other] = lines(row(target="mine/model"))
    assert other["ProviderName"] == other["InvoiceIssuerName"] == "mine"


def test_who_made_the_model_and_who_sells_it_are_told_apart() -> None:
    [line] = lines(priced("openai", "gpt-4o", Usage(input_tokens=1), target="azure/gpt-4o"))
    assert (line["ProviderName"], line["PublisherName"]) == ("Microsoft", "OpenAI")


def test_no_text_of_a_client_is_a_formula() -> None:
    [line] = lines(row(model="=1+1", target="-x/y", end_user="@z"))
    assert (line["ResourceName"], line["ResourceId"], line["x_EndUserId"]) == ("'=1+1", "'-x/y", "'@z")


def test_every_category_has_a_meter() -> None:
    from headgate.catalog.cost import CATEGORIES

    assert set(METERS) == {*CATEGORIES, "requests"}


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("3/1000000", "0.000003"), ("12", "12"), ("5/2", "2.5"), ("1/8", "0.125"), ("1/3", "0." + "3" * 24)],
)
def test_unit_prices_are_plain_decimals(amount: str, text: str) -> None:
    assert decimal_text(Fraction(amount)) == text


@given(st.decimals(min_value=0, max_value=10**6, places=15))
def test_every_decimal_price_is_written_exactly(amount: Decimal) -> None:
    assert Fraction(decimal_text(Fraction(amount))) == Fraction(amount)


def test_the_documentation_says_what_every_column_is_made_of() -> None:
    text = (Path(__file__).parents[3] / "docs" / "money.md").read_text("utf-8")
    assert [name for name in COLUMNS if f"`{name}`" not in text] == []
