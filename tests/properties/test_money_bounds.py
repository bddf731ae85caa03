"""What is reserved for an attempt covers what it costs, and what its categories cost adds up to it."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from headgate import dialects
from headgate.catalog import Price, cost, parts, upper_bound
from headgate.catalog.cost import CATEGORIES, INPUT, OUTPUT
from headgate.dialects.rerank.cohere import search_units
from headgate.types import Usage

RATES = st.fractions(min_value=0, max_value=10**9, max_denominator=10**6)
NAMES = [*CATEGORIES, "requests"]
COUNTS = st.integers(min_value=0, max_value=10**7)
FEW = st.integers(min_value=0, max_value=50)


def rates() -> st.SearchStrategy[dict[str, Fraction]]:
    """What a price list can hold: some categories may have no price."""
    return st.dictionaries(st.sampled_from(NAMES), RATES)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    tiers = draw(st.lists(st.tuples(st.integers(min_value=0, max_value=10**7), rates()), max_size=3))
    return Price("test", draw(rates()), tiers)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    made = [name for name in OUTPUT if name != "reasoning_tokens"]
    counts = {name: draw(COUNTS | st.just(0)) for name in (*INPUT, *made)}
    counts["reasoning_tokens"] = draw(st.integers(min_value=0, max_value=counts["output_tokens"]))
    return Usage(**counts, web_searches=draw(FEW), search_units=draw(FEW))


@given(prices(), usages(), COUNTS, COUNTS, FEW, FEW)
def test_no_usage_within_the_counts_costs_more_than_the_bound(
    price: Price, usage: Usage, more_in: int, more_out: int, more_searches: int, more_units: int
) -> None:
    bound = upper_bound(
        price,
        usage.total_input_tokens + more_in,
        usage.total_output_tokens + more_out,
        usage.web_searches + more_searches,
        usage.search_units + more_units,
    )
    found = cost(usage, price)
    if bound is not None and found is not None:
        assert found <= bound


@given(prices(), COUNTS, COUNTS, FEW)
def test_the_bound_is_unknown_only_where_a_price_it_needs_is(
    price: Price, prompt: int, made: int, searches: int
) -> None:
    tables = [price.rates, *(each for start, each in price.tiers if prompt > start)]
    needed = [("input_tokens", prompt), ("output_tokens", made), ("web_searches", searches)]
    missing = any(name not in table for table in tables for name, count in needed if count)
    assert (upper_bound(price, prompt, made, searches) is None) == missing


@given(prices(), COUNTS, COUNTS)
def test_a_larger_request_is_never_bounded_lower(price: Price, prompt: int, made: int) -> None:
    smaller, larger = upper_bound(price, prompt, made), upper_bound(price, prompt + 1, made + 1)
    if smaller is not None and larger is not None:
        assert smaller <= larger


@given(st.dictionaries(st.sampled_from(CATEGORIES), RATES, min_size=len(CATEGORIES)), COUNTS)
def test_the_bound_is_reached_by_a_usage_of_the_dearest_kinds(full: dict[str, Fraction], count: int) -> None:
    price = Price("test", full)
    dearest_in = max(INPUT, key=lambda name: full[name])
    dearest_out = max(OUTPUT, key=lambda name: full[name])
    used = {dearest_in: count, dearest_out: count}
    if dearest_out == "reasoning_tokens":
        used["output_tokens"] = count
    found, bound = cost(Usage(**used), price), upper_bound(price, count, count)
    assert found is not None
    assert bound is not None
    assert 0 <= bound - found <= 1


@given(prices(), usages())
def test_what_the_categories_cost_adds_up_to_the_cost(price: Price, usage: Usage) -> None:
    found = parts(usage, price)
    total = cost(usage, price)
    assert (found is None) == (total is None)
    if found is not None:
        assert sum(each.cost_picodollars for each in found) == total
        for each in found:
            assert abs(each.cost_picodollars - each.quantity * each.rate_usd * 10**12) <= 1


@given(prices(), usages())
def test_the_categories_count_every_token_once(price: Price, usage: Usage) -> None:
    found = {each.category: each.quantity for each in parts(usage, price) or ()}
    if found:
        assert sum(found.get(name, 0) for name in INPUT) == usage.total_input_tokens
        assert sum(found.get(name, 0) for name in OUTPUT) == usage.total_output_tokens
        assert found.get("web_searches", 0) == usage.web_searches
        assert found.get("requests") in {None, usage.search_units or 1}, "where requests have a price"


@given(
    st.text(max_size=600),
    st.lists(st.text(max_size=40) | st.builds(str.__mul__, st.text(max_size=8), st.integers(0, 900)), max_size=300),
    st.none() | st.integers(1, 6_000),
    st.floats(0, 1),
)
def test_a_ranking_has_no_more_units_than_are_set_aside_for_it(
    query: str, documents: list[str], limit: int | None, share: float
) -> None:
    """However many tokens its texts turn out to be, as long as a token is at least a byte."""
    tree = {"query": query, "documents": documents} | ({} if limit is None else {"max_tokens_per_doc": limit})
    used = [int(len(each.encode()) * share) for each in documents]
    units = search_units(int(len(query.encode()) * share), used, limit)
    assert units <= dialects.get("cohere_rerank").size(tree).search_units
