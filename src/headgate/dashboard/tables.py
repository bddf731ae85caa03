"""What calls come to by a dimension: a table, and charts of its largest names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from headgate.administration import Actor
from headgate.administration.traffic import Counted
from headgate.dashboard import formats
from headgate.dashboard.charts import Chart, Column, Grid, Kind
from headgate.dashboard.figures import OTHERS, Figures, Points, largest, ranked
from headgate.dashboard.looking import House, Look

GROUPS: Mapping[str, str] = {
    "model": "Model",
    "target": "Target",
    "key": "Key",
    "team": "Team",
    "project": "Project",
    "operation": "Operation",
    "prompt": "Prompt version",
    "arm": "Experiment arm",
    "tag": "Tag",
}
"""Dimensions, and what they are called."""

LISTED = 50
"""Names a table shows; its CSV has all of them."""

PEOPLE = ("key", "team", "project")
"""Dimensions whose names are ids of what people have named."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One name of a table."""

    id: str
    name: str
    figures: Figures
    quantiles: Sequence[float | None]
    """p50, p95 and p99, in milliseconds; none of names that are not listed."""
    cost_share: float
    before: Figures | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A table by one dimension."""

    by: str
    title: str
    lines: Sequence[Line]
    """All there are."""
    charts: list[Chart]

    @property
    def rated(self) -> bool:
        """Whether anybody said how satisfied they are."""
        return any(line.figures.satisfied is not None for line in self.listed)

    @property
    def listed(self) -> Sequence[Line]:
        return self.lines[:LISTED]


def named(house: House, by: str, id: str) -> str:
    """What a name in a dimension is called."""
    return house.named(by, id) if by in PEOPLE else id


async def groups(
    look: Look, actor: Actor, by: str, *, by_cost: bool = False, before: bool = False, all_calls: Points | None = None
) -> Group:
    """What calls come to by a dimension; with `before`, and what those of the time before did. With `all_calls`, what
    all do, there are charts too.

    Raises:
        Invalid: there are no such sums.
    """
    traffic, asked = look.administration.traffic, look.asked
    sums = ranked(await traffic.totals(actor, asked.traffic(by=by), all_sketches=False), by_cost=by_cost)
    earlier: Mapping[str, Figures] | None = None
    if before:
        earlier = ranked(await traffic.totals(actor, asked.traffic(by=by, before=True), all_sketches=False))
    lines = await asyncio.to_thread(_lines, look.house, by, sums, earlier)
    made: list[Chart] = []
    if all_calls is not None:
        names = {line.id: line.name for line in lines}
        counted = await traffic.counted(actor, asked.traffic(by=by), largest(names), ("calls", "cost_picodollars"))
        made = [_chart(counted, names, by, all_calls, "count")]
        if look.viewer.may("ledger.read"):
            made.append(_chart(counted, names, by, all_calls, "usd"))
    return Group(by=by, title=GROUPS[by], lines=lines, charts=made)


def _lines(house: House, by: str, sums: Mapping[str, Figures], earlier: Mapping[str, Figures] | None) -> Sequence[Line]:
    cost = sum(each.cost for each in sums.values()) or 1
    return [
        Line(
            id=name,
            name=named(house, by, name),
            figures=each,
            quantiles=each.quantiles() if number < LISTED else (None, None, None),
            cost_share=each.cost / cost,
            before=None if earlier is None else earlier.get(name),
        )
        for number, (name, each) in enumerate(sums.items())
    ]


def _chart(counted: Counted, names: Mapping[str, str], by: str, all_calls: Points, kind: Kind) -> Chart:
    """The largest names one by one, and all others together. A call may have several tags: there are no others."""
    cost = kind == "usd"
    listed = largest(names)
    others = len(listed) < len(names) and by != "tag"
    rows: list[tuple[int, Sequence[int]]] = []
    for at, all_ in all_calls.items() if listed else ():
        values = [counted.series.get(name, {}).get(at, _NONE)[cost] for name in listed]
        rest = max(0, (all_.cost if cost else all_.calls) - sum(values))
        rows.append((at, [*values, rest] if others else values))
    columns = [Column(names[name]) for name in listed]
    if others:
        columns.append(Column(OTHERS, "rest"))
    show = formats.money if cost else formats.count
    return Chart(
        id=f"{by}-{'cost' if cost else 'calls'}",
        title=f"{'Cost' if cost else 'Calls'} by {GROUPS[by].lower()}",
        kind=kind,
        style="stack",
        columns=columns,
        rows=rows,
        step=counted.step,
        totals=[show(sum(values[number] for _, values in rows)) for number in range(len(columns))],
    )


_NONE = (0, 0)


def figures_grid(group: Group, *, money: bool) -> Grid:
    """A table as a file has it: every name, exact."""
    heads = [group.by, "name", "calls", "failed", "p50_ms", "p95_ms", "p99_ms", "tokens_in", "tokens_out"]
    rows = [
        [
            line.id, line.name, line.figures.calls, line.figures.failed,
            *("" if each is None else f"{each:.3f}" for each in line.figures.quantiles()),
            line.figures.tokens_in, line.figures.tokens_out,
            *([formats.dollars(line.figures.cost), line.figures.count("unpriced")] if money else []),
        ]
        for line in group.lines
    ]  # fmt: skip
    return Grid(id=f"by-{group.by}", heads=[*heads, *(["cost_usd", "unpriced"] if money else [])], rows=rows)
