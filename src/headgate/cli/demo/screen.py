"""A demonstration on a terminal, drawn anew several times a second."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from headgate.cli.demo.plot import ALARMING_SPENT
from headgate.cli.demo.watching import Note, Seen, TargetSeen, TeamSeen

COLUMNS, ROWS = 80, 24
"""The smallest terminal it can be read on."""
WIDE = 140
"""Columns from which teams and targets stand side by side."""

_TONES = {"bad": "red", "good": "green", "": ""}
_STATES = {"closed": ("in use", "green"), "open": ("resting", "red"), "half_open": ("being tried", "yellow")}
BAR = 10
"""Characters a whole budget is drawn with."""


def drawable(console: Console) -> bool:
    """Whether this is a terminal it can be drawn on."""
    return console.is_terminal and not console.is_dumb_terminal and console.width >= COLUMNS and console.height >= ROWS


def drawn(seen: Seen, url: str, key: str, admin_key: str, *, wide: bool) -> Layout:
    """Everything that is seen, as large as the terminal."""
    teams, targets = Layout(_teams(seen.teams)), Layout(_targets(seen.targets))
    rows = max(len(seen.teams), len(seen.targets)) + 1
    tables = Layout(size=rows if wide else 2 * rows)
    if wide:
        tables.split_row(teams, targets)
    else:
        tables.split_column(teams, targets)
    layout = Layout()
    layout.split_column(
        Layout(_head(seen, url), size=4), tables, Layout(_notes(seen.notes)), Layout(_foot(url, key, admin_key), size=5)
    )
    return layout


def _head(seen: Seen, url: str) -> RenderableType:
    success = "–" if seen.success is None else f"{seen.success:.1%}"
    good = seen.success is None or seen.success > 0.99
    figures = Text.assemble(
        (f"{seen.calls_per_s:.1f} calls/s", "bold"),
        "   answered ",
        (success, "bold green" if good else "bold red"),
        f"   median {seen.median_ms:.0f} ms   {seen.elapsed_s:.0f} s",
    )
    act = _line((f"{seen.act.name.upper():10}", "bold cyan"), seen.act.caption)
    alerts = " ".join(f"● {each}" for each in seen.alerts)
    alarm = _line((f"{'ALERTS':10}", "bold cyan"), (alerts, "bold red") if alerts else ("none", "green"))
    return Group(Rule(f"Headgate demo · all of it is simulated · {url}", align="left"), figures, act, alarm)


def _teams(teams: Sequence[TeamSeen]) -> RenderableType:
    table = _table("simulated team", ("calls", "refused", "failed", "cost $"), "budget")
    for each in teams:
        filled = min(BAR, round(each.spent * BAR))
        bar = Text("█" * filled + "░" * (BAR - filled), "red" if each.spent >= ALARMING_SPENT else "green")
        bar.append(f" {each.spent:.0%}")
        table.add_row(each.name, str(each.calls), str(each.refused), str(each.failed), f"{each.cost_usd:.4f}", bar)
    return table


def _targets(targets: Sequence[TargetSeen]) -> RenderableType:
    table = _table("simulated target", ("attempts", "failing"), "breaker")
    for each in targets:
        word, colour = _STATES[each.state]
        table.add_row(each.name, str(each.attempts), f"{each.failing:.0%}", Text(word, colour))
    return table


def _notes(notes: Sequence[Note]) -> RenderableType:
    lines = [_line((f"{each.at_s:4.0f} s  {each.text}", _TONES[each.tone])) for each in reversed(notes)]
    return Group(Rule("events, newest first", align="left"), *lines)


def _foot(url: str, key: str, admin_key: str) -> RenderableType:
    """Lines to copy: no frame, and each a whole command, since what is drawn has blanks at its end."""
    return Group(
        Rule("try it, for up to $1; in a browser: /usage with this key · Ctrl-C ends it", align="left"),
        Text(f"key={key}", "cyan"),
        Text(f"""url={url}/v1/responses ask='{{"model":"chat","input":"Hi"}}'""", "cyan"),
        Text("""curl $url -H x-api-key:$key -H content-type:application/json -d "$ask\"""", "cyan"),
        _line("admin key ", (admin_key, "cyan"), " · /targets, /metrics, /admin/"),
    )


def _table(name: str, figures: Sequence[str], last: str) -> Table:
    table = Table(box=None, expand=True, padding=(0, 2, 0, 0))
    table.add_column(name, no_wrap=True)
    for each in figures:
        table.add_column(each, no_wrap=True, justify="right")
    table.add_column(last, no_wrap=True)
    return table


def _line(*parts: str | tuple[str, str]) -> Text:
    """A text that is cut, and shows it, where the terminal is too narrow for it."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
