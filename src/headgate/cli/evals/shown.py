"""What `headgate eval` shows of runs and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from headgate.cli import output
from headgate.cli.evals.ending import fresh
from headgate.evals.comparison import CellComparison, Comparison
from headgate.evals.reports.annotations import first
from headgate.evals.reports.documents import comparison_document, document
from headgate.evals.runs import End, ends_of, header_of
from headgate.evals.tally import CellSummary, Sums
from headgate.money import format_usd
from headgate.stats.intervals import Interval

MOST_CASES = 20
"""Cases that are named."""

_VERDICTS = {
    "regression": "REGRESSION",
    "improvement": "better",
    "no_difference": "no difference beyond noise",
    "not_comparable": "nothing to compare",
}


def result(file: Path, sums: Sums, found: Comparison | None, *, json: bool) -> None:
    """A run, with what it was held against."""
    new = [] if found is None else list(dict.fromkeys(place[:2] for place in fresh(found, sums)))
    if json:
        shown: dict[str, Any] = {**document(header_of(file), ends_of(file), sums), "file": str(file)}
        if found is not None:
            cells = [{"suite": suite, "cell": cell} for suite, cell in new]
            shown["comparison"] = {**comparison_document(found), "new": cells}
        output.json(shown)
        return
    _run(sums)
    spending(file)
    if found is not None:
        comparison(found)
    for suite, cell in new:
        _complain(f"{suite} ({cell}) has nothing to be held against, so all its cases have to pass")


def annotate(lines: Iterable[str], *, json: bool) -> None:
    """Lines that GitHub looks for; beside a document of JSON on standard error, where it looks too."""
    for line in first(lines):
        (output.complain if json else output.say)(output.printable(line))


def spending(file: Path) -> None:
    """What a run cost, why it ended, and where it is."""
    ends = ends_of(file)
    spent, cached = sum(each.spent_picodollars for each in ends), sum(each.cached for each in ends)
    again = f", {output.counted(cached, 'answer')} known from before" if cached else ""
    output.complain(f"${format_usd(spent)} spent{again}.{_ended(ends, file)} The run is in {file}.")


def _run(sums: Sums) -> None:
    """A run as a table, and the cases that did not pass."""
    columns = (
        "suite", "tested", "cases", "passed", "failed", "no verdict", "answers that pass", "95 % interval", "score",
        "p95 ms", "cost $", "judges $",
    )  # fmt: skip
    cells = sums.summaries()
    output.table(columns, [row for each in cells for row in _rows(each)])
    _cases(sums)
    for each in cells:
        _served(each)


def _served(each: CellSummary) -> None:
    """Where a model is a prompt, and not the version that is here, or not the same all the time."""
    if len(each.served) > 1:
        told = f"{each.suite} ({each.cell}): what was served became another version meanwhile: "
        _complain(told + ", ".join(each.served))
    elif each.served and not each.versions:
        name = each.served[0].rpartition("@")[0]
        if name == each.cell.partition(" @ ")[0]:
            _complain(
                f"{each.suite} ({each.cell}): served was {each.served[0]}, and the prompt here is another version"
            )


def _rows(each: CellSummary) -> list[list[str]]:
    cost = "unknown" if each.cost_picodollars is None else format_usd(each.cost_picodollars)
    p95 = f"{each.latency_ms['p95']:,.0f}" if each.latency_ms else ""
    unsaid = str(each.errors + each.unfinished)
    whole = [
        each.suite, each.cell, str(each.cases), str(each.passed), str(each.failed), unsaid, *_rate(each.pass_rate),
        _share(each.score), p95, cost, format_usd(each.judged_picodollars),
    ]  # fmt: skip
    metrics = each.metrics.items()
    return [whole, *(["", f"  {name}", "", "", "", "", *_rate(found), "", "", "", ""] for name, found in metrics)]


def _ended(ends: Sequence[End], file: Path) -> str:
    """Why it ended, and how to go on."""
    goes_on = f"'headgate eval run … --resume {file}' goes on"
    match ends[-1].why if ends else "killed":
        case "complete":
            return ""
        case "budget":
            return f" The budget has no room for more: {output.printable(ends[-1].told)}; {goes_on}."
        case "precision":
            return " It is as precise as was asked for."
        case why:
            return f" It was {why}: {goes_on}."


def _cases(sums: Sums) -> None:
    troubled = [(place, each) for place, each in sums.cases.items() if each.verdict != "pass"]
    for (_, cell, case), each in troubled[:MOST_CASES]:
        of = f"{each.passes} of {each.tries}" if each.tries else "no answer"
        why = [*each.reasons, *sorted(set(each.errors.values()))]
        _complain(f"{each.file}:{each.line}: {case} ({cell}) {each.verdict}, {of} passed: {'; '.join(why)}")
    if len(troubled) > MOST_CASES:
        output.complain(f"… and {len(troubled) - MOST_CASES:,} more; --json, --junit and --html name them all")


def comparison(found: Comparison) -> None:
    """A comparison as a table, and the cases that became worse."""
    columns = (
        "suite", "tested", "verdict", "before", "after", "difference", "95 % interval", "by chance", "cases", "worse",
        "better",
    )  # fmt: skip
    output.table(columns, [_compared(each) for each in found.cells])
    for each in found.cells:
        _beside(each)


def _compared(each: CellComparison) -> list[str]:
    difference, drop = each.difference, ["", ""]
    if difference is not None:
        drop = [_points(difference.estimate), f"{_points(difference.low)} to {_points(difference.high)}"]
    return [
        each.suite, each.cell, _VERDICTS[each.verdict], _percent(each.before), _percent(each.after), *drop,
        f"{each.chance:.2%}", str(each.pairs), str(each.worse), str(each.better),
    ]  # fmt: skip


def _beside(each: CellComparison) -> None:
    """What a row of the table does not tell."""
    name = f"{each.suite} ({each.cell})"
    left = {"other ones now": each.changed, "new": each.only_after, "gone": each.only_before,
            "without an answer": each.without_answer}  # fmt: skip
    told = ", ".join(f"{count} {what}" for what, count in left.items() if count)
    if told:
        _complain(f"{name}: cases left out: {told}")
    if each.pairs and not each.decides:
        what = f"{name}: no drop could be told from noise here; add cases, or repeat them more often"
        _complain(what)
    for case in each.cases if each.verdict == "regression" else ():
        drop = f"{_percent(case.before)} to {_percent(case.after)}"
        why = "; ".join(case.reasons)
        _complain(f"{case.file}:{case.line}: {case.case} ({each.cell}) {drop}: {why}")


def _complain(text: str) -> None:
    """A line in which a model may have its say: nothing a terminal acts on, or a workflow of GitHub's, which looks for
    `##[` anywhere.
    """
    output.complain(output.printable(text).replace("##[", "## ["))


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
