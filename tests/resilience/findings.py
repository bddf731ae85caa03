"""What a scene found: figures, and whether those that have a bar keep to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from rich.console import Console
from rich.table import Table

Say = Callable[[str], None]


@dataclass(frozen=True)
class Finding:
    """One figure."""

    what: str
    seen: float
    unit: str = ""
    bar: str = ""
    """What it is held against; nothing for what is only told."""
    holds: bool = True


def told(what: str, seen: float, unit: str = "") -> Finding:
    """A figure without a bar."""
    return Finding(what, seen, unit)


def at_least(bar: float, what: str, seen: float, unit: str = "") -> Finding:
    """A figure that must not be lower."""
    return Finding(what, seen, unit, f"≥ {bar:g}", seen >= bar)


def at_most(bar: float, what: str, seen: float, unit: str = "") -> Finding:
    """A figure that must not be higher."""
    return Finding(what, seen, unit, f"≤ {bar:g}", seen <= bar)


def missed(findings: Sequence[Finding]) -> list[Finding]:
    """Those that miss their bar."""
    return [finding for finding in findings if not finding.holds]


def rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """As plain data."""
    return [asdict(finding) for finding in findings]


def show(title: str, findings: Sequence[Finding]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("what")
    for name in ("seen", "bar", ""):
        table.add_column(name, justify="right")
    for each in findings:
        verdict = "" if not each.bar else "[green]holds[/]" if each.holds else "[red bold]missed[/]"
        table.add_row(each.what, _figure(each), each.bar, verdict)
    Console().print(table)


def _figure(finding: Finding) -> str:
    seen = finding.seen
    if not isfinite(seen):
        return "never"
    digits = 0 if seen == int(seen) or abs(seen) >= 1000 else 1 if abs(seen) >= 100 else 2
    return f"{seen:,.{digits}f} {finding.unit}".rstrip()
