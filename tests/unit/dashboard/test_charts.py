"""A chart is its table, and the file is that too."""

from __future__ import annotations

import csv
import io

from headgate.dashboard.charts import Chart, Column, Grid

ROWS = [(1_793_491_200, (1_500_000_000_000, None)), (1_793_577_600, (0, 2))]


def chart(*names: str) -> Chart:
    return Chart(id="x", title="X", kind="usd", columns=[Column(name) for name in names], rows=ROWS, step="day")


def test_what_is_drawn_stands_in_the_table():
    table = chart("cost", "<b>").table()
    assert '<tr data-t="1793491200"><th scope="row">2026-11-01</th><td data-v="1.5">$1.50</td><td>–</td></tr>' in table
    assert "&lt;b&gt;" in table
    assert "<b>" not in table


def test_the_file_is_exact_and_no_formula():
    names = ["=1+1", "+x", "-x", "@x", "plain", '"quoted", twice']
    [heads, first, _] = csv.reader(io.StringIO(chart(*names[:2]).csv().decode()))
    assert heads == ["from", "'=1+1 (USD)", "'+x (USD)"]
    assert first == ["2026-11-01T00:00:00Z", "1.5", ""]
    grid = Grid(id="y", heads=["name", "number"], rows=[[name, -2.5] for name in names])
    found = list(csv.reader(io.StringIO(grid.csv().decode())))[1:]
    assert [name for name, _ in found] == ["'=1+1", "'+x", "'-x", "'@x", "plain", '"quoted", twice']
    assert {number for _, number in found} == {"-2.5"}


def test_nothing_is_said_to_be_nothing():
    assert not chart("cost", "other").empty
    assert Chart(id="x", title="X", kind="count", columns=[], rows=[(0, (0, None))], step="day").empty
