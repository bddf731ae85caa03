"""What runs of tests say of two versions of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from headgate.evals.comparison import Comparison, compare
from headgate.evals.problems import CannotEvaluate
from headgate.evals.runs import Result, results_of
from headgate.evals.tally import CellSummary, Sums


class Tested(msgspec.Struct, frozen=True):
    """Both, side by side."""

    before_run: str
    after_run: str
    before: list[CellSummary]
    after: list[CellSummary]
    comparison: Comparison


class Results:
    """Run files by the versions they are of; of each version the latest counts."""

    def __init__(self, files: Sequence[Path], wanted: frozenset[str]) -> None:
        """`files` have the latest last. Raises CannotEvaluate for one that is no run."""
        self._of: dict[str, tuple[str, list[Result]]] = {}
        for file in reversed(files):
            left = wanted - self._of.keys()
            if not left:
                break
            found: dict[str, list[Result]] = {}
            for each in results_of(file):
                if each.version in left:
                    found.setdefault(each.version, []).append(each)
            self._of |= {version: (str(file), results) for version, results in found.items()}

    def tested(self, before: str, after: str) -> Tested | None:
        """What they say of two versions at the same models; None where there are not such runs of both."""
        one, two = self._of.get(before), self._of.get(after)
        if one is None or two is None:
            return None
        both = {_model(each) for each in one[1]} & {_model(each) for each in two[1]}
        if not both:
            return None
        sums = [Sums.of(each for each in results if _model(each) in both) for _, results in (one, two)]
        return Tested(one[0], two[0], sums[0].summaries(), sums[1].summaries(), compare(*sums))


def _model(result: Result) -> str:
    """The model a run names beside the prompt; empty for the prompt's own."""
    return result.cell.partition(" @ ")[2]


MOST_FILES = 50


def runs_in(folder: Path) -> list[Path]:
    """The latest run files of a folder, the very latest last; those that are no runs of this version are left out."""

    def usable(file: Path) -> bool:
        try:
            return next(results_of(file), None) is not None
        except CannotEvaluate:
            return False

    files = sorted(folder.glob("*.jsonl"), key=lambda file: file.stat().st_mtime_ns)
    return [each for each in files[-MOST_FILES:] if usable(each)]
