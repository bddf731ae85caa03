"""Results as tables: on the terminal, and in `docs/performance.md`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scenes import Row

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def show(title: str, rows: list[Row]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(columns(rows)):
        table.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in columns(rows)))
    sys.stderr.write("\r\033[K" if sys.stderr.isatty() else "")
    Console().print(table)


def publish(results: Path, titles: dict[str, str]) -> None:
    """Write the newest results between the marks of `docs/performance.md`; of each scene the newest run counts."""
    latest: dict[str, list[Row]] = {}
    machine: dict[str, object] = {}
    date = ""
    for file in sorted(results.glob("2*.json")):
        data = json.loads(file.read_text())
        machine, date = data["machine"], data["time"]
        latest |= {name: data[name] for name in [*titles, "peers"] if name in data}
    if not latest:
        sys.exit("no results yet: run make bench first")
    where = (
        f"Measured on {date}: {machine['cpu']}, {machine['cores']} cores, CPython {machine['python']}, "
        f"Linux {machine['kernel']}. The gateway is pinned to one core; load and mock vendor share the other."
    )
    lines = [where, ""]
    for name, title in {**titles, "peers": "Peers, the same calls on the same core"}.items():
        if name in latest:
            lines += [f"### {title}", "", *markdown(latest[name]), ""]
    page = PAGE.read_text()
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n{END}{after}")


def markdown(rows: list[Row]) -> list[str]:
    names = columns(rows)
    head = ["| " + " | ".join(names) + " |", "|---" + "|---:" * (len(names) - 1) + "|"]
    return head + ["| " + " | ".join(cell(row.get(name)) for name in names) + " |" for row in rows]


def columns(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)
