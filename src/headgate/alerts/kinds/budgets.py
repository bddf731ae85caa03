"""Budgets: shares of them that are gone, and those that will not last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from headgate.alerts.judged import Judged, usd
from headgate.alerts.kinds.look import Look
from headgate.alerts.rules import Rule
from headgate.alerts.traffic import HOUR_S
from headgate.clock import ManualClock
from headgate.ids import counted_subject
from headgate.limits.calendar import Calendar, bounds
from headgate.limits.pots import Pot
from headgate.stats.detection import NO_DATA, Forecast, Standing, Verdict, forecast
from headgate.storage.records import Budget
from headgate.storage.tables import BUDGETS

MOST = 500
"""Budgets of one organisation that are looked at."""

DIMENSIONS = ("team", "project", "key", "model", "tag")

TOTAL_S = 90 * 86_400
"""How far is looked ahead of a budget without a period."""


class Spending(NamedTuple):
    """How a budget stands."""

    budget: Budget
    spent: float
    """US dollars."""
    amount: float
    ends_s: int
    """0 for never."""


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config = rule.config.budget
    assert config is not None
    found: list[Judged] = []
    for each in await spendings(look):
        if not each.amount:
            continue  # one that lets nothing through is gone by intent
        if config.percent:
            found += _reached(each)
        found.append(await _foreseen(each, config.ahead_s, look))
    return found


async def spendings(look: Look) -> list[Spending]:
    """What is spent of budgets whose subject is one, from the ledger's sums."""
    budgets, _ = await BUDGETS.list(look.database, look.organisation, limit=MOST)
    calendar = Calendar(ManualClock(look.now_us))
    found: list[Spending] = []
    for budget in budgets:
        if budget.subject.endswith("*"):
            continue
        claim, _ = Pot.of_budget(budget, counted_subject(budget.organisation, budget.subject)).claim(calendar)
        rows = await look.database.fetch("SELECT picodollars FROM spend WHERE counter = $1", claim.counter)
        ends_us = 0 if budget.period == "total" else bounds(budget.period, budget.timezone, look.now_us)[1]
        spent = rows[0][0] / 1e12 if rows else 0.0
        found.append(Spending(budget, spent, budget.amount_picodollars / 1e12, ends_us // 1_000_000))
    return found


def _reached(each: Spending) -> list[Judged]:
    """The shares at which a budget wants to be told of that are gone: each goes on until its period ends, since a
    higher one that is reached is no end of a lower one.
    """
    budget = each.budget
    spent = f"{usd(each.spent)} of {usd(each.amount)} a {budget.period} of {budget.subject} are spent"
    return [
        Judged(
            f"budget:{budget.id} {budget.subject} {percent} %",
            Verdict("bad", each.spent, each.amount * percent / 100),
            f"{spent}: {percent} % or more",
        )
        for percent in budget.alert_percent
        if each.spent * 100 >= each.amount * percent
    ]


async def _foreseen(each: Spending, ahead_s: float, look: Look) -> Judged:
    series = f"budget:{each.budget.id} {each.budget.subject} forecast"
    now_s = look.now_us // 1_000_000
    found = await foresee(each, look)
    if found is None:
        return Judged(series, NO_DATA, f"too little is known of {each.budget.subject} to foresee what it spends")
    standing = _standing(each, found, ahead_s, now_s)
    value = (found.gone_s - now_s) / 86_400 if found.gone_s is not None else None
    verdict = Verdict(standing, value, None)
    return Judged(series, verdict, _told(each, found))


async def foresee(each: Spending, look: Look) -> Forecast | None:
    """When a budget runs out; None where nothing is known of what its subject spends."""
    dimension, _, name = each.budget.subject.partition(":")
    if dimension == "organisation":
        by, fixed = None, None
    elif dimension in DIMENSIONS and not name.endswith("*"):
        by, fixed = None, (dimension, name)
    else:
        return None
    past = (await look.traffic.hours(by, fixed, "")).cost
    end_s = look.traffic.end_s
    hour = end_s // HOUR_S
    expected = [past.expected(at) for at in range(hour - 24, hour)]
    usual = sum(one.middle for one in expected if one is not None) / (past.level if past.seasonal else 1.0)
    if usual <= 0:
        return None
    recent = sum(past.last(24)) / usual
    return forecast(each.spent, each.amount, past, recent, end_s, each.ends_s or end_s + TOTAL_S)


def _standing(each: Spending, found: Forecast, ahead_s: float, now_s: int) -> Standing:
    if found.gone_s is None:
        return "fine"
    if not each.ends_s:
        soon = found.gone_s - now_s <= ahead_s
    else:
        left_s = each.ends_s - now_s
        soon = each.ends_s - found.gone_s >= min(ahead_s, left_s / 20)
    return "bad" if soon and found.latest_s is not None else "unclear"


def _told(each: Spending, found: Forecast) -> str:
    what = f"{usd(each.amount)} a {each.budget.period} of {each.budget.subject}"
    if each.spent >= each.amount:
        return f"{what} are spent: {usd(each.spent)}"
    if found.gone_s is None:
        return f"{what}: {usd(found.by_end)} will be spent at its end"
    between = f"{_day(found.earliest_s)} to {_day(found.latest_s)}"
    return f"{what} will be spent on {_day(found.gone_s)} ({between}, four times in five); {usd(each.spent)} are now"


def _day(at_s: int | None) -> str:
    return "its end" if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%-d %B %H:%M} UTC"
