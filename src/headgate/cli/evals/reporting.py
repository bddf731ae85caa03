"""`headgate eval report`."""

from __future__ import annotations

from pathlib import Path

from headgate.cli.configs import Json
from headgate.cli.evals import shown
from headgate.cli.evals.ending import of_run
from headgate.cli.evals.files import NO_REPORTS, Reports, latest, sums_of
from headgate.evals.reports.annotations import failures
from headgate.evals.runs import ends_of


def report(run: Path | None = None, /, *, reports: Reports = NO_REPORTS, json: Json = False) -> int:
    """Show a run, or write it as JUnit XML or a page. Ends with 1 where a case failed, and 3 where one has no verdict.

    Parameters
    ----------
    run
        Its file; else the latest in .headgate/evals.
    json
        Print JSON.
    """
    reports.check()
    file = run or latest()
    sums = sums_of(file)
    reports.write(file, sums)
    if reports.annotate:
        shown.annotate(failures(sums.cases), json=json)
    shown.result(file, sums, None, json=json)
    return of_run(sums, ends_of(file))
