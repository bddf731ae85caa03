"""What the versions of a prompt come to beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from headgate.administration import Actor
from headgate.administration.prompts import VersionView
from headgate.dashboard import formats
from headgate.dashboard.charts import Chart, Column, Grid, Kind, Value
from headgate.dashboard.figures import Figures, largest, ranked
from headgate.dashboard.looking import Look
from headgate.prompts.reference import SHORT
from headgate.telemetry.rollups.cubes import LONGEST
from headgate.telemetry.rollups.reading import STEPS, Series

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


async def charts(look: Look, actor: Actor, found: Sequence[Line]) -> list[Chart]:
    """The versions that were called most over time."""
    by_id = {each.id: each for each in found}
    most = largest(by_id, CHARTED)
    asked = look.asked.traffic(by="prompt")
    sums = await look.administration.traffic.found(actor, asked, all_sketches=False, names=most)
    series: Series = {each: sums.series.get(each, {}) for each in most}
    shown = [by_id[each] for each in most]
    of_which = f"The {len(shown)} that were called most" if len(shown) < len(found) else ""
    step, times = sums.step, range(sums.from_s, sums.until_s, STEPS[sums.step])

    def chart(id: str, title: str, kind: Kind, of: Callable[[Figures], Value], totals: Sequence[str]) -> Chart:
        points = [
            (at, [None if (there := series[each.id].get(at)) is None else of(Figures(there)) for each in shown])
            for at in times
        ]
        counted = [(at, [value or 0 for value in values]) for at, values in points] if id == "calls" else points
        return Chart(
            id=id,
            title=title,
            kind=kind,
            columns=[Column(each.name) for each in shown],
            rows=counted,
            step=step,
            style="stack" if id == "calls" else "line",
            told="How sure each is stands in the table" if id == "satisfied" else of_which,
            totals=totals,
        )

    def made() -> list[Chart]:
        own = [
            chart("calls", "Calls, by version", "count", lambda each: each.calls,
                  [formats.count(each.figures.calls) for each in shown]),
            chart("failed", "Calls that failed, by version", "share", lambda each: each.failed_share,
                  [formats.share(each.figures.failed_share) for each in shown]),
            chart("p95", "Latency p95, by version", "ms", lambda each: each.quantiles()[1],
                  [formats.duration(each.quantiles[1]) for each in shown]),
            chart("satisfied", "Satisfied, by version", "share",
                  lambda each: None if each.satisfied is None else each.satisfied.share,
                  [formats.NOTHING if (said := each.figures.satisfied) is None else formats.share(said.share)
                   for each in shown]),
        ]  # fmt: skip
        if look.viewer.may("ledger.read"):
            own.insert(
                3,
                chart("cost", "Cost of a call, by version", "usd",
                      lambda each: each.per_call,
                      [formats.money(each.figures.per_call) for each in shown]),
            )  # fmt: skip
        return own

    return await asyncio.to_thread(made)


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
