"""What the versions of a prompt come to beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from headgate.administration import Actor
from headgate.administration.prompts import VersionView
from headgate.dashboard import formats
from headgate.dashboard.charts import Chart, Column, Grid, Kind, Value
from headgate.dashboard.figures import ENOUGH, Figures, largest, ranked, trailing
from headgate.dashboard.looking import Look
from headgate.prompts.reference import SHORT
from headgate.telemetry.rollups.cubes import LONGEST
from headgate.telemetry.rollups.reading import STEPS

CHARTED = 4
"""Versions that charts show one by one."""

LISTED = 50
"""Versions a table shows; its file has all."""

COUNTED = 1_000
"""Versions whose calls are looked for, the newest."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    id: str
    """As sums know it: `support/triage@0123456789ab`."""
    version: str
    """As calls are known by."""
    labels: Sequence[str]
    figures: Figures
    quantiles: Sequence[float | None]
    """p50, p95 and p99, in milliseconds; none of versions that are not listed."""

    @property
    def name(self) -> str:
        """With the labels that stand for it now."""
        return f"{self.version} ({', '.join(self.labels)})" if self.labels else self.version


def counted_as(name: str, version: str) -> str:
    """What sums call a version."""
    return f"{name}@{version[:SHORT]}"[:LONGEST]


async def lines(look: Look, actor: Actor, name: str, versions: Sequence[VersionView]) -> Sequence[Line]:
    """What versions that were called come to, the most calls first; of a team what its own calls do.

    Args:
        versions: all of the prompt, the newest first.

    Raises:
        Invalid: what the page is asked for makes no sense.
    """
    known = {counted_as(name, each.version): each for each in versions[:COUNTED]}
    names = () if _unpublished(look) else [*known]
    asked = look.asked.traffic(by="prompt")
    sums = await look.administration.traffic.totals(actor, asked, all_sketches=False, names=names)
    own = {each: sums[each] for each in sums if each in known or each.startswith(f"{name}@")}
    return await asyncio.to_thread(
        lambda: [
            Line(
                id=each,
                version=known[each].version[:SHORT] if each in known else each.rpartition("@")[2],
                labels=known[each].labels if each in known else (),
                figures=figures,
                quantiles=figures.quantiles() if number < LISTED else (None, None, None),
            )
            for number, (each, figures) in enumerate(ranked(own).items())
        ]
    )


def _unpublished(look: Look) -> bool:
    """Whether files are served too, whose versions nobody has published."""
    prompts = look.house.config().prompts
    return prompts.folder is not None or prompts.package is not None


# ── over time ──


class _Drawn(NamedTuple):
    """What charts are drawn from."""

    lines: Sequence[Line]
    steps: Sequence[Sequence[Figures | None]]
    """Of each version, step by step; None where it was not called."""
    times: Sequence[int]
    step: str
    told: str
    """Which versions these are, where they are not all."""

    def each(self, of: Callable[[Figures], Value], none: Value = None) -> Sequence[Sequence[Value]]:
        """A figure of each version, step by step."""
        return [[none if step is None else of(step) for step in steps] for steps in self.steps]


async def charts(look: Look, actor: Actor, found: Sequence[Line]) -> list[Chart]:
    """The versions that were called most over time."""
    by_id = {each.id: each for each in found}
    most = largest(by_id, CHARTED)
    asked = look.asked.traffic(by="prompt")
    sums = await look.administration.traffic.found(actor, asked, all_sketches=False, names=most)
    times = range(sums.from_s, sums.until_s, STEPS[sums.step])
    series = [sums.series.get(each, {}) for each in most]
    drawn = _Drawn(
        lines=[by_id[each] for each in most],
        steps=[[Figures(own[at]) if at in own else None for at in times] for own in series],
        times=times,
        step=sums.step,
        told=f"The {len(most)} that were called most" if len(most) < len(found) else "",
    )
    return await asyncio.to_thread(_charts, drawn, money=look.viewer.may("ledger.read"))


def _charts(drawn: _Drawn, *, money: bool) -> list[Chart]:
    figures = [each.figures for each in drawn.lines]
    calls = _chart(drawn, "calls", "Calls, by version", "count", drawn.each(lambda step: step.calls, 0), style="stack",
                   totals=[formats.count(each.calls) for each in figures])  # fmt: skip
    failed = _chart(drawn, "failed", "Calls that failed, by version", "share",
                    drawn.each(lambda step: step.failed_share),
                    totals=[formats.share(each.failed_share) for each in figures])  # fmt: skip
    p95 = _chart(drawn, "p95", "Latency p95, by version", "ms",
                 drawn.each(lambda step: step.quantiles("duration", (0.95,))[0]),
                 totals=[formats.duration(each.quantiles[1]) for each in drawn.lines])  # fmt: skip
    cost = _chart(drawn, "cost", "Cost of a call, by version", "usd", drawn.each(lambda step: step.per_call),
                  totals=[formats.money(each.per_call) for each in figures])  # fmt: skip
    return [calls, failed, p95, *([cost] if money else []), _satisfaction(drawn)]


def _satisfaction(drawn: _Drawn) -> Chart:
    said = [each.figures.satisfied for each in drawn.lines]
    return _chart(
        drawn, "satisfied", "Satisfied, by version", "share",
        [trailing(None if step is None else step.satisfied for step in steps) for steps in drawn.steps],
        totals=[formats.NOTHING if each is None else formats.share(each.share) for each in said],
        told=f"Each point is of {ENOUGH} ratings or more, the latest; how sure each version is stands in the table",
    )  # fmt: skip


def _chart(
    drawn: _Drawn,
    id: str,
    title: str,
    kind: Kind,
    values: Sequence[Sequence[Value]],
    *,
    totals: Sequence[str],
    style: Literal["line", "stack"] = "line",
    told: str = "",
) -> Chart:
    return Chart(
        id=id,
        title=title,
        kind=kind,
        columns=[Column(each.name) for each in drawn.lines],
        rows=[(at, [line[number] for line in values]) for number, at in enumerate(drawn.times)],
        step=drawn.step,
        style=style,
        told=told or drawn.told,
        totals=totals,
    )


# ── files ──


def versions_grid(found: Sequence[Line], *, money: bool) -> Grid:
    """The table as a file has it."""
    heads = [
        "version", "labels", "calls", "failed", "p50_ms", "p95_ms", "p99_ms", "ratings", "satisfied", "low", "high",
    ]  # fmt: skip
    rows = [
        [
            each.version, " ".join(each.labels), each.figures.calls, each.figures.failed,
            *("" if value is None else f"{value:.3f}" for value in each.figures.quantiles()), *_satisfied(each.figures),
            *([formats.dollars(each.figures.cost), each.figures.count("unpriced")] if money else []),
        ]
        for each in found
    ]  # fmt: skip
    return Grid(id="versions", heads=[*heads, *(["cost_usd", "unpriced"] if money else [])], rows=rows)


def _satisfied(figures: Figures) -> Sequence[object]:
    said = figures.satisfied
    return ("", "", "", "") if said is None else (said.of, said.share, said.low, said.high)
