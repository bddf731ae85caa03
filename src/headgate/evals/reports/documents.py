"""Runs and comparisons as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

from headgate.evals.comparison import Comparison
from headgate.evals.runs import End, Header
from headgate.evals.tally import CaseTally, CellSummary, Place, Sums
from headgate.money import format_usd
from headgate.stats.intervals import Interval

MOST_CASES = 10_000
"""Cases that are named in a document, those that did not pass."""


def document(header: Header, ends: Sequence[End], sums: Sums) -> dict[str, Any]:
    """A run."""
    cells = sums.summaries()
    troubled = [(place, each) for place, each in sums.cases.items() if each.verdict != "pass"]
    return {
        "run": header.id,
        "headgate": header.headgate,
        "files": header.files,
        "ended": ends[-1].why if ends else None,
        "spent_usd": format_usd(sum(each.spent_picodollars for each in ends)),
        "cached_answers": sum(each.cached for each in ends),
        "cells": [_cell(each) for each in cells],
        "cases": [_case(place, each) for place, each in troubled[:MOST_CASES]],
        "cases_not_named": max(0, len(troubled) - MOST_CASES),
    }


def comparison_document(found: Comparison) -> dict[str, Any]:
    """A comparison."""
    return {
        "regressed": found.regressed,
        "alpha": found.alpha,
        "tolerate": found.tolerate,
        "on": found.on,
        "cells": [
            {
                "suite": each.suite,
                "cell": each.cell,
                "against": each.before_cell,
                "verdict": each.verdict,
                "pairs": each.pairs,
                "before": _rounded(each.before),
                "after": _rounded(each.after),
                "difference": None if each.difference is None else interval(each.difference),
                "chance": _rounded(each.chance),
                "could_be_told": each.decides,
                "cases_worse": each.worse,
                "cases_better": each.better,
                "left_out": {
                    "changed": each.changed,
                    "only_before": each.only_before,
                    "only_after": each.only_after,
                    "without_answer": each.without_answer,
                },
                "cases": [
                    {
                        "case": case.case,
                        "before": _rounded(case.before),
                        "after": _rounded(case.after),
                        "file": case.file,
                        "line": case.line,
                        "reasons": case.reasons,
                    }
                    for case in each.cases
                ],
            }
            for each in found.cells
        ],
    }


def interval(found: Interval) -> dict[str, float | None]:
    """An interval; None for what is not known."""
    return {"estimate": _rounded(found.estimate), "low": _rounded(found.low), "high": _rounded(found.high)}


def _cell(each: CellSummary) -> dict[str, Any]:
    return {
        "suite": each.suite,
        "cell": each.cell,
        "cases": each.cases,
        "passed": each.passed,
        "failed": each.failed,
        "errors": each.errors,
        "unfinished": each.unfinished,
        "answers": each.answers,
        "pass_rate": interval(each.pass_rate),
        "case_rate": interval(each.case_rate),
        "score": interval(each.score),
        "metrics": {name: interval(found) for name, found in each.metrics.items()},
        "cost_usd": None if each.cost_picodollars is None else format_usd(each.cost_picodollars),
        "judges_cost_usd": format_usd(each.judged_picodollars),
        "input_tokens": each.input_tokens,
        "output_tokens": each.output_tokens,
        "latency_ms": each.latency_ms,
        "prompt_versions": each.versions,
        "served_prompts": each.served,
    }


def _case(place: Place, each: CaseTally) -> dict[str, Any]:
    suite, cell, case = place
    return {
        "suite": suite,
        "cell": cell,
        "case": case,
        "verdict": each.verdict,
        "passes": each.passes,
        "tries": each.tries,
        "needed": each.needed,
        "reasons": each.reasons,
        "errors": sorted(set(each.errors.values())),
        "answer": each.text,
        "file": each.file,
        "line": each.line,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None or isnan(number) else round(number, 6)
