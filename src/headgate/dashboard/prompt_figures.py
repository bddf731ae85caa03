"""What the versions of a prompt come to beside each other, in calls and in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from headgate.administration import Actor, Invalid
from headgate.administration.prompt_tests import TestView
from headgate.dashboard import formats
from headgate.dashboard.charts import Chart, Column, Grid, Kind, Value
from headgate.dashboard.figures import Figures, largest, ranked
from headgate.dashboard.looking import Look
from headgate.prompts.reference import SHORT
from headgate.telemetry.rollups.reading import STEPS, Series

CHARTED = 4
"""Versions that charts show one by one."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    version: str
    """As calls are known by."""
    labels: Sequence[str]
    figures: Figures
    quantiles: Sequence[float | None]
    """p50, p95 and p99, in milliseconds."""

    @property
    def name(self) -> str:
        """With the labels that stand for it now."""
        return f"{self.version} ({', '.join(self.labels)})" if self.labels else self.version

    @property
    def per_call(self) -> int | None:
        """Picodollars a call costs."""
        return self.figures.cost // self.figures.calls if self.figures.calls else None


async def lines(look: Look, actor: Actor, name: str, labels: Mapping[str, Sequence[str]]) -> Sequence[Line]:
    """What versions that were called come to, the most calls first. A key of a team has none: no such sums are kept.

    Args:
        labels: by whole version, those that stand for it.
    """
    try:
        sums = await look.administration.traffic.totals(actor, look.asked.traffic(by="prompt"), all_sketches=False)
    except Invalid:
        return []
    own = {each: sums[each] for each in sums if each.startswith(f"{name}@")}
    short = {version[:SHORT]: labels[version] for version in labels}
    return await asyncio.to_thread(
        lambda: [
            Line(
                version=each.rpartition("@")[2],
                labels=short.get(each.rpartition("@")[2], ()),
                figures=figures,
                quantiles=figures.quantiles(),
            )
            for each, figures in ranked(own).items()
        ]
    )


async def charts(look: Look, actor: Actor, name: str, found: Sequence[Line]) -> list[Chart]:
    """The versions that were called most over time."""
    by_version = {each.version: each for each in found}
    most = largest(by_version, CHARTED)
    series: Series = {}
    from_s = until_s = 0
    step = look.asked.step
    for version in most if actor.team_id is None else ():
        asked = look.asked.traffic(of=f"prompt:{name}@{version}")
        sums = await look.administration.traffic.found(actor, asked, all_sketches=False)
        from_s, until_s, step = sums.from_s, sums.until_s, sums.step
        series[version] = next(iter(sums.series.values()), {})
    shown = [by_version[version] for version in series]
    times = range(from_s, until_s, STEPS[step])

    def chart(id: str, title: str, kind: Kind, of: Callable[[Figures], Value], totals: Sequence[str]) -> Chart:
        points = [
            (at, [None if (there := series[each.version].get(at)) is None else of(Figures(there)) for each in shown])
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
            totals=totals,
        )

    def made() -> list[Chart]:
        own = [
            chart("calls", "Calls, by version", "count", lambda each: each.calls,
                  [formats.count(each.figures.calls) for each in shown]),
            chart("failed", "Calls that failed, by version", "share", lambda each: each.failed_share,
                  [formats.share(each.figures.failed_share) for each in shown]),
            chart("p95", "95 of 100 calls took no longer, by version", "ms", lambda each: each.quantiles()[1],
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
                      lambda each: each.cost // each.calls if each.calls else None,
                      [formats.money(each.per_call) for each in shown]),
            )  # fmt: skip
        return own

    return await asyncio.to_thread(made)


def tests_chart(tests: Sequence[TestView]) -> Chart:
    """The share of answers that passed, run by run."""
    cells = largest(dict.fromkeys(f"{each.suite}, {each.cell}" for each in tests))
    at: dict[int, dict[str, float | None]] = {}
    for each in tests:
        at.setdefault(int(each.at.timestamp()), {})[f"{each.suite}, {each.cell}"] = each.pass_rate
    return Chart(
        id="tests",
        title="Answers that passed in tests",
        kind="share",
        columns=[Column(cell) for cell in cells],
        rows=[(second, [values.get(cell) for cell in cells]) for second, values in sorted(at.items())],
        step="minute",
        told="Run by run; how sure each is stands in the table of tests",
    )


def versions_grid(found: Sequence[Line], *, money: bool) -> Grid:
    """The table as a file has it."""
    heads = [
        "version",
        "labels",
        "calls",
        "failed",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "ratings",
        "satisfied",
        "low",
        "high",
    ]
    rows = [
        [
            each.version, " ".join(each.labels), each.figures.calls, each.figures.failed,
            *("" if value is None else f"{value:.3f}" for value in each.quantiles), *_satisfied(each.figures),
            *([formats.dollars(each.figures.cost)] if money else []),
        ]
        for each in found
    ]  # fmt: skip
    return Grid(id="versions", heads=[*heads, *(["cost_usd"] if money else [])], rows=rows)


def _satisfied(figures: Figures) -> Sequence[object]:
    said = figures.satisfied
    return ("", "", "", "") if said is None else (said.of, said.share, said.low, said.high)


def tests_grid(tests: Sequence[TestView]) -> Grid:
    names = (
        "at", "run", "suite", "cell", "version", "cases", "passed", "failed", "undecided", "pass_rate", "low", "high",
        "verdict", "difference", "difference_low", "difference_high", "chance", "cost_usd", "p95_ms",
    )  # fmt: skip
    rows = [[each.at.isoformat(), *(getattr(each, name) for name in names[1:])] for each in tests]
    return Grid(id="test-runs", heads=names, rows=rows)
