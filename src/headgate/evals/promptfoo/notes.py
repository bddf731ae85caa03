"""What an import leaves out, by line."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from headgate.config.problem import Path
from headgate.evals.reading.sheet import Sheet
from headgate.prompts.importing import Note

FILE = "file://"


class Notes:
    """Notes on one file, each once, by line."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._told: dict[Note, None] = {}

    @property
    def told(self) -> list[Note]:
        return sorted(self._told)

    def add(self, path: Path, what: str) -> None:
        """Note something of what stands at `path`."""
        self._told[Note(self.line(path), what)] = None

    def line(self, path: Path) -> int:
        """The line of what stands there."""
        return self._sheet.place(path).line

    def left(self, path: Path, given: dict[str, Any], known: Container[str]) -> None:
        """Note the members that are not among the known ones."""
        for name in given:
            if name not in known:
                changes = isinstance(given[name], dict) and "transform" in given[name]
                also = ": answers were changed by 'transform' before they were looked at" if changes else ""
                self.add((*path, name), f"'{name}' was left out{also}")
