"""How runs and comparisons end a command: by what failed or became worse, and not where there is nothing to tell by."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.cli import output
from headgate.cli.exits import CANNOT_RUN, FAILED, OK
from headgate.evals.comparison import Comparison
from headgate.evals.tally import CaseTally, Place, Sums, exit_verdicts


def of_run(sums: Sums, expect: float | None = None) -> int:
    """By all cases, or by the share of answers that is expected to pass."""
    failed, unsaid = exit_verdicts(sums.cases)
    if expect is not None:
        failed = 0
        for each in sums.summaries():
            rate = each.pass_rate
            if rate.high < expect:
                failed += 1
                told = f"{each.suite} ({each.cell}): {rate.estimate:.1%} pass, {rate.high:.1%} at the most"
                output.complain(output.printable(told))
    return FAILED if failed else CANNOT_RUN if unsaid or not sums.cases else OK


def of_comparison(found: Comparison, sums: Sums) -> int:
    """By what became worse; and by all cases of what there was nothing of before."""
    failed, _ = exit_verdicts(fresh(found, sums))
    if found.regressed or failed:
        return FAILED
    _, unsaid = exit_verdicts(sums.cases)
    return OK if found.comparable and not unsaid else CANNOT_RUN


def fresh(found: Comparison, sums: Sums) -> Mapping[Place, CaseTally]:
    """The cases of suites that the run before did not have, or not at this prompt and model."""
    known = {(each.suite, each.cell) for each in found.cells}
    return {place: tally for place, tally in sums.cases.items() if place[:2] not in known}
