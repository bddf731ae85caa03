"""What `headgate eval` shows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any, Self

from headgate.cli import output
from headgate.evals.comparison import Comparison
from headgate.evals.reports.documents import interval
from headgate.evals.runs import End, Result
from headgate.evals.tally import Sums
from headgate.evals.trusting import Trust
from headgate.money import format_usd
from headgate.stats.intervals import Interval

MOST_CASES = 20
"""Cases that are named."""

MANY = 100
"""Answers from which on lines say how far a run is."""

_VERDICTS = {
    "regression": "REGRESSION",
    "improvement": "better",
    "no_difference": "no difference beyond noise",
    "not_comparable": "nothing to compare",
}


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


def run(sums: Sums, ends: Sequence[End], file: Path) -> None:
    """A run as a table, and the cases that did not pass."""
    columns = (
        "suite", "tested", "cases", "passed", "failed", "no verdict", "answers that pass", "95 % interval", "score",
        "p95 ms", "cost $", "judges $",
    )  # fmt: skip
    rows: list[list[str]] = []
    cells = sums.summaries()
    for each in cells:
        cost = "unknown" if each.cost_picodollars is None else format_usd(each.cost_picodollars)
        p95 = f"{each.latency_ms['p95']:,.0f}" if each.latency_ms else ""
        rows.append(
            [
                each.suite, each.cell, str(each.cases), str(each.passed), str(each.failed),
                str(each.errors + each.unfinished), *_rate(each.pass_rate), _share(each.score), p95, cost,
                format_usd(each.judged_picodollars),
            ]
        )  # fmt: skip
        rows += [
            ["", f"  {name}", "", "", "", "", *_rate(found), "", "", "", ""] for name, found in each.metrics.items()
        ]
    output.table(columns, rows)
    _cases(sums)
    spent, cached = sum(each.spent_picodollars for each in ends), sum(each.cached for each in ends)
    again = f", {output.counted(cached, 'answer')} known from before" if cached else ""
    why = ends[-1].why if ends else "killed"
    reasons = {
        "complete": "",
        "budget": f" The budget has no room for more: {ends[-1].told if ends else ''}",
        "precision": " It is as precise as was asked for.",
    }
    stopped = reasons.get(why, f" It was {why}: 'headgate eval run … --resume {file}' goes on.")
    output.complain(f"${format_usd(spent)} spent{again}.{stopped} The run is in {file}.")


def _cases(sums: Sums) -> None:
    troubled = [(place, each) for place, each in sums.cases.items() if each.verdict != "pass"]
    for (_, cell, case), each in troubled[:MOST_CASES]:
        of = f"{each.passes} of {each.tries}" if each.tries else "no answer"
        why = [*each.reasons, *sorted(set(each.errors.values()))]
        output.complain(
            output.printable(f"{each.file}:{each.line}: {case} ({cell}) {each.verdict}, {of} passed: {'; '.join(why)}")
        )
    if len(troubled) > MOST_CASES:
        output.complain(f"… and {len(troubled) - MOST_CASES:,} more; --json, --junit and --html name them all")


def comparison(found: Comparison) -> None:
    """A comparison as a table, and the cases that became worse."""
    columns = (
        "suite", "tested", "verdict", "before", "after", "difference", "95 % interval", "by chance", "cases", "worse",
        "better",
    )  # fmt: skip
    rows: list[list[str]] = []
    for each in found.cells:
        difference = each.difference
        drop = ["", ""]
        if difference is not None:
            drop = [_points(difference.estimate), f"{_points(difference.low)} to {_points(difference.high)}"]
        rows.append(
            [
                each.suite, each.cell, _VERDICTS[each.verdict], _percent(each.before), _percent(each.after), *drop,
                f"{each.chance:.2%}", str(each.pairs), str(each.worse), str(each.better),
            ]
        )  # fmt: skip
    output.table(columns, rows)
    for each in found.cells:
        name = f"{each.suite} ({each.cell})"
        left = {"other ones now": each.changed, "new": each.only_after, "gone": each.only_before,
                "without an answer": each.without_answer}  # fmt: skip
        told = ", ".join(f"{count} {what}" for what, count in left.items() if count)
        if told:
            output.complain(f"{name}: cases left out: {told}")
        if each.pairs and not each.decides:
            output.complain(f"{name}: no drop could be told from noise here; add cases, or repeat them more often")
        if each.verdict == "regression":
            for case in each.cases:
                why = "; ".join(case.reasons)
                output.complain(
                    output.printable(
                        f"{case.file}:{case.line}: {case.case} {_percent(case.before)} to {_percent(case.after)}: {why}"
                    )
                )


def trust(found: Trust) -> dict[str, Any]:
    """A judge's test as JSON."""
    return {
        "judge": found.judge,
        "model": found.model,
        "trusted": found.trusted,
        "required_kappa": found.required,
        "labels": found.agreement.things,
        "without_verdict": found.unreadable,
        "kappa": interval(found.agreement.kappa),
        "agreement": interval(found.agreement.share),
        "pairs": found.leanings.pairs,
        "prefers_first": found.leanings.first,
        "prefers_last": found.leanings.last,
        "kinder_to_longer": found.leanings.longer,
        "kinder_by_chance": found.leanings.longer_chance,
    }


def _rate(found: Interval) -> list[str]:
    if isnan(found.estimate):
        return ["", ""]
    return [f"{found.estimate:.1%}", f"{found.low:.1%} to {found.high:.1%}"]


def _share(found: Interval) -> str:
    return "" if isnan(found.estimate) else f"{found.estimate:.2f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
