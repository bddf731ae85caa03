"""How runs and comparisons end a command: by what failed or became worse, and not where there is nothing to tell by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.cli import output
from headgate.cli.exits import CANNOT_RUN, FAILED, OK
from headgate.evals.comparison import Comparison
from headgate.evals.runs import End
from headgate.evals.tally import CaseTally, Place, Sums, exit_verdicts

WHOLE = frozenset({"complete", "precision"})
"""Why a run ended that has nothing left to ask."""


def of_run(sums: Sums, ends: Sequence[End], expect: float | None = None) -> int:
    """By all cases, or by the share of answers that is expected to pass."""
    failed, _ = exit_verdicts(sums.cases)
    if expect is not None:
        failed = 0
        for each in sums.summaries():
            rate = each.pass_rate
            if rate.high < expect:
                failed += 1
                told = f"{each.suite} ({each.cell}): {rate.estimate:.1%} pass, {rate.high:.1%} at the most"
                output.complain(output.printable(told))
    return FAILED if failed else OK if _whole(sums, ends) else CANNOT_RUN


def of_comparison(found: Comparison, sums: Sums, ends: Sequence[End]) -> int:
    """By what became worse; and by all cases of what there is nothing to compare with."""
    failed, _ = exit_verdicts(fresh(found, sums))
    if found.regressed or failed:
        return FAILED
    return OK if _whole(sums, ends) else CANNOT_RUN


def fresh(found: Comparison, sums: Sums) -> Mapping[Place, CaseTally]:
    """The cases of suites, prompts and models of which none could be compared: they are new, or other ones now."""
    known = {(each.suite, each.cell) for each in found.cells if each.pairs}
    return {place: tally for place, tally in sums.cases.items() if place[:2] not in known}


def _whole(sums: Sums, ends: Sequence[End]) -> bool:
    """Whether there is a verdict of every case that was to be asked."""
    _, unsaid = exit_verdicts(sums.cases)
    return bool(sums.cases) and not unsaid and bool(ends) and ends[-1].why in WHOLE
