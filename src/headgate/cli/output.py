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
    """A value as one JSON document, with what a terminal could act on written as `\\u…`."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    say(
        text
        if text.isascii()
        else "".join(each if each.isprintable() or each == "\n" else _escaped(each) for each in text)
    )


def printable(text: str) -> str:
    """A text without anything a terminal would act on."""
    return (
        text
        if text.isprintable()
        else "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    )


def counted(number: int, noun: str) -> str:
    """A number of things: `1 record`, `2 records`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings; tab-separated and without headings where nobody looks at them."""
    rows = [[printable(cell) for cell in row] for row in rows]
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


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
