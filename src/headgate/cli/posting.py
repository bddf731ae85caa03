"""`headgate eval post`: what came of tests, kept by the server and held against what came of the same before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import given, listed, told
from headgate.cli.client import HERE, Client, Reach, Refused
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.evals.problems import CannotEvaluate
from headgate.evals.runs import Header, Result, header_of, results_of
from headgate.evals.tally import CellSummary, Sums
from headgate.money import format_usd

Flag = Annotated[bool, Parameter(negative=())]

MAX_REASON, MAX_NAME = 1000, 300

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
    "answers that pass": lambda row: _percent(row["pass_rate"]),
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
    bodies = list(_bodies(header, results, baseline=baseline))

    def work(client: Client) -> int:
        try:
            rows = [client.ask("POST", "/prompts/tests", body) for body in bodies]
        except Refused as error:  # 1 is for what is worse
            raise CannotRun(f"the run is not kept: {error}", "Try it again: what is kept stays as it is.") from None
        listed(reach, rows, COLUMNS)
        worse = [row for row in rows if row["verdict"] == "regression"]
        for row in worse if not reach.json else ():
            for case in row["worse"]:
                change = f"{_percent(case['before'])} to {_percent(case['after'])}"
                output.complain(output.printable(f"{row['suite']}: {case['case']} {change}: {case['reason']}"))
        return FAILED if worse else OK

    return told(reach, work, "eval post")


def _bodies(header: Header, results: list[Result], *, baseline: bool) -> Iterator[Mapping[str, Any]]:
    """What the server is told of each suite at each cell."""
    sums = Sums.of(results)
    tries: dict[tuple[str, str, str], dict[int, bool]] = {}
    answered: dict[tuple[str, str], set[str]] = {}
    for each in results:
        if sums.cases[each.place].subject == each.subject and each.passed is not None:
            tries.setdefault(each.place, {})[each.repeat] = each.passed
        if each.model:
            answered.setdefault((each.suite, each.cell), set()).add(each.model)
    for summary in sums.summaries():
        at = summary.suite, summary.cell
        versions = summary.versions
        if len(versions) > 1:
            raise CannotRun(f"{summary.suite} tested several versions of {summary.cell}", "Run it again in one go.")
        yield given(
            run=header.id,
            at=f"{datetime.fromtimestamp(header.began_us / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}",
            suite=_clean(summary.suite, MAX_NAME),
            cell=_clean(summary.cell, MAX_NAME),
            prompt=summary.cell.partition(" @ ")[0] if versions else None,
            version=versions[0] if versions else None,
            cases=list(_cases(sums, summary, tries)),
            cost_usd=None if summary.cost_picodollars is None else format_usd(summary.cost_picodollars),
            p95_ms=summary.latency_ms.get("p95"),
            answered_by=sorted(_clean(name, MAX_NAME) for name in answered.get(at, ()))[:50],
            baseline=baseline or None,
        )


def _cases(
    sums: Sums, summary: CellSummary, tries: Mapping[tuple[str, str, str], Mapping[int, bool]]
) -> Iterator[Mapping[str, Any]]:
    for (suite, cell, case), tally in sums.cases.items():
        if (suite, cell) != (summary.suite, summary.cell):
            continue
        own = tries.get((suite, cell, case), {})
        reasons = tally.reasons or list(tally.errors.values())
        reason = "" if tally.verdict == "pass" else _clean("; ".join(reasons), MAX_REASON)
        yield {
            "case": _clean(case, MAX_NAME),
            "subject": tally.subject,
            "tries": [own[repeat] for repeat in sorted(own)],
            "of": tally.of,
            "needed": tally.needed,
            "decided": tally.decided,
            "reason": reason,
        }


def _clean(text: str, most: int) -> str:
    """A text in one line, with what cannot be seen made visible."""
    return output.printable(" ".join(text.split()))[:most]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
