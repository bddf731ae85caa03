"""What came of tests, as it is kept, and held against what came of the same before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.administration.prompt_tests.views import SidesView, test_view
from headgate.administration.requests import CaseTold, NewTest
from headgate.evals.comparison import CellComparison, compare
from headgate.evals.runs import Result
from headgate.evals.tally import Sums
from headgate.stats.intervals import Interval
from headgate.storage.records import PromptTest

ALPHA = 0.005
"""How likely a run is told to be worse where nothing has changed. A nightly run is told so twice a year at the most."""

MOST_WORSE = 10
"""Cases that are named."""


def sums_of(suite: str, cell: str, cases: Sequence[CaseTold]) -> Sums:
    """What came of cases, as runs have it."""
    sums = Sums()
    for each in cases:
        common: dict[str, Any] = {
            "suite": suite, "cell": cell, "case": each.case, "of": each.of, "needed": each.needed,
            "decided": each.decided, "key": "", "subject": each.subject, "file": "",
        }  # fmt: skip
        for repeat, passed in enumerate(each.tries):
            sums.add(Result(repeat=repeat, passed=passed, score=float(passed), **common))
        if not each.tries:
            sums.add(Result(repeat=0, error=each.reason, **common))
        elif each.reason:
            sums.cases[suite, cell, each.case].reasons = [each.reason]
    return sums


def held(before: PromptTest, request: NewTest, sums: Sums) -> CellComparison:
    """A test against the baseline."""
    cases = msgspec.convert(before.cases, list[CaseTold])
    return compare(sums_of(request.suite, request.cell, cases), sums, alpha=ALPHA).cells[0]


def sides(suite: str, cell: str, before: PromptTest | None, after: PromptTest | None) -> SidesView:
    """Two tests of one suite at one cell against each other."""
    found: CellComparison | None = None
    if before is not None and after is not None:
        one, two = (sums_of(suite, cell, msgspec.convert(each.cases, list[CaseTold])) for each in (before, after))
        found = compare(one, two).cells[0]
    difference = _interval(None if found is None else found.difference)
    return SidesView(
        suite=suite,
        cell=cell,
        before=None if before is None else test_view(before),
        after=None if after is None else test_view(after),
        verdict=None if found is None else found.verdict,
        pairs=0 if found is None else found.pairs,
        difference=difference[0],
        difference_low=difference[1],
        difference_high=difference[2],
    )


def figures_of(request: NewTest, sums: Sums) -> dict[str, Any]:
    """What is kept of a test beside its cases."""
    summary = sums.summaries()[0]
    return {
        "cases": summary.cases,
        "passed": summary.passed,
        "failed": summary.failed,
        "undecided": summary.errors + summary.unfinished,
        "pass_rate": _interval(summary.pass_rate),
        "cost_usd": request.cost_usd,
        "p95_ms": request.p95_ms,
        "answered_by": sorted(set(request.answered_by)),
    }


def told(found: CellComparison) -> dict[str, Any]:
    """What is kept of a comparison."""
    return {
        "difference": _interval(found.difference),
        "chance": found.chance,
        "worse": [
            {"case": each.case, "before": each.before, "after": each.after, "reason": "; ".join(each.reasons)[:1000]}
            for each in found.cases[:MOST_WORSE]
        ],
    }


def _interval(found: Interval | None) -> list[float | None]:
    """The estimate and its bounds; None for what is not known."""
    values = (None, None, None) if found is None else (found.estimate, found.low, found.high)
    return [None if each is None or each != each else each for each in values]
