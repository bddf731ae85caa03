"""Cells of a CSV file (RFC 4180) that a spreadsheet does not take for formulas.

A text that begins as a formula does, or with an apostrophe, gets an apostrophe before it (OWASP, "CSV Injection").
Whoever reads the file by program gets the text back by taking one apostrophe off its beginning. Numbers are left alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_RISKY = tuple("=+-@\t\r\n＝＋－＠'")


def safe(text: str) -> str:
    """A text as a cell may hold it."""
    return f"'{text}" if text.startswith(_RISKY) else text


class Sheets:
    """Writes lines of cells into bytes. What is None is an empty cell."""

    def __init__(self) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")

    def lines(self, lines: Iterable[Sequence[Any]]) -> bytes:
        self._writer.writerows(lines)
        made = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return made.encode()
