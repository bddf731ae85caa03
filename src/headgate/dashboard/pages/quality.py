"""`/dashboard/quality`: whether answers are good: what users said of them, and what evaluators found in them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.administration import Actor, Invalid
from headgate.dashboard import formats
from headgate.dashboard.charts import Chart, Column, Grid, Value, chosen
from headgate.dashboard.figures import ENOUGH, Points, largest, points, ranked, trailing
from headgate.dashboard.looking import Csv, Look, Template
from headgate.dashboard.tables import GROUPS, LISTED, named
from headgate.quality.reading import Evaluated, Satisfaction, Share, evaluations_of, satisfaction_of
from headgate.telemetry.rollups.reading import STEPS, Sum, total

PATH = "/dashboard/quality"

SHOWN_BY = ("model", "prompt", "arm")
"""Dimensions there are tables by, as far as anything is known by them."""

COUNTS = (
    "calls", "rated", "feedback.up", "feedback.down", *(f"feedback.score_{score}" for score in range(1, 6)),
)  # fmt: skip
"""Counts that satisfaction is told from."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One name of a table."""

    id: str
    name: str
    calls: int
    satisfaction: Satisfaction
    evaluated: Mapping[str, Evaluated]
    """By evaluator."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A table by one dimension: names of which nobody said anything, and in which nobody looked, are left out."""

    by: str
    title: str
    lines: Sequence[Line]
    evaluators: Sequence[str]

    @property
    def listed(self) -> Sequence[Line]:
        return self.lines[:LISTED]

    @property
    def rated(self) -> bool:
        return any(line.satisfaction.rated.counted or line.satisfaction.satisfied.of for line in self.lines)


async def page(look: Look) -> Template | Csv:
    look.need("ledger.read")
    asked, actor = look.asked, await look.actor()
    found = await look.administration.traffic.found(actor, asked.traffic(), all_sketches=False)
    name = next(iter(found.series), "")
    now = total(found.series.get(name, {}))
    steps = points(found.series, name, found.from_s, found.until_s, found.step)
    grouped = [each for by in shown_by(look) if (each := await group(look, actor, by)) is not None]
    said, evaluated = satisfaction_of(now.counts), evaluations_of(now.counts)
    charts = [
        satisfaction_chart(steps, said, found.step),
        rated_chart(steps, said, found.step),
        *[each for one in grouped if one.rated for each in [await compared(look, actor, one)]],
        *([evaluators_chart(steps, evaluated, found.step)] if evaluated else []),
    ]
    if csv := asked.get("csv"):
        grids = [grid for each in grouped for grid in (satisfaction_grid(each), evaluation_grid(each))]
        return chosen(csv, [*charts, evaluators_grid(evaluated), *grids])
    values = {
        "said": said,
        "evaluated": evaluated,
        "charts": charts,
        "groups": grouped,
        "dimensions": {"": "Model, prompt and arm", **GROUPS},
    }
    return Template(name="quality.html", title="Quality", values=values)


def shown_by(look: Look) -> Sequence[str]:
    """Dimensions there are tables by."""
    by = look.asked.get("by")
    return [by] if by else SHOWN_BY


async def group(look: Look, actor: Actor, by: str) -> Group | None:
    """A table; None where no sums are kept by that and the filter there is, and they were not asked for.

    Raises:
        Invalid: there are no such sums, and they were asked for.
    """
    try:
        sums = await look.administration.traffic.totals(actor, look.asked.traffic(by=by), all_sketches=False)
    except Invalid:
        if look.asked.get("by"):
            raise
        return None
    return await asyncio.to_thread(_group, look, by, sums)


def _group(look: Look, by: str, sums: Mapping[str, Sum]) -> Group | None:
    lines = [
        Line(
            id=name,
            name=named(look.house, by, name),
            calls=each.calls,
            satisfaction=satisfaction_of(each.counts),
            evaluated=evaluations_of(each.counts),
        )
        for name, each in ranked(sums).items()
    ]
    known = [
        line for line in lines if line.evaluated or line.satisfaction.rated.counted or line.satisfaction.satisfied.of
    ]
    if not known and by != "model":
        return None
    evaluators = sorted({name for line in known for name in line.evaluated})
    return Group(by=by, title=GROUPS[by], lines=known, evaluators=evaluators)


# ── charts ──


