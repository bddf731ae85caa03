"""What a server is told of a run, suite by suite and cell by cell, so that it can keep it: as its `NewTest`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headgate.evals.problems import CannotEvaluate
from headgate.evals.runs import Result
from headgate.evals.tally import CellSummary, Sums
from headgate.money import format_usd

MAX_REASON, MAX_NAME, MAX_ANSWERED_BY = 1000, 300, 50

Tries = Mapping[tuple[str, str, str], Mapping[int, bool]]
"""By suite, cell and case, whether each repeat passed."""


def told_of(run: str, began_us: int, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    """One for each suite at each cell: for each case whether each answer passed, and why not; no answers.

    Raises:
        CannotEvaluate: several versions of a prompt were tested as one.
    """
    sums = Sums.of(results)
    tries: dict[tuple[str, str, str], dict[int, bool]] = {}
    answered: dict[tuple[str, str], set[str]] = {}
    for each in results:
        if sums.cases[each.place].subject == each.subject and each.passed is not None:
            tries.setdefault(each.place, {})[each.repeat] = each.passed
        if name := answered_by(each):
            answered.setdefault((each.suite, each.cell), set()).add(name)
    for summary in sums.summaries():
        versions = summary.versions
        if len(versions) > 1:
            raise CannotEvaluate(f"{summary.suite} tested several versions of {summary.cell}; run it again in one go")
        names = sorted(clean(name, MAX_NAME) for name in answered.get((summary.suite, summary.cell), ()))
        told: dict[str, Any] = {
            "run": run,
            "at": f"{datetime.fromtimestamp(began_us / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "suite": clean(summary.suite, MAX_NAME),
            "cell": clean(summary.cell, MAX_NAME),
            "prompt": summary.cell.partition(" @ ")[0] if versions else None,
            "version": versions[0] if versions else None,
            "cases": list(_cases(sums, summary, tries)),
            "cost_usd": None if summary.cost_picodollars is None else format_usd(summary.cost_picodollars),
            "p95_ms": summary.latency_ms.get("p95"),
            "answered_by": names[:MAX_ANSWERED_BY],
        }
        yield {name: value for name, value in told.items() if value is not None}


def answered_by(result: Result) -> str:
    """The model that answered, as its vendor calls it; where that does not say, as it was asked for."""
    return result.answered_by or result.target.partition("/")[2] or (result.model if result.passed is not None else "")


def clean(text: str, most: int) -> str:
    """A text in one line, with what cannot be seen made visible."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)[:most]


def _cases(sums: Sums, summary: CellSummary, tries: Tries) -> Iterator[dict[str, Any]]:
    for (suite, cell, case), tally in sums.cases.items():
        if (suite, cell) != (summary.suite, summary.cell):
            continue
        own = tries.get((suite, cell, case), {})
        reasons = tally.reasons or list(tally.errors.values())
        yield {
            "case": clean(case, MAX_NAME),
            "subject": tally.subject,
            "tries": [own[repeat] for repeat in sorted(own)],
            "of": tally.of,
            "needed": tally.needed,
            "decided": tally.decided,
            "reason": "" if tally.verdict == "pass" else clean("; ".join(reasons), MAX_REASON),
        }
