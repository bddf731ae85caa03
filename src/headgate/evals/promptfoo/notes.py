"""What an import leaves out, by line."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from headgate.config.problem import Path
from headgate.evals.reading.sheet import Sheet
from headgate.prompts.importing import Note

FILE = "file://"


class Notes:
    """Notes on one file, each once, in the order they come."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._told: dict[Note, None] = {}

    @property
    def told(self) -> list[Note]:
        return list(self._told)

    def add(self, path: Path, what: str) -> None:
        """Note something of what stands at `path`."""
        self._told[Note(self._sheet.place(path).line, what)] = None

    def left(self, path: Path, given: dict[str, Any], known: Container[str]) -> None:
        """Note the members that are not among the known ones."""
        for name in given:
            if name not in known:
                self.add((*path, name), f"'{name}' was left out")
