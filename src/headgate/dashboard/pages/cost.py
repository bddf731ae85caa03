"""`/dashboard/cost`: what calls cost and by whom, what the month will come to, and how budgets stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from headgate.administration import Actor
from headgate.administration.requests import RuleListing, TrafficAsked
from headgate.administration.views import BudgetView
from headgate.dashboard import forecast, formats
from headgate.dashboard.charts import Grid, chosen
from headgate.dashboard.figures import Figures, points, ranked
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.pages.calls import picodollars
from headgate.dashboard.pages.overview import cost_chart
from headgate.dashboard.tables import GROUPS, figures_grid, groups
from headgate.errors import HeadgateError
from headgate.telemetry.rollups.reading import total

PATH = "/dashboard/cost"

PACE_DAYS = 7
"""Days whose mean is the pace of a budget's forecast."""

COMPARED_S = 100 * 86_400
"""Longest time that is held against the one before it."""


async def page(look: Look) -> Template | Csv:
    look.need("ledger.read")
    asked, actor = look.asked, await look.actor()
    found = await look.administration.traffic.found(actor, asked.traffic(), all_sketches=False)
    name = next(iter(found.series), "")
    now = Figures(total(found.series.get(name, {})))
    steps = points(found.series, name, found.from_s, found.until_s, found.step)
    charts = [cost_chart(steps, now, found.step)]
    compared = asked.seconds <= COMPARED_S
    tables = [await groups(look, actor, by, by_cost=True, before=compared, all_calls=steps) for by in shown_by(look)]
    for each in tables:
        charts += [chart for chart in each.charts if chart.kind == "usd"]
    budgets = await standing(look, actor) if look.viewer.may("budgets.read") else []
    if csv := asked.get("csv"):
        return chosen(csv, [*charts, *(figures_grid(each, money=True) for each in tables), budget_grid(budgets)])
    values = {
        "now": now,
        "month": await month(look, actor),
        "charts": charts,
        "tables": tables,
        "budgets": budgets,
        "dimensions": GROUPS,
        "compared": compared,
        "saving": now.count("saving_picodollars"),
        "unpriced": now.count("unpriced"),
        "payers": now.named("cost_picodollars."),
    }
    return Template(name="cost.html", title="Cost and budgets", values=values)


def shown_by(look: Look) -> Sequence[str]:
    """Dimensions there are tables by."""
    by = look.asked.get("by")
    return [by] if by else (["key"] if look.viewer.identity.team_id is not None else ["team", "key"])


async def month(look: Look, actor: Actor) -> forecast.Month:
    """What the whole organisation's month, or that of the actor's team, comes to."""
    now = look.asked.now
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    from_ = min(first, (now - timedelta(weeks=forecast.WEEKS)).replace(hour=0, minute=0, second=0, microsecond=0))
    of = look.asked.get("of") or None
    found = await look.administration.traffic.found(
        actor, TrafficAsked(from_=from_, to=now, step="day", of=of), all_sketches=False
    )
    days = {at: Figures(sum_).cost for steps in found.series.values() for at, sum_ in steps.items()}
    return forecast.month(days, int(now.timestamp()))


# ── budgets ──


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a budget stands, and what becomes of it."""

    view: BudgetView
    subject: str
    amount: int
    spent: int | None
    reserved: int
    share: float
    state: str
    forecast: forecast.Budget | None


async def standing(look: Look, actor: Actor) -> list[Standing]:
    """All budgets in use, the nearest to its end first."""
    listed = await look.administration.budgets.list(actor, RuleListing(limit=500))
    paces = await _paces(look, actor, {each.subject.partition(":")[0] for each in listed.data})
    made = [_standing(look, each, paces) for each in listed.data]
    return sorted(made, key=lambda each: (-each.share, each.subject))


def _standing(look: Look, view: BudgetView, paces: Mapping[str, float]) -> Standing:
    kind, _, name = view.subject.partition(":")
    amount = picodollars(view.amount_usd) or 0
    spent, reserved = picodollars(view.spent_usd), picodollars(view.reserved_usd) or 0
    share = (spent or 0) / amount if amount else 1.0
    found = None
    if spent is not None:
        pace = paces.get(view.subject, _own_pace(look, view, spent))
        found = forecast.budget(amount, spent + reserved, pace, look.asked.now, view.ends_at)
    state = "bad" if share >= 1 else "warn" if share >= 0.8 or (found is not None and found.out_at is not None) else ""
    return Standing(
        view=view,
        subject=f"{kind} {look.house.named(kind, name)}" if name else kind,
        amount=amount,
        spent=spent,
        reserved=reserved,
        share=share,
        state=state,
        forecast=found,
    )


def _own_pace(look: Look, view: BudgetView, spent: int) -> float:
    """Of what no sums are kept: what was spent in the period so far."""
    if view.starts_at is None:
        return 0.0
    return spent / max(3600.0, (look.asked.now - view.starts_at).total_seconds())


async def _paces(look: Look, actor: Actor, kinds: set[str]) -> dict[str, float]:
    """Picodollars a second of the last days, by subject."""
    found: dict[str, float] = {}
    now = look.asked.now
    for kind in kinds & {"key", "team", "project", "model", "tag", "organisation"}:
        asked = TrafficAsked(
            from_=now - timedelta(days=PACE_DAYS),
            to=now,
            step="hour",
            by=None if kind == "organisation" else kind,  # type: ignore[arg-type]
        )
        try:
            sums = await look.administration.traffic.totals(actor, asked, all_sketches=False)
        except HeadgateError:
            continue  # a team's key is not told all of them
        for name, each in ranked(sums).items():
            found[f"{kind}:{name or actor.organisation}"] = each.cost / (PACE_DAYS * forecast.DAY_S)
    return found


def budget_grid(budgets: Sequence[Standing]) -> Grid:
    heads = [
        "subject",
        "period",
        "amount_usd",
        "spent_usd",
        "reserved_usd",
        "hard",
        "ends_at",
        "expected_usd",
        "out_at",
    ]
    rows: list[list[Any]] = [
        [
            each.view.subject, each.view.period, each.view.amount_usd, each.view.spent_usd, each.view.reserved_usd,
            each.view.hard, each.view.ends_at,
            formats.dollars(each.forecast.expected) if each.forecast is not None else None,
            each.forecast.out_at if each.forecast is not None else None,
        ]
        for each in budgets
    ]  # fmt: skip
    return Grid(id="budgets", heads=heads, rows=rows)
