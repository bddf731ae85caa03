"""A chart: its table is in the page, and the picture is drawn from that. The same rows make its CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from markupsafe import Markup, escape

from headgate.dashboard import formats
from headgate.dashboard.looking import Csv

Kind = Literal["count", "usd", "ms", "share"]
"""Counts, picodollars, milliseconds, shares of 1."""

Value = float | int | None


class Column(msgspec.Struct, frozen=True):
    name: str
    key: str = ""
    """What it is, where its colour says something: `failed`."""


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Values over time."""

    id: str
    """In the page, and of the CSV."""
    title: str
    kind: Kind
    columns: Sequence[Column]
    rows: Sequence[tuple[int, Sequence[Value]]]
    """By the second since 1970 a step begins at."""
    step: str
    style: Literal["line", "bars", "stack"] = "line"
    told: str = ""
    """What it says, in a few words."""
    time: str = ""
    """What it is of, where that is not the time the page is asked for."""
    totals: Sequence[str] = ()
    """Beside each column's name."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing: of counts and money nothing but zeros, of others no value."""
        values = (value for _, values in self.rows for value in values)
        return not any(values) if self.kind in ("count", "usd") else all(value is None for value in values)

    def table(self) -> Markup:
        """The rows. `data-v` has what is drawn: a table of a year is made without a template, for speed."""
        show, drawn, written = _SHOWN[self.kind], _DRAWN[self.kind], _AT[self.step]
        heads = "".join(
            f'<th scope="col" data-key="{escape(column.key)}">{escape(formats.plain(column.name))}</th>'
            for column in self.columns
        )
        lines: list[str] = []
        for at, values in self.rows:
            cells = "".join(
                f'<td data-v="{drawn(value)}">{show(value)}</td>'
                if value is not None
                else f"<td>{formats.NOTHING}</td>"
                for value in values
            )
            lines.append(
                f'<tr data-t="{at}"><th scope="row">{datetime.fromtimestamp(at, UTC):{written}}</th>{cells}</tr>'
            )
        head = f'<thead><tr><th scope="col">{self.step.title()}, UTC</th>{heads}</tr></thead>'
        return Markup(f"<table>{head}<tbody>{''.join(lines)}</tbody></table>")  # noqa: S704 - all of it is escaped

    def csv(self) -> bytes:
        """The rows as RFC 4180 has them: exact, times in RFC 3339."""
        exact = _EXACT[self.kind]
        unit = {"usd": " (USD)", "ms": " (ms)"}.get(self.kind, "")
        heads = ["from", *(f"{column.name}{unit}" for column in self.columns)]
        rows = (
            [
                f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}",
                *("" if each is None else exact(each) for each in values),
            ]
            for at, values in self.rows
        )
        return written_csv([heads, *rows])


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A table of names and figures, as a file has it."""

    id: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def csv(self) -> bytes:
        return written_csv([self.heads, *self.rows])


def chosen(id: str, made: Sequence[Chart | Grid]) -> Csv:
    """One of a page's charts or tables as a file; an empty one where the page has none of that name now."""
    found = next((each for each in made if each.id == id), Grid(id="nothing", heads=(), rows=()))
    return Csv(name=f"{found.id}.csv", body=found.csv())


def written_csv(rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows as CSV. What a spreadsheet would take for a formula is made a text: names come from anywhere."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_cell(each) for each in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return (
        f"'{text}"
        if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _number(text)
        else text
    )


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


Show = Callable[[Any], str]

_SHOWN: Mapping[str, Show] = {
    "count": formats.exact, "usd": lambda value: str(escape(formats.money(value))), "ms": formats.duration,
    "share": formats.share,
}  # fmt: skip
_DRAWN: Mapping[str, Show] = {
    "count": str, "usd": lambda value: f"{value / 1e12:.9g}", "ms": lambda value: f"{value:.6g}",
    "share": lambda value: f"{value:.6g}",
}  # fmt: skip
_EXACT: Mapping[str, Show] = {
    "count": str, "usd": formats.dollars, "ms": lambda value: f"{value:.3f}", "share": lambda value: f"{value:.6f}",
}  # fmt: skip
_AT = {"minute": "%m-%d %H:%M", "hour": "%m-%d %H:%M", "day": "%Y-%m-%d"}
