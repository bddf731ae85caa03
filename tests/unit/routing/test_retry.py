"""Retries wait a random while, and there are never more of them than the budget allows."""

from __future__ import annotations

from itertools import pairwise

import pytest

from headgate.routing.config import RetryConfig
from headgate.routing.retry import CAP_CALLS, REFILL_S, RetryBudget, delay_s

CONFIG = RetryConfig(base_s=0.5, max_s=4.0)


@pytest.mark.parametrize(("failures", "longest"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 4), (1000, 4)])
def test_the_longest_wait_doubles_up_to_a_bound(failures: int, longest: float) -> None:
    waits = [delay_s(CONFIG, failures) for _ in range(2000)]
    assert min(waits) >= 0
    assert max(waits) <= longest


def test_the_jitter_is_full() -> None:
    waits = sorted(delay_s(CONFIG, 3) for _ in range(4000))
    assert waits[0] < 0.05
    assert waits[-1] > 1.95
    assert max(later - sooner for sooner, later in pairwise(waits)) < 0.05, "nothing between is left out"


def drained(share: float = 0.2, reserve: int = 10, now: float = 1.0) -> RetryBudget:
    """A budget of which all has been taken."""
    budget = RetryBudget(share, reserve)
    while budget.withdraw(now):
        pass
    return budget


def withdrawals(budget: RetryBudget, now: float) -> int:
    """How many can be taken at once."""
    count = 0
    while budget.withdraw(now):
        count += 1
    return count


def test_the_reserve_is_there_to_begin_with() -> None:
    assert withdrawals(RetryBudget(0.2, 10), 1.0) == 10


def test_calls_earn_their_share() -> None:
    budget = drained(share=0.25)
    for _ in range(40):
        budget.deposit()
    assert withdrawals(budget, 1.0) == 10


def test_no_more_is_saved_than_the_share_of_a_hundred_calls() -> None:
    budget = RetryBudget(0.25, 10)
    for _ in range(10 * CAP_CALLS):
        budget.deposit()
    assert withdrawals(budget, 1.0) == 10 + 0.25 * CAP_CALLS


def test_the_reserve_comes_back_one_by_one() -> None:
    budget = drained(now=100.0)
    assert not budget.withdraw(100.0 + REFILL_S * 0.9)
    assert budget.withdraw(100.0 + REFILL_S * 1.1)
    assert not budget.withdraw(100.0 + REFILL_S * 1.1)


def test_the_reserve_comes_back_to_what_it_was_and_no_further() -> None:
    assert withdrawals(drained(now=100.0), 1e6) == 10


def test_asking_often_does_not_bring_more_back() -> None:
    budget = drained(now=100.0)
    assert sum(budget.withdraw(100.0 + tenth / 10) for tenth in range(1, 501)) == 50 / REFILL_S


def test_a_budget_of_nothing_allows_nothing() -> None:
    budget = RetryBudget(0.0, 60)
    for _ in range(1000):
        budget.deposit()
    assert not budget.withdraw(1.0)
    assert not budget.withdraw(1e6)


def test_in_an_outage_retries_are_the_share_of_calls() -> None:
    budget = drained(share=0.2, reserve=60)
    retries = 0
    for call in range(5000):
        budget.deposit()
        retries += budget.withdraw(1.0 + call / 1000)
    assert retries <= 0.2 * 5000 + 5 / REFILL_S + 1
