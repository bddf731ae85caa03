"""Money is exact: what is rounded is rounded once, and nothing is lost between the price list and the ledger."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from headgate.catalog.cost import CATEGORIES, Price, cost
from headgate.money import PICODOLLARS_PER_DOLLAR, format_usd, from_decimal, round_half_even, to_decimal
from headgate.types import Usage

PICODOLLARS = st.integers(min_value=-(10**24), max_value=10**24)
FRACTIONS = st.fractions(min_value=-(10**18), max_value=10**18, max_denominator=10**9)
RATES = st.fractions(min_value=0, max_value=10**9, max_denominator=10**6)
COUNTS = st.integers(min_value=0, max_value=10**9)
BILLED = [name for name in CATEGORIES if name != "reasoning_tokens"]


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    counts = {name: draw(COUNTS) for name in BILLED}
    reasoning = draw(st.integers(min_value=0, max_value=counts["output_tokens"]))
    return Usage(**counts, reasoning_tokens=reasoning)


FULL = st.fixed_dictionaries(dict.fromkeys([*CATEGORIES, "requests"], RATES))


@given(PICODOLLARS)
def test_dollars_and_picodollars_are_the_same_amount(amount: int) -> None:
    with localcontext() as context:
        context.prec = 60
        assert from_decimal(to_decimal(amount)) == amount
        assert from_decimal(Decimal(format_usd(amount))) == amount


@given(PICODOLLARS)
def test_written_dollars_have_no_exponent_and_no_trailing_zero(amount: int) -> None:
    text = format_usd(amount)
    assert "E" not in text.upper()
    assert "." not in text or not text.endswith("0")
    assert not text.startswith(("-0", "00")) or "." in text


@given(FRACTIONS)
def test_rounding_is_to_the_nearest_and_ties_to_even(amount: Fraction) -> None:
    rounded = round_half_even(amount)
    error = abs(rounded - amount)
    assert error <= Fraction(1, 2)
    assert error < Fraction(1, 2) or rounded % 2 == 0


@given(usages(), FULL)
def test_a_cost_is_the_exact_sum_rounded_once(usage: Usage, rates: dict[str, Fraction]) -> None:
    exact = sum((getattr(usage, name) * rates[name] for name in BILLED), Fraction(0))
    exact += usage.reasoning_tokens * (rates["reasoning_tokens"] - rates["output_tokens"])
    if any(getattr(usage, name) for name in BILLED):
        exact += rates["requests"]
    assert cost(usage, Price("test", rates)) == round_half_even(exact)


@given(usages(), st.sets(st.sampled_from(BILLED)), FULL)
def test_a_cost_is_unknown_exactly_when_something_used_has_no_price(
    usage: Usage, missing: set[str], rates: dict[str, Fraction]
) -> None:
    price = Price("test", {name: rate for name, rate in rates.items() if name not in missing})
    assert (cost(usage, price) is None) == any(getattr(usage, name) for name in missing)


@given(usages(), FULL, FULL, st.integers(min_value=0, max_value=10**10))
def test_a_tier_holds_for_the_whole_request_above_its_start(
    usage: Usage, low: dict[str, Fraction], high: dict[str, Fraction], start: int
) -> None:
    tiered = cost(usage, Price("test", low, [(start, high)]))
    assert tiered == cost(usage, Price("test", high if usage.total_input_tokens > start else low))


@given(usages(), st.integers(min_value=0, max_value=1000))
def test_whole_picodollar_prices_add_up_over_any_split_of_the_tokens(usage: Usage, rate: int) -> None:
    price = Price("test", dict.fromkeys(BILLED, Fraction(rate)))
    halves = [{name: getattr(usage, name) // 2 for name in BILLED}]
    halves.append({name: getattr(usage, name) - halves[0][name] for name in BILLED})
    assert sum(cost(Usage(**half), price) or 0 for half in halves) == cost(usage, price)


def test_a_dollar_is_a_trillion_picodollars() -> None:
    assert from_decimal(Decimal(1)) == PICODOLLARS_PER_DOLLAR == 10**12
