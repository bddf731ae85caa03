"""Files of runs: those that are read, and what is written of them beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from headgate.cli.evals.asking import Flag
from headgate.cli.evals.trying import tried
from headgate.cli.exits import CannotRun
from headgate.cli.files import write_whole, writing
from headgate.evals.comparison import Comparison
from headgate.evals.reports.junit import junit
from headgate.evals.reports.page import page
from headgate.evals.runs import ends_of, header_of, results_of
from headgate.evals.session import FOLDER
from headgate.evals.tally import Sums


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Reports:
    """What else is written of a run."""

    junit: Path | None = None
    """Write JUnit XML to this file."""
    html: Path | None = None
    """Write a page to this file."""
    annotate: Flag = False
    """Print annotations for GitHub, also outside of its workflows."""

    def check(self) -> None:
        """Raise CannotRun where a file could not be written: that is better known before anything is paid for."""
        for file in (self.junit, self.html):
            if file is not None:
                _check(file)

    def write(self, run: Path, sums: Sums, found: Comparison | None = None) -> None:
        """Write the files. `found` is what the run was held against.

        Raises:
            CannotRun: one cannot be written.
        """
        if self.junit is not None:
            _write(self.junit, junit(sums))
        if self.html is not None:
            _write(self.html, page(header_of(run), ends_of(run), sums, found))


NO_REPORTS = Reports()


def sums_of(run: Path) -> Sums:
    """What a run file comes to.

    Raises:
        CannotRun: it is none.
    """
    return tried(lambda: Sums.of(results_of(run)), "Name a run file: 'ls .headgate/evals', or --output of 'eval run'.")


def latest() -> Path:
    """The newest run file.

    Raises:
        CannotRun: there is none.
    """
    runs = sorted(each for each in FOLDER.glob("*.jsonl") if not each.name.endswith(".base.jsonl"))
    if not runs:
        raise CannotRun(f"there is no run in {FOLDER}", "Try 'headgate eval run', or name a run file.")
    return runs[-1]


def _check(file: Path) -> None:
    with writing(file):
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        next(file.parent.iterdir(), None)


def _write(file: Path, pieces: Iterable[str]) -> None:
    with writing(file):
        write_whole(file, "".join(pieces).encode())
