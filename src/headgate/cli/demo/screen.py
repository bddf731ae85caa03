"""A demonstration on a terminal, drawn anew several times a second."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from headgate.cli.demo.plot import ALARMING_SPENT
from headgate.cli.demo.watching import Note, Seen, TargetSeen, TeamSeen

_TONES = {"bad": "red", "good": "green", "": ""}
_STATES = {"closed": ("in use", "green"), "open": ("resting", "red"), "half_open": ("being tried", "yellow")}
BAR = 12
"""Characters a whole budget is drawn with."""


def drawn(seen: Seen, url: str, key: str, admin_key: str) -> Layout:
    """Everything that is seen, as large as the terminal."""
    layout = Layout()
    layout.split_column(
        Layout(_head(seen, url), size=4),
        Layout(name="middle", size=8),
        Layout(name="below", minimum_size=6),
        Layout(_foot(url, key, admin_key), size=6),
    )
    layout["middle"].split_row(Layout(_teams(seen.teams)), Layout(_targets(seen.targets)))
    layout["below"].split_row(Layout(_notes(seen.notes), ratio=3), Layout(_alerts(seen.alerts), ratio=2))
    return layout


def _head(seen: Seen, url: str) -> RenderableType:
    success = "–" if seen.success is None else f"{seen.success:.1%}"
    good = seen.success is None or seen.success > 0.99
    figures = Text.assemble(
        (f"{seen.calls_per_s:5.1f} calls/s", "bold"),
        "   answered ",
        (success, "bold green" if good else "bold red"),
        f"   median {seen.median_ms:.0f} ms   {seen.elapsed_s:.0f} s",
    )
    act = Text.assemble((seen.act.name.upper(), "bold cyan"), "  ", seen.act.caption)
    return Panel(Group(figures, act), title=f"Headgate demo · all of it is simulated · {url}")


def _teams(teams: Sequence[TeamSeen]) -> RenderableType:
    table = Table("simulated team", "calls", "refused", "failed", "cost $", "budget", box=None, expand=True)
    for each in teams:
        filled = min(BAR, round(each.spent * BAR))
        bar = Text("█" * filled + "░" * (BAR - filled), "red" if each.spent >= ALARMING_SPENT else "green")
        bar.append(f" {each.spent:.0%}")
        table.add_row(each.name, str(each.calls), str(each.refused), str(each.failed), f"{each.cost_usd:.4f}", bar)
    return Panel(table, title="cost by team, from the ledger")


def _targets(targets: Sequence[TargetSeen]) -> RenderableType:
    table = Table("simulated target", "attempts", "failing", "breaker", box=None, expand=True)
    for each in targets:
        word, colour = _STATES[each.state]
        table.add_row(each.name, str(each.attempts), f"{each.failing:.0%}", Text(word, colour))
    return Panel(table, title="targets")


def _notes(notes: Sequence[Note]) -> RenderableType:
    lines = [Text(f"{each.at_s:4.0f} s  {each.text}", _TONES[each.tone], no_wrap=True) for each in notes[-40:]]
    return Panel(Group(*reversed(lines)), title="events, newest first")


def _alerts(alerts: Sequence[str]) -> RenderableType:
    lines = [Text(f"● {each}", "red") for each in alerts] or [Text("none", "green")]
    return Panel(Group(*lines), title="alerts")


def _foot(url: str, key: str, admin_key: str) -> RenderableType:
    body = '-d \'{"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}\''
    return Panel(
        Group(
            Text.assemble("try  ", (f"curl {url}/v1/chat/completions -H 'content-type: application/json' \\", "cyan")),
            Text(f"       -H 'authorization: Bearer {key}' \\", "cyan"),
            Text(f"       {body}", "cyan"),
            Text(f"{url}/targets, /metrics, /admin/…: with {admin_key} · Ctrl-C ends it", no_wrap=True),
        ),
        title="a key with a budget of $1",
    )
