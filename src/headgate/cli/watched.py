"""What `headgate top` draws: one screen, however small."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headgate.cli.output import printable
from headgate.cli.watching import KEYS, Frame, Line

COLUMNS = ("calls/s", "failing", "p50", "p95", "p99", "1st p95", "$/h")

FIXED = 59
"""Columns of a terminal that all but the names take."""

AROUND = 6
"""Lines of a terminal that are not a name's."""

_STATES = {"open": ("x", "resting"), "half_open": ("~", "being tried")}
"""What is drawn before a target that is not in use, and what that means."""

BAD = 0.05
"""The share of failures from which on it is drawn red."""


def cells(line: Line) -> Sequence[str]:
    """A line's texts, its name first."""
    return (
        f"{_STATES[line.state][0]} {printable(line.name)}" if line.state in _STATES else printable(line.name),
        f"{line.calls_per_s:.1f}",
        f"{line.failing:.1%}",
        *(_ms(value) for value in (line.p50_ms, line.p95_ms, line.p99_ms, line.first_token_ms)),
        _usd(line.usd_per_hour),
    )


def drawn(frame: Frame, width: int, height: int) -> RenderableType:
    """A screen so wide and so high, or a little less."""
    room = max(1, height - AROUND)
    shown = frame.lines if len(frame.lines) <= room else frame.lines[: room - 1]
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0), width=min(width, 120), show_edge=False)
    name_width = max(10, min(width, 120) - FIXED)
    table.add_column(frame.by, no_wrap=True, overflow="ellipsis", width=name_width)
    for name, size in zip(COLUMNS, (8, 7, 7, 7, 7, 7, 8), strict=True):
        table.add_column(name, justify="right", no_wrap=True, overflow="ellipsis", width=size)
    for line in shown:
        table.add_row(*_row(line))
    rest = len(frame.lines) - len(shown)
    below = Text(f"and {rest} more" if rest else "")
    return Group(_head(frame, width), _whole(frame), Text(), table, below, _foot(frame, width))


def _row(line: Line) -> Sequence[Text]:
    texts = [Text(each) for each in cells(line)]
    if line.failing >= BAD:
        texts[2].stylize("bold red")
    if line.state in _STATES:
        texts[0].stylize("yellow")
    return texts


def _head(frame: Frame, width: int) -> Text:
    head = Text(f"Headgate  {frame.at:%H:%M:%S} UTC  last {frame.seconds / 60:.1f} min", style="bold", end="\n")
    if frame.resting:
        head.append(f"  {frame.resting} target{'' if frame.resting == 1 else 's'} resting", style="bold red")
    head.truncate(width)
    return head


def _whole(frame: Frame) -> Text:
    all_ = frame.whole
    text = Text(f"{all_.calls_per_s:.1f} calls/s  ")
    text.append(f"{all_.failing:.1%} failing", style="bold red" if all_.failing >= BAD else "")
    text.append(f"  p50 {_ms(all_.p50_ms)}  p95 {_ms(all_.p95_ms)}  p99 {_ms(all_.p99_ms)}")
    text.append(f"  ${_usd(all_.usd_per_hour)}/h")
    return text


def _foot(frame: Frame, width: int) -> Text:
    keys = "  ".join(f"{key} {name}" for key, name in KEYS.items())
    signs = "".join(f"   {sign} {what}" for sign, what in _STATES.values()) if frame.by == "target" else ""
    foot = Text(f"by {keys}  q end{signs}", style="dim")
    foot.truncate(width)
    return foot


def _ms(value: float | None) -> str:
    """At most six characters."""
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.1f}ms"
    return f"{value:.0f}ms" if value < 9_999.5 else f"{value / 1000:.0f}s"


def _usd(value: float) -> str:
    """At most eight characters."""
    if value == 0 or value >= 0.01:
        return f"{value:.2f}" if value < 99_999 else f"{value:.0f}"
    return f"{value:.5f}"
