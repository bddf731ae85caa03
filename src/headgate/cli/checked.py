"""How a configuration stands to production, drawn for a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from headgate.cli.checking import weight
from headgate.cli.output import counted, printable
from headgate.production import Finding, Report, Standing

_BAR = 20
"""Characters of a full bar."""
_COLOURS = {"serious": "red", "advice": "yellow", "accepted": "cyan"}
_MARKS = {"serious": "✗", "advice": "!", "accepted": "~"}


def draw(found: Report, console: Console | None = None) -> None:
    """Print a report: findings by theme, then the scores."""
    console = console or Console()
    for theme in found.themes:
        findings = [each for each in found.findings if each.theme == theme.theme]
        if findings:
            console.print(Text(f"\n{theme.theme}", style="bold"))
            console.print(_findings(findings))
    console.print()
    console.print(_scores(found))
    if found.not_seen:
        console.print(Text("\nNot looked at", style="bold"))
        for why in dict.fromkeys(each.why for each in found.not_seen):
            names = ", ".join(each.lesson for each in found.not_seen if each.why == why)
            console.print(Text(f"  {names}: {printable(why)}", style="dim"))
    console.print(_verdict(found))


def _findings(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 1))
    for each in findings:
        kind = weight(each)
        told: list[RenderableType] = [
            Text.assemble((printable(each.what), "bold"), ("  " + each.lesson, "dim")),
            Text(printable(each.where), style="dim"),
            Text(each.why),
            Text.assemble(("→ ", "green"), (printable(each.write), "green")),
        ]
        table.add_row(Text(_MARKS[kind], style=f"bold {_COLOURS[kind]}"), Group(*told))
    return table


def _scores(found: Report) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("theme", "score", "", "serious", "advice", "lessons", "not looked at"):
        table.add_column(heading, justify="left" if heading in ("theme", "") else "right")
    for each in found.themes:
        table.add_row(*_scored(each))
    table.add_section()
    table.add_row(*_scored(found.total), style="bold")
    return table


def _scored(standing: Standing) -> list[Text]:
    score = standing.score
    colour = "dim" if score is None else "green" if score >= 90 else "yellow" if score >= 70 else "red"
    filled = 0 if score is None else round(score * _BAR / 100)
    return [
        Text(standing.theme),
        Text("–" if score is None else str(score), style=colour),
        Text("█" * filled + "░" * (_BAR - filled), style=colour),
        Text(str(standing.serious or ""), style="red"),
        Text(str(standing.advice or ""), style="yellow"),
        Text(str(standing.lessons)),
        Text(str(standing.unseen or ""), style="dim"),
    ]


def _verdict(found: Report) -> Text:
    if found.ok:
        return Text(f"\n{found.file} is fit for production, as far as was looked.", style="bold green")
    serious = counted(found.total.serious, "serious finding")
    return Text(f"\n{serious}: not yet fit for production.", style="bold red")
