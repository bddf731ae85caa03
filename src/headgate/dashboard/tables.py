"""What calls come to by a dimension: a table, and charts of its largest names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from headgate.administration import Actor
from headgate.dashboard import formats
from headgate.dashboard.charts import Chart, Column, Grid, Kind, Value
from headgate.dashboard.figures import OTHERS, Figures, largest, points, totals
from headgate.dashboard.looking import House, Look
from headgate.telemetry.rollups.reading import Series

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
    def listed(self) -> Sequence[Line]:
        return self.lines[:LISTED]


def named(house: House, by: str, id: str) -> str:
    """What a name in a dimension is called."""
    return house.named(by, id) if by in PEOPLE else id


async def groups(look: Look, actor: Actor, by: str, *, order: str = "calls", before: bool = False) -> Group:
    """What calls come to by a dimension; with `before`, and what those of the time before did.

    Raises:
        Invalid: there are no such sums.
    """
    traffic = look.administration.traffic
    found = await traffic.found(actor, look.asked.traffic(by=by), all_sketches=False)
    sums = totals(found.series)
    if order == "cost":
        sums = dict(sorted(sums.items(), key=lambda each: (-each[1].cost, -each[1].calls, each[0])))
    earlier: Mapping[str, Figures] = {}
    if before:
        was = await traffic.found(actor, look.asked.traffic(by=by, before=True), all_sketches=False)
        earlier = totals(was.series)
    cost = sum(each.cost for each in sums.values()) or 1
    lines = [
        Line(
            id=id,
            name=named(look.house, by, id),
            figures=each,
            quantiles=each.quantiles() if number < LISTED else (None, None, None),
            cost_share=each.cost / cost,
            before=earlier.get(id) if before else None,
        )
        for number, (id, each) in enumerate(sums.items())
    ]
    shown = {line.id: line.name for line in lines}
    charts = [_chart(found.series, shown, by, f"{by}-calls", "Calls", "count", lambda each: each.calls, found)]
    if look.viewer.may("ledger.read"):
        charts.append(_chart(found.series, shown, by, f"{by}-cost", "Cost", "usd", lambda each: each.cost, found))
    return Group(by=by, title=GROUPS[by], lines=lines, charts=charts)


def _chart(
    series: Series, names: Mapping[str, str], by: str, id: str, title: str, kind: Kind,
    value: Callable[[Figures], int], found: tuple[int, int, str, Series],
) -> Chart:  # fmt: skip
    """The largest names one by one, and the others together."""
    from_s, until_s, step, _ = found
    listed = largest(names)
    rest = [name for name in names if name not in listed]
    lines = [points(series, name, from_s, until_s, step) for name in listed]
    others: dict[int, int] = defaultdict(int)
    for name in rest:
        for at, sum_ in series[name].items():
            others[at] += value(Figures(sum_))
    rows: list[tuple[int, Sequence[Value]]] = []
    for at in lines[0] if lines else ():
        values = [value(line[at]) for line in lines]
        rows.append((at, [*values, others[at]] if rest else values))
    columns = [Column(names[name]) for name in listed]
    if rest:
        columns.append(Column(OTHERS, "rest"))
    show = formats.money if kind == "usd" else formats.count
    sums = [show(sum(values[number] or 0 for _, values in rows)) for number in range(len(columns))]  # type: ignore[arg-type]
    return Chart(
        id=id, title=f"{title} by {GROUPS[by].lower()}", kind=kind, style="stack", columns=columns, rows=rows, step=step,
        totals=sums,
    )  # fmt: skip


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
