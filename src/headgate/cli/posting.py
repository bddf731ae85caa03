"""`headgate eval post`: what came of tests, kept by the server and held against what came of the same before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import given, listed, told
from headgate.cli.client import HERE, Client, Reach, Refused
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.evals.problems import CannotEvaluate
from headgate.evals.runs import header_of, results_of
from headgate.evals.telling import told_of

Flag = Annotated[bool, Parameter(negative=())]

VERDICTS = {
    "baseline": "baseline from now on",
    "no_difference": "as before",
    "regression": "WORSE",
    "improvement": "better",
    "not_comparable": "nothing to compare",
}

COLUMNS = {
    "suite": lambda row: row["suite"],
    "tested": lambda row: row["cell"],
    "version": lambda row: (row["version"] or "")[:12],
    "verdict": lambda row: VERDICTS[row["verdict"]],
    "answers that pass": lambda row: percent(row["pass_rate"]),
    "difference": lambda row: "" if row["difference"] is None else f"{100 * row['difference']:+.1f}",
    "by chance": lambda row: "" if row["chance"] is None else f"{row['chance']:.2%}",
    "cases": lambda row: row["cases"],
    "failed": lambda row: row["failed"],
}


def post(run: Path, /, *, baseline: Flag = False, reach: Reach = HERE) -> int:
    """Have the server keep what came of a run, and hold it against the baseline: the first run of the same version.

    Ends with 1 where it is worse, beyond noise, and an alert fires then; with 3 where it could not be kept.

    Parameters
    ----------
    run
        The run file: 'headgate eval run --output FILE'.
    baseline
        Hold later runs against this one.
    """
    try:
        header, results = header_of(run), list(results_of(run))
    except CannotEvaluate as error:
        raise CannotRun(str(error)) from None
    if not results:
        raise CannotRun(f"{run} has no results", "Run it again: 'headgate eval run --output FILE'.")
    try:
        cells = told_of(header.id, header.began_us, results)
        bodies = [{**each, **given(baseline=baseline or None)} for each in cells]
    except CannotEvaluate as error:
        raise CannotRun(str(error)) from None

    def work(client: Client) -> int:
        try:
            rows = [client.ask("POST", "/prompts/tests", body) for body in bodies]
        except Refused as error:  # 1 is for what is worse
            raise CannotRun(f"the run is not kept: {error}", "Try it again: what is kept stays as it is.") from None
        listed(reach, rows, COLUMNS)
        worse = [row for row in rows if row["verdict"] == "regression"]
        for row in worse if not reach.json else ():
            for case in row["worse"]:
                change = f"{percent(case['before'])} to {percent(case['after'])}"
                output.complain(output.printable(f"{row['suite']}: {case['case']} {change}: {case['reason']}"))
        return FAILED if worse else OK

    return told(reach, work, "eval post")


def percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
