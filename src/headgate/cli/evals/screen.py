"""How far a run is, while it goes on."""

from __future__ import annotations

import sys
from typing import Any, Self

from headgate.cli import output
from headgate.evals.runs import Result

MANY = 100
"""Answers from which on lines say how far a run is."""


class Screen:
    """A bar on standard error while answers come: drawn on a terminal, a line each tenth elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._drawn = not quiet and sys.stderr.isatty()
        self._lines = not quiet and not self._drawn
        self._bar: Any = None
        self._task: Any = None
        self._planned = self._seen = self._failed = self._errors = self._tenths = 0

    def __enter__(self) -> Self:
        return self

    def begin(self, planned: int) -> None:
        """Say how many answers there will be at the most."""
        self._planned = planned
        if self._drawn:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("answers"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                TextColumn("{task.fields[told]}"), console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("answers", total=planned, told="")
            self._bar.start()

    def add(self, result: Result, again: bool) -> None:
        """A result came; `again` where it is one of before."""
        self._seen += 1
        self._failed += result.passed is False
        self._errors += result.passed is None
        if self._bar is not None:
            self._bar.update(self._task, advance=1, told=self._told())
        elif self._lines and self._planned >= MANY and self._seen * 10 // self._planned > self._tenths:
            self._tenths = self._seen * 10 // self._planned
            output.complain(f"{self._seen:,} of {self._planned:,} answers{self._told()}")

    def _told(self) -> str:
        failed = f", {self._failed:,} failed" if self._failed else ""
        return failed + (f", {self._errors:,} without a verdict" if self._errors else "")

    def __exit__(self, *raised: object) -> None:
        if self._bar is not None:
            self._bar.stop()
