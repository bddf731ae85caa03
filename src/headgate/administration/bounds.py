"""Who is limited makes no key that can use more.

What is put on the maker's own key, or on the maker as a user, binds each key it makes: that has a limit of the same
window that is no higher, and a hard budget of the same period. What such budgets come to, over all keys it has made, is
no more than its own: keys that were revoked count for another period, so that making new ones gains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from headgate.administration import keyring
from headgate.administration.acting import Act
from headgate.errors import Forbidden
from headgate.money import format_usd
from headgate.storage.records import Budget, Key, Limit
from headgate.storage.tables import BUDGETS, KEYS, LIMITS

_METRICS = {
    "requests": "request",
    "tokens": "token",
    "input_tokens": "input token",
    "output_tokens": "output token",
    "cost_picodollars": "",
    "concurrent": "call",
}
"""What a limit limits, as one of it is called; nothing for dollars."""

_PERIOD_US = {"day": 86_400_000_000, "week": 7 * 86_400_000_000, "month": 31 * 86_400_000_000}


async def check(act: Act, key: Key) -> None:
    """Raise `Forbidden` where a key, as it is in the transaction now, has fewer bounds than who acts."""
    identity = act.actor.identity
    line = await keyring.lineage(act.transaction, identity.organisation, identity.key_id)
    if key.id in line or key.replaces in line:
        return
    subjects = [f"key:{each}" for each in line]
    if identity.user_id is not None and key.user_id != identity.user_id:
        subjects.append(f"user:{identity.user_id}")
    if not subjects:
        return
    limits = await _limits(act, identity.organisation, subjects)
    hard = [budget for budget in await _budgets(act, identity.organisation, subjects) if budget.hard]
    if not limits and not hard:
        return
    of_key = [f"key:{each}" for each in await keyring.lineage(act.transaction, key.organisation, key.id)]
    given = await _limits(act, key.organisation, of_key)
    for limit in limits:
        _check_limit(limit, given)
    makers = [*(f"key:{each}" for each in line), act.actor.name]
    for budget in hard:
        await _check_budget(act, budget, key, of_key, makers)


def spoken(period: str) -> str:
    """A period, or a window, behind an amount."""
    return "in total" if period == "total" else f"per {period}"


def _check_limit(limit: Limit, given: list[Limit]) -> None:
    for name, what in _METRICS.items():
        most: int | None = getattr(limit, name)
        if most is None:
            continue
        same = [getattr(each, name) for each in given if name == "concurrent" or each.per == limit.per]
        if not any(value is not None and value <= most for value in same):
            shown = f"{most:,} {what}{'' if most == 1 else 's'}" if what else f"${format_usd(most)}"
            per = "at a time" if name == "concurrent" else spoken(limit.per)
            raise Forbidden(f"You are limited to {shown} {per}: a key you make needs a limit no higher.")


async def _check_budget(act: Act, budget: Budget, key: Key, of_key: Sequence[str], makers: Sequence[str]) -> None:
    if not any(_counts(each, budget) for each in await _budgets(act, key.organisation, of_key)):
        raise Forbidden(
            f"You have a budget of ${format_usd(budget.amount_picodollars)} {spoken(budget.period)}: a key you "
            f"make needs a hard budget of that period."
        )
    made = [f"key:{each.id}" for each in await _made(act, key.organisation, makers) if _lives(act, each, budget)]
    every = await _budgets(act, key.organisation, [*of_key, *made])
    total = sum(each.amount_picodollars for each in every if _counts(each, budget))
    if total > budget.amount_picodollars:
        raise Forbidden(
            f"The keys you make would have ${format_usd(total)} {spoken(budget.period)} between them, and you have "
            f"${format_usd(budget.amount_picodollars)}."
        )


def _counts(budget: Budget, own: Budget) -> bool:
    return budget.hard and budget.period == own.period


def _lives(act: Act, key: Key, budget: Budget) -> bool:
    """Whether a key could be used in the budget's period."""
    length_us = _PERIOD_US.get(budget.period)
    ends = [end for end in (key.revoked_us, key.expires_us) if end is not None]
    return length_us is None or not ends or min(ends) > act.at_us - length_us


async def _made(act: Act, organisation: str, makers: Sequence[str]) -> list[Key]:
    """All keys that the actor's own ever made."""
    found: list[Key] = []
    for maker in dict.fromkeys(makers):
        cursor = None
        while True:
            rows, cursor = await KEYS.list(
                act.transaction, organisation, {"created_by": maker}, cursor, 1000, archived=True
            )
            found += rows
            if cursor is None:
                break
    return found


async def _limits(act: Act, organisation: str, subjects: Sequence[str]) -> list[Limit]:
    found = await keyring.rules_of(act.transaction, LIMITS, organisation, subjects)
    return [rule for rules in found.values() for rule in rules]


async def _budgets(act: Act, organisation: str, subjects: Sequence[str]) -> list[Budget]:
    found = await keyring.rules_of(act.transaction, BUDGETS, organisation, subjects)
    return [rule for rules in found.values() for rule in rules]
