"""`/`: whether calls are answered, what they cost, where they are slow, and who makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.administration import Actor
from headgate.dashboard import formats
from headgate.dashboard.alert_rows import firing
from headgate.dashboard.charts import Chart, Column, Value, chosen
from headgate.dashboard.figures import OTHERS, Figures, Points, largest, points
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.tables import GROUPS, figures_grid, groups
from headgate.telemetry.rollups.reading import total

PLAIN = ("model", "target", "operation")
"""Dimensions that who may read metrics, and no more, sees calls by: `/metrics` tells them too."""

FAILING = 0.05
"""The share of failed calls from which on a tile is marked."""


async def page(look: Look) -> Template | Csv:
    look.need("ledger.read", "metrics")
    common = {"health": await health(look), "alerts": await firing(look), "dimensions": dimensions(look)}
    if look.house.administration is None:
        return Template(name="overview.html", title="Overview", values={**common, "kept": False})
    by = look.asked.get("by") or "model"
    look.need(*(("ledger.read", "metrics") if by in PLAIN and _plain(look.asked.get("of")) else ("ledger.read",)))
    actor = await look.actor()
    charts, now, before, steps = await whole(look, actor)
    grouped = await groups(look, actor, by, all_calls=steps if look.asked.get("by") else None)
    charts += grouped.charts
    grid = figures_grid(grouped, money=look.viewer.may("ledger.read"))
    if csv := look.asked.get("csv"):
        return chosen(csv, [*charts, grid])
    values = {
        **common,
        "kept": True,
        "tiles": tiles(look, now, before),
        "charts": charts,
        "by": by,
        "grouped": grouped,
        "unpriced": now.count("unpriced"),
    }
    return Template(name="overview.html", title="Overview", values=values)


def _plain(of: str) -> bool:
    return not of or of.partition(":")[0] in PLAIN


def dimensions(look: Look) -> Mapping[str, str]:
    """What calls can be shown by."""
    return {each: name for each, name in GROUPS.items() if look.viewer.may("ledger.read") or each in PLAIN}


# ── health ──


async def health(look: Look) -> Mapping[str, Any]:
    """How it is now, in a word and a sentence."""
    why = look.house.ready()
    targets = (await look.house.targets()).found
    resting = sorted(each.target for each in targets if each.rests)
    number = len(targets)
    if why:
        return {"state": "bad", "word": "Takes no calls", "told": why, "resting": resting}
    if number and len(resting) == number:
        return {"state": "bad", "word": "No target works", "told": "All targets rest.", "resting": resting}
    if resting:
        some = f"{len(resting)} of {number} targets rest"
        return {"state": "warn", "word": "Degraded", "told": f"{some}: calls go to the others.", "resting": resting}
    asked = f"{number} targets asked so far, none rests." if number else "No target has been asked yet."
    return {"state": "good", "word": "Takes calls", "told": asked, "resting": resting}


# ── everything together ──


async def whole(look: Look, actor: Actor) -> tuple[list[Chart], Figures, Figures, Points]:
    """Charts of all calls, what they come to, what those before them did, and what they do step by step."""
    asked, traffic = look.asked, look.administration.traffic
    found = await traffic.found(actor, asked.traffic())
    earlier = await traffic.totals(actor, asked.traffic(before=True), all_sketches=False)
    name = next(iter(found.series), "")
    now = Figures(total(found.series.get(name, {})))
    before = Figures(next(iter(earlier.values()), None))
    money = look.viewer.may("ledger.read")

    steps = points(found.series, name, found.from_s, found.until_s, found.step)
    charts = await asyncio.to_thread(charts_of, steps, now, found.step, money=money)
    return charts, now, before, steps


def charts_of(steps: Points, now: Figures, step: str, *, money: bool) -> list[Chart]:
    made = [traffic_chart(steps, now, step), latency_chart(steps, now, step)]
    if money:
        made.append(cost_chart(steps, now, step))
    return [*made, errors_chart(steps, now, step), first_token_chart(steps, now, step), tokens_chart(steps, now, step)]


def traffic_chart(steps: Points, now: Figures, step: str) -> Chart:
    return Chart(
        id="traffic",
        title="Calls",
        kind="count",
        style="stack",
        columns=[Column("answered", "good"), Column("failed", "bad")],
        rows=[(at, (each.calls - each.failed, each.failed)) for at, each in steps.items()],
        step=step,
        told=f"{formats.exact(now.calls)} calls, {formats.share(now.failed_share)} failed",
        totals=[formats.count(now.calls - now.failed), formats.count(now.failed)],
    )


def latency_chart(steps: Points, now: Figures, step: str) -> Chart:
    middle, high, highest = now.quantiles()
    return Chart(
        id="latency",
        title="Latency",
        kind="ms",
        columns=[Column("p50", "p50"), Column("p95", "p95"), Column("p99", "p99")],
        rows=[(at, each.quantiles()) for at, each in steps.items()],
        step=step,
        told="To the last byte",
        totals=[formats.duration(each) for each in (middle, high, highest)],
    )


def first_token_chart(steps: Points, now: Figures, step: str) -> Chart:
    shares = (0.5, 0.95)
    return Chart(
        id="first-token",
        title="Time to first token",
        kind="ms",
        columns=[Column("p50", "p50"), Column("p95", "p95")],
        rows=[(at, each.quantiles("first_token", shares)) for at, each in steps.items()],
        step=step,
        told="Of streams",
        totals=[formats.duration(each) for each in now.quantiles("first_token", shares)],
    )


def cost_chart(steps: Points, now: Figures, step: str) -> Chart:
    return Chart(
        id="cost",
        title="Cost",
        kind="usd",
        style="bars",
        columns=[Column("cost", "cost")],
        rows=[(at, (each.cost,)) for at, each in steps.items()],
        step=step,
        told="Whoever pays, as far as prices are known",
        totals=[formats.money(now.cost)],
    )


def errors_chart(steps: Points, now: Figures, step: str) -> Chart:
    codes = now.named("error.")
    listed = largest(codes)
    columns = [Column(code) for code in listed]
    rows: list[tuple[int, Sequence[Value]]] = []
    for at, each in steps.items():
        values = [each.count(f"error.{code}") for code in listed]
        rows.append((at, [*values, each.failed - sum(values)] if len(listed) < len(codes) else values))
    if len(listed) < len(codes):
        columns.append(Column(OTHERS, "rest"))
    return Chart(
        id="errors",
        title="Failed calls by error",
        kind="count",
        style="stack",
        columns=columns,
        rows=rows,
        step=step,
        told="The code the client was told",
        totals=[formats.count(codes[code]) for code in listed],
    )


def tokens_chart(steps: Points, now: Figures, step: str) -> Chart:
    return Chart(
        id="tokens",
        title="Tokens",
        kind="count",
        style="stack",
        columns=[Column("in", "in"), Column("out", "out")],
        rows=[(at, (each.tokens_in, each.tokens_out)) for at, each in steps.items()],
        step=step,
        told="Of attempts, those that failed too",
        totals=[formats.count(now.tokens_in), formats.count(now.tokens_out)],
    )


# ── tiles ──


def tiles(look: Look, now: Figures, before: Figures) -> list[Mapping[str, Any]]:
    """The figures that stand above everything."""
    middle, high, highest = now.quantiles()
    was_middle, was_high, was_highest = before.quantiles()
    [first] = now.quantiles("first_token", [0.95])
    per_s = now.calls / max(1.0, (look.asked.to - look.asked.begins).total_seconds())
    rate = (
        f"{formats.count(round(per_s, 1))} a second"
        if per_s >= 1
        else f"{formats.count(round(per_s * 60, 1))} a minute"
    )
    failing = now.failed_share is not None and now.failed_share >= FAILING
    found: list[Mapping[str, Any]] = [
        _tile("Calls", formats.count(now.calls), rate, formats.change(now.calls, before.calls)),
        _tile(
            "Failed",
            formats.share(now.failed_share),
            f"{formats.count(now.failed)} calls",
            _points(now.failed_share, before.failed_share),
            state="bad" if failing else "",
        ),
        _tile("Latency p50", formats.duration(middle), "", formats.change(middle, was_middle)),
        _tile("Latency p95", formats.duration(high), "", formats.change(high, was_high)),
        _tile("Latency p99", formats.duration(highest), "", formats.change(highest, was_highest)),
        _tile("First token p95", formats.duration(first), "of streams", None),
    ]
    satisfied = now.satisfied
    if satisfied is not None:
        between = f"{formats.share(satisfied.low)} to {formats.share(satisfied.high)}"
        rated = f"{between}; {formats.share(now.rated_share)} of calls rated"
        found.append(_tile("Satisfied", formats.share(satisfied.share), rated, None))
    if look.viewer.may("ledger.read"):
        per_call = None if not now.calls else now.cost // now.calls
        cost = _tile(
            "Cost", formats.money(now.cost), f"{formats.money(per_call)} a call", formats.change(now.cost, before.cost)
        )
        found.insert(2, cost)
    return found


def _tile(name: str, value: str, note: str, change: str | None, state: str = "") -> Mapping[str, Any]:
    return {"name": name, "value": value, "note": note, "change": change, "state": state}


def _points(now: float | None, before: float | None) -> str | None:
    """By how many points of a hundred a share is another."""
    return None if now is None or before is None else f"{(now - before) * 100:+.2f} points"
