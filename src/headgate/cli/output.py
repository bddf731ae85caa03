"""What commands print: JSON where asked for, else tables for a terminal and plain columns for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec


def say(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"{text}\n")


def json(value: Any) -> None:
    """A value as one JSON document."""
    say(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings; tab-separated and without headings where nobody looks at them."""
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, box=None, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))  # names are the users' own: nothing in them is markup
    Console().print(drawn)
