"""What GitHub shows on the lines of a pull request, by its workflow commands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from headgate.evals.comparison import Comparison
from headgate.evals.tally import CaseTally
from headgate.evals.tally import Place as CasePlace

MOST = 10
"""GitHub shows ten of a kind for each step. As many cases are told in each."""


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether this is a workflow of GitHub's."""
    return environ.get("GITHUB_ACTIONS") == "true"


def first(lines: Iterable[str]) -> list[str]:
    """As many as GitHub shows, of which the last says how many more there would be."""
    found = list(lines)
    if len(found) <= MOST:
        return found
    left = len(found) - MOST + 1
    told = f"{left} more prompts have failures; --json, --junit and --html name them all"
    return [*found[: MOST - 1], _command("error", "", 1, "more failures", told)]


def failures(found: Mapping[CasePlace, CaseTally]) -> Iterator[str]:
    """One for each prompt that has failures, on its own line, else on the test's; the first ones of them told."""
    grouped: dict[tuple[str, int], list[tuple[str, CaseTally]]] = {}
    for (_, cell, case), tally in found.items():
        if tally.verdict in ("fail", "error"):
            place = tally.prompt if tally.prompt[0] else (tally.file, tally.line)
            grouped.setdefault(place, []).append((f"{cell}: {case}", tally))
    for (file, line), cases in grouped.items():
        failed = any(tally.verdict == "fail" for _, tally in cases)
        told = [f"{name} ({Path(tally.file).name}:{tally.line}): {_why(tally)}" for name, tally in cases[:MOST]]
        if len(cases) > MOST:
            told.append(f"… and {len(cases) - MOST} more")
        title = f"cases {'that failed' if failed else 'without a verdict'}: {len(cases)}"
        yield _command("error", file, line, title, "\n".join(told))


def regressions(found: Comparison) -> Iterator[str]:
    """One for each cell that has become worse, on its prompt's line."""
    for each in found.cells:
        if each.verdict != "regression" or each.before is None or each.after is None:
            continue
        file, line = each.prompt_file, each.prompt_line
        if not file and each.cases:
            file, line = each.cases[0].file, each.cases[0].line
        told = (
            f"{each.suite} ({each.cell}): {each.before:.1%} to {each.after:.1%} over {each.pairs} cases; by "
            f"chance with {each.chance:.2%}"
        )
        for case in each.cases[:MOST]:
            told += f"\n{case.case}: {case.before:.0%} to {case.after:.0%}: {'; '.join(case.reasons)}"
        yield _command("error", file, line, "Regression", told)


def _why(tally: CaseTally) -> str:
    return "; ".join(tally.reasons) or "; ".join(sorted(set(tally.errors.values())))


def _command(kind: str, file: str, line: int, title: str, message: str) -> str:
    place = f"file={_property(_relative(file))},line={line}," if file else ""
    return f"::{kind} {place}title={_property(title)}::{_data(message)}"


def _relative(file: str) -> str:
    """As GitHub knows it: from the folder of the repository."""
    root = os.environ.get("GITHUB_WORKSPACE") or os.getcwd()
    path = os.path.relpath(os.path.abspath(file), root)
    return file if path.split(os.sep)[0] == os.pardir else path


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