def satisfaction_chart(steps: Points, now: Satisfaction, step: str) -> Chart:
    rows = [(at, _interval(satisfaction_of(each.counts).satisfied)) for at, each in steps.items()]
    return Chart(
        id="satisfied",
        title="Satisfied",
        kind="share",
        columns=[Column("satisfied", "satisfied"), Column("at least", "bound"), Column("at most", "bound")],
        rows=rows,
        step=step,
        told=f"Of {formats.exact(now.satisfied.of)} ratings; between the bounds in 95 of 100 cases",
        totals=[formats.share(each) for each in _interval(now.satisfied)],
    )


def _interval(share: Share) -> Sequence[Value]:
    return (share.share, share.low, share.high) if share.of else (None, None, None)


def rated_chart(steps: Points, now: Satisfaction, step: str) -> Chart:
    return Chart(
        id="rated",
        title="Calls somebody rated",
        kind="share",
        columns=[Column("rated")],
        rows=[(at, (satisfaction_of(each.counts).rated.share,)) for at, each in steps.items()],
        step=step,
        told="Who rates is not everybody: the fewer, the less may be concluded for all",
        totals=[formats.share(now.rated.share)],
    )


def evaluators_chart(steps: Points, now: Mapping[str, Evaluated], step: str) -> Chart:
    names = largest(sorted(now, key=lambda name: (-now[name].passed.of, name)))
    found = {at: evaluations_of(each.counts) for at, each in steps.items()}
    return Chart(
        id="evaluators",
        title="Answers that passed, by evaluator",
        kind="share",
        columns=[Column(name) for name in names],
        rows=[
            (at, [each[name].passed.share if name in each else None for name in names]) for at, each in found.items()
        ],
        step=step,
        told="Of those it could tell of",
        totals=[formats.share(now[name].passed.share) for name in names],
    )


async def compared(look: Look, actor: Actor, group: Group) -> Chart:
    """How satisfied users were over time, by the names that were rated most."""
    most = sorted(group.lines, key=lambda line: (-line.satisfaction.satisfied.of, line.name))
    listed = {line.id: line for line in most if line.satisfaction.satisfied.of}
    names = largest(listed)
    asked = look.asked.traffic(by=group.by)
    found = await look.administration.traffic.counted(actor, asked, names, COUNTS)

    def share(name: str, at: int) -> Share | None:
        there = found.series.get(name, {}).get(at)
        return None if there is None else satisfaction_of(dict(zip(COUNTS, there, strict=True))).satisfied

    times = range(found.from_s, found.until_s, STEPS[found.step])
    lines = [trailing(share(name, at) for at in times) for name in names]
    return Chart(
        id=f"{group.by}-satisfied",
        title=f"Satisfied, by {group.title.lower()}",
        kind="share",
        columns=[Column(listed[name].name) for name in names],
        rows=[(at, [line[number] for line in lines]) for number, at in enumerate(times)] if names else [],
        step=found.step,
        told=f"Each point is of {ENOUGH} ratings or more, the latest; how sure each name is stands in the table below",
        totals=[formats.share(listed[name].satisfaction.satisfied.share) for name in names],
    )


# ── files ──


def _figures(share: Share) -> Sequence[Any]:
    none = ("", "", "")
    exact = none if share.share is None else (f"{share.share:.6f}", f"{share.low:.6f}", f"{share.high:.6f}")
    return (share.of, share.counted, *exact)


def satisfaction_grid(group: Group) -> Grid:
    heads = [
        group.by, "name", "calls", "rated", "ratings", "satisfied", "satisfied_share", "low", "high", "mean_score",
        "comments", "corrections",
    ]  # fmt: skip
    rows = [
        [
            line.id, line.name, line.calls, line.satisfaction.rated.counted, *_figures(line.satisfaction.satisfied),
            line.satisfaction.mean_score, line.satisfaction.comments, line.satisfaction.corrections,
        ]
        for line in group.lines
    ]  # fmt: skip
    return Grid(id=f"satisfied-{group.by}", heads=heads, rows=rows)


_EVALUATED = ("told", "passed", "passed_share", "low", "high", "could_not_tell", "mean_score")


def _evaluated(found: Evaluated) -> Sequence[Any]:
    return (*_figures(found.passed), found.skipped, found.mean_score)


def evaluation_grid(group: Group) -> Grid:
    rows = [
        [line.id, line.name, name, *_evaluated(each)] for line in group.lines for name, each in line.evaluated.items()
    ]
    return Grid(id=f"evaluated-{group.by}", heads=[group.by, "name", "evaluator", *_EVALUATED], rows=rows)


def evaluators_grid(found: Mapping[str, Evaluated]) -> Grid:
    rows = [[name, *_evaluated(each)] for name, each in found.items()]
    return Grid(id="by-evaluator", heads=["evaluator", *_EVALUATED], rows=rows)
