"""Money is set aside for every attempt, and no budget is passed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from calls import call
from governing import Governing, budget, limit, price
from headgate.catalog import Price
from headgate.errors import BudgetExceeded, StoreUnavailable
from headgate.events import BudgetReached
from headgate.limits.bound import OVERHEAD
from headgate.types import OPAQUE, Account, Attempt, Call, Payload, Reply

NUMBERS = iter(range(10**9))

TREE = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


async def attempt(
    governing: Governing, operation: Any = "chat", dialect: str = "openai_chat", **tree: Any
) -> tuple[Call, Attempt]:
    """What is made of an attempt when its money is set aside."""
    one = call(
        id=f"req_{next(NUMBERS)}",
        account=Account(),
        operation=operation,
        request=Payload(dialect, tree={**TREE, **tree}),
    )
    made = Attempt(id=f"{one.id}-0", target="sim/gpt", started_us=0, started=0.0)

    async def end(call: Call) -> Reply:
        return Reply(payload=Payload("openai_chat", b"{}"))

    await governing.stage(one, end)
    return await governing.reserve(one, made), made


def prompt(**tree: Any) -> int:
    return len(Payload("openai_chat", tree={**TREE, **tree}).encode()) + OVERHEAD


def cost(output: int) -> int:
    """Of a request that does not limit its output."""
    return prompt() + 2 * output


def limited(output: int) -> int:
    """Of one that does."""
    return prompt(max_tokens=output) + 2 * output


async def test_the_most_an_attempt_can_cost_is_set_aside_and_the_rest_given_back():
    pot = budget(10_000)
    governing = Governing(budgets=[pot])
    _, made = await attempt(governing)
    assert made.reserved_picodollars == cost(100)
    assert await governing.spent(pot) == cost(100)
    assert made.hold is not None
    made.hold.settle(7)
    made.hold.settle(9999)
    assert await governing.spent(pot) == 7


async def test_without_a_word_on_the_cost_what_was_set_aside_stays():
    pot = budget(10_000)
    governing = Governing(budgets=[pot])
    _, made = await attempt(governing)
    assert made.hold is not None
    made.hold.settle(None)
    assert await governing.spent(pot) == cost(100)


async def test_a_budget_that_has_not_enough_left_refuses_and_says_what_is_left():
    pot = budget(2 * limited(50) - 1)
    governing = Governing(budgets=[pot])
    await attempt(governing, max_tokens=50)
    with pytest.raises(BudgetExceeded, match="budget of this key has"):
        await attempt(governing, max_tokens=50)
    assert await governing.spent(pot) == limited(50)


async def test_every_budget_that_pays_has_to_have_enough():
    rich, poor = budget(10**9, id="rich"), budget(10, "team:t", id="poor")
    governing = Governing(budgets=[rich, poor])
    with pytest.raises(BudgetExceeded, match="this team"):
        await attempt(governing, max_tokens=50)
    assert (await governing.spent(rich), await governing.spent(poor)) == (0, 0)


async def test_an_answer_without_a_limit_is_cut_down_to_what_can_be_paid():
    pot = budget(cost(60))
    governing = Governing(budgets=[pot], min_output_tokens=10)
    sent, made = await attempt(governing)
    assert sent.request.tree["max_completion_tokens"] == 60
    assert sent.account.output_limit == 60
    assert made.reserved_picodollars == cost(60)


async def test_not_below_what_an_answer_needs():
    governing = Governing(budgets=[budget(cost(60))], min_output_tokens=61)
    with pytest.raises(BudgetExceeded):
        await attempt(governing)


async def test_a_limit_of_the_clients_is_not_touched():
    governing = Governing(budgets=[budget(cost(60))], min_output_tokens=10)
    with pytest.raises(BudgetExceeded):
        await attempt(governing, max_tokens=90)


async def test_nothing_is_added_to_a_request_that_fits():
    governing = Governing(budgets=[budget(10**9)])
    sent, _ = await attempt(governing)
    assert "max_completion_tokens" not in sent.request.tree


async def test_a_prompt_is_counted_where_its_bytes_are_too_many():
    counted = 3
    pot = budget(counted + OVERHEAD + 2 * 50)
    governing = Governing(budgets=[pot], counted=counted)
    _, made = await attempt(governing, max_tokens=50)
    assert made.reserved_picodollars == counted + OVERHEAD + 2 * 50


async def test_what_is_cut_down_fits_all_budgets():
    first, second = budget(cost(90), id="a"), budget(cost(40), "team:t", id="b")
    governing = Governing(budgets=[first, second], min_output_tokens=10)
    sent, _ = await attempt(governing)
    assert sent.account.output_limit == 40


async def test_an_unknown_price_is_refused_under_a_hard_budget_unless_that_is_allowed():
    governing = Governing(budgets=[budget(10**9)], price=None)
    with pytest.raises(BudgetExceeded, match="price of 'sim/gpt' is not known"):
        await attempt(governing)
    governing = Governing(budgets=[budget(10**9)], price=None, unknown_price="allow")
    _, made = await attempt(governing)
    assert made.reserved_picodollars is None
    assert made.hold is not None


async def test_what_nothing_bounds_is_refused_under_a_hard_budget():
    governing = Governing(budgets=[budget(10**9)])
    with pytest.raises(BudgetExceeded, match="nothing bounds"):
        await attempt(governing, web_search_options={})
    with pytest.raises(BudgetExceeded, match="nothing bounds"):
        await attempt(governing, operation="image", dialect=OPAQUE)
    with pytest.raises(BudgetExceeded, match="nothing bounds"):
        await attempt(
            governing, dialect="anthropic_messages", mcp_servers=[{"type": "url", "url": "https://s.example"}]
        )
    with pytest.raises(BudgetExceeded, match="nothing bounds"):
        await attempt(governing, dialect="openai_responses", tools=[{"type": "mcp"}], max_tool_calls=1)


FREE = Price("free", {"input_tokens": Fraction(0), "output_tokens": Fraction(0)})


async def test_what_costs_nothing_needs_no_bound():
    pot = budget(1)
    governing = Governing(budgets=[pot], price=FREE, window=None, output=None)
    for asks in ({"operation": "moderate", "dialect": OPAQUE}, {"operation": "image", "dialect": OPAQUE}, {}):
        _, made = await attempt(governing, **asks)
        assert (made.reserved_picodollars, made.hold is not None) == (0, True)
    assert await governing.spent(pot) == 0


@pytest.mark.parametrize(
    "dearer",
    [
        Price("one", {"input_tokens": Fraction(0), "output_tokens": Fraction(1)}),
        Price("fee", {**FREE.rates, "requests": Fraction(1)}),
        Price("long", FREE.rates, [(10, {**FREE.rates, "input_tokens": Fraction(1)})]),
        Price("half", {"input_tokens": Fraction(0)}),
    ],
    ids=lambda price: price.name,
)
async def test_a_price_that_is_nearly_nothing_does(dearer: Price):
    governing = Governing(budgets=[budget(10**9)], price=dearer)
    with pytest.raises(BudgetExceeded, match="nothing bounds"):
        await attempt(governing, operation="moderate", dialect=OPAQUE)


async def test_tools_of_the_vendor_may_cost_what_its_models_do_not():
    governing = Governing(budgets=[budget(10**9)], price=FREE)
    with pytest.raises(BudgetExceeded, match="nothing bounds"):
        await attempt(governing, web_search_options={})


async def test_a_soft_budget_refuses_nothing_and_tells_once_when_a_share_is_gone():
    governing = Governing(budgets=[budget(limited(45) * 5 // 4, hard=False, alert_percent=[80, 100])])
    told: list[list[BudgetReached]] = []
    for _ in range(4):
        sent, _ = await attempt(governing, max_tokens=45)
        told.append([event for event in sent.account.events if isinstance(event, BudgetReached)])
    assert [[event.percent for event in events] for events in told] == [[], [80], [100], []]


async def test_counting_tokens_costs_nothing():
    governing = Governing(budgets=[budget(1)])
    _, made = await attempt(governing, operation="count_tokens")
    assert made.reserved_picodollars is None


async def test_embedding_pays_for_its_prompt_alone():
    governing = Governing(budgets=[budget(10**9)])
    _, made = await attempt(governing, operation="embed", dialect="openai_embeddings")
    assert made.reserved_picodollars == prompt()


async def test_a_limit_of_cost_slides():
    governing = Governing([limit(per="minute", cost_picodollars=limited(50))])
    await attempt(governing, max_tokens=50)
    with pytest.raises(BudgetExceeded) as refused:
        await attempt(governing, max_tokens=50)
    assert refused.value.retry_after_s == pytest.approx(61, abs=1.1)
    governing.clock.advance(62)
    await attempt(governing, max_tokens=50)


async def test_a_budget_begins_again_with_its_period():
    governing = Governing(budgets=[budget(limited(50), period="day")])
    await attempt(governing, max_tokens=50)
    with pytest.raises(BudgetExceeded):
        await attempt(governing, max_tokens=50)
    governing.clock.advance(86_400)
    await attempt(governing, max_tokens=50)


async def test_counters_that_cannot_be_reached_refuse_or_let_pass_as_configured():
    async def away(holder: str, claims: Any) -> Any:
        raise StoreUnavailable("away")

    budgets = [budget(10**9, period="total")]
    strict, lenient = Governing(budgets=budgets), Governing(budgets=budgets, store_unavailable="allow")
    strict.counters.reserve = lenient.counters.reserve = away
    with pytest.raises(StoreUnavailable):
        await attempt(strict)
    _, made = await attempt(lenient)
    assert made.hold is not None
    assert made.hold.charged == ("b:bud_1:key:k:0",), "its cost counts all the same, once the ledger has it"
    made.hold.settle(5)
    assert made.reserved_picodollars


async def test_the_dearest_kind_of_token_is_reserved_for():
    governing = Governing(budgets=[budget(10**9)], price=price(input=3, output=1))
    _, made = await attempt(governing, max_tokens=10)
    assert made.reserved_picodollars == 3 * prompt(max_tokens=10) + 10


WAYS = Price(
    "sim/gpt",
    price().rates,
    variants={"priority": price(3, 5), "flex": price(0, 1), "fast": Price("free", {"output_tokens": Fraction(1)})},
)
"""Ordinary processing costs 1 a token of the prompt and 2 of the answer; what of `fast` has a price does not suffice."""


@pytest.mark.parametrize(
    ("asks", "dialect"),
    [
        ({}, "openai_chat"), ({"service_tier": "auto"}, "openai_chat"), ({"service_tier": "default"}, "openai_chat"),
        ({"service_tier": "flex"}, "openai_chat"), ({"service_tier": "standard_only"}, "anthropic_messages"),
        ({"speed": "standard"}, "anthropic_messages"),
    ],
)  # fmt: skip
async def test_the_ordinary_price_is_set_aside_where_nothing_dearer_is_asked_for(asks: dict[str, Any], dialect: str):
    governing = Governing(budgets=[budget(10**9)], price=WAYS)
    _, made = await attempt(governing, dialect=dialect, max_tokens=10, **asks)
    assert made.reserved_picodollars == prompt(max_tokens=10, **asks) + 2 * 10


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "anthropic_messages", "openai_completions"])
async def test_a_dearer_way_that_is_asked_for_is_set_aside(dialect: str):
    asks = {"service_tier": "priority", "max_tokens": 10, "max_output_tokens": 10}
    governing = Governing(budgets=[budget(10**9)], price=WAYS)
    _, made = await attempt(governing, dialect=dialect, **asks)
    assert made.reserved_picodollars == 3 * prompt(**asks) + 5 * 10


async def test_what_the_operator_has_every_request_ask_for_counts():
    governing = Governing(budgets=[budget(10**9)], price=WAYS, always={"service_tier": "priority"})
    _, made = await attempt(governing, max_tokens=10)
    added = len(b'{"service_tier":"priority"}')
    assert made.reserved_picodollars == 3 * (prompt(max_tokens=10) + added) + 5 * 10
    governing = Governing(budgets=[budget(10**9)], price=WAYS, always={"service_tier": "default", "max_tokens": 20})
    _, made = await attempt(governing, max_tokens=10, service_tier="priority")
    added = len(b'{"service_tier":"default","max_tokens":20}')
    assert made.reserved_picodollars == prompt(max_tokens=10, service_tier="priority") + added + 2 * 20


async def test_an_answer_is_cut_down_to_what_the_dearer_way_leaves():
    asks = {"service_tier": "priority"}
    governing = Governing(budgets=[budget(3 * prompt(**asks) + 5 * 60)], price=WAYS, min_output_tokens=10)
    sent, made = await attempt(governing, **asks)
    assert sent.account.output_limit == 60
    assert made.reserved_picodollars == 3 * prompt(**asks) + 5 * 60


@pytest.mark.parametrize("word", ["scale", "ultrafast", 7])
async def test_a_way_without_a_price_is_an_unknown_price(word: Any):
    governing = Governing(budgets=[budget(10**9)], price=WAYS)
    with pytest.raises(BudgetExceeded, match=r"price of 'sim/gpt' as '\w+' is not known"):
        await attempt(governing, service_tier=word)
    governing = Governing(budgets=[budget(10**9)], price=WAYS, unknown_price="allow")
    _, made = await attempt(governing, service_tier=word)
    assert made.reserved_picodollars is None
    assert made.hold is not None


async def test_a_way_whose_price_lacks_what_is_needed_bounds_nothing():
    governing = Governing(budgets=[budget(10**9)], price=WAYS)
    with pytest.raises(BudgetExceeded, match="nothing bounds"):
        await attempt(governing, dialect="anthropic_messages", max_tokens=10, speed="fast")
