"""The screen of `headgate demo`: all of it is there on the smallest terminal, and what it shows to copy can be."""

from __future__ import annotations

import io
import subprocess
from decimal import Decimal

import pytest
from rich.console import Console

from headgate.cli.demo import plot
from headgate.cli.demo.screen import COLUMNS, ROWS, WIDE, drawable, drawn
from headgate.cli.demo.watching import Note, Seen, TargetSeen, TeamSeen

TARGETS = ("sim-east/gpt-4o-mini", "sim-west/claude-haiku-4-5", "sim-west/claude-sonnet-4-5", "sim-west/gpt-4o")
KEY = "hg-" + "k" * 50
ADMIN = "hg-demo-" + "a" * 32


def seen(act: plot.Act) -> Seen:
    teams = [
        TeamSeen(name=each.name, calls=123_456, refused=12, failed=3, cost_usd=Decimal("12.3456"), spent=1.0)
        for each in plot.TEAMS
    ]
    targets = [TargetSeen(name=name, state="half_open", failing=1.0, attempts=123_456) for name in TARGETS]
    return Seen(
        elapsed_s=3599.0,
        act=act,
        calls_per_s=13.4,
        success=0.999,
        median_ms=180.0,
        teams=teams,
        targets=targets,
        alerts=["sim-east/gpt-4o-mini: 100% of attempts fail"],
        notes=[Note(1.0, "old"), Note(3599.0, f"{act.name}: {act.caption}", "bad")],
    )


def screen(act: plot.Act, columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    console = Console(width=columns, height=rows, file=io.StringIO(), record=True)
    console.print(drawn(seen(act), "http://127.0.0.1:65535", KEY, ADMIN, wide=columns >= WIDE))
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize("act", plot.ACTS, ids=lambda act: act.name)
@pytest.mark.parametrize("size", [(COLUMNS, ROWS), (WIDE, ROWS), (200, 60)], ids=str)
def test_everything_is_on_it_and_nothing_is_cut(act: plot.Act, size: tuple[int, int]) -> None:
    lines = screen(act, *size)
    text = "\n".join(lines)
    assert "…" not in text
    for each in (*(team.name for team in plot.TEAMS), *TARGETS, "100% of attempts fail", "█ 100%", "being tried"):
        assert each in text
    assert f"3599 s  {act.name}: {act.caption}" in text
    assert ADMIN in text


def test_what_it_shows_to_copy_is_a_shells() -> None:
    lines = screen(plot.ACTS[0])
    first = next(number for number, line in enumerate(lines) if line.startswith("key="))
    copied = "   \n".join(lines[first : first + 3])  # terminals copy the blanks they were given
    done = subprocess.run(
        ["sh", "-c", f'curl() {{ printf "%s\\n" "$@"; }}\n{copied}'], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "http://127.0.0.1:65535/v1/responses",
        "-H", f"x-api-key:{KEY}",
        "-H", "content-type:application/json",
        "-d", '{"model":"chat","input":"Hi"}',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "rows", "term", "fits"),
    [
        (COLUMNS, ROWS, "xterm", True),
        (COLUMNS - 1, ROWS, "xterm", False),
        (COLUMNS, ROWS - 1, "xterm", False),
        (COLUMNS, ROWS, "dumb", False),
    ],
)
def test_where_it_does_not_fit_it_is_not_drawn(columns: int, rows: int, term: str, fits: bool) -> None:
    console = Console(width=columns, height=rows, force_terminal=True, _environ={"TERM": term})
    assert drawable(console) is fits
