"""A review as a JSON document."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.evals.reports.documents import comparison_document, interval
from headgate.evals.reviewing.results import Tested
from headgate.evals.reviewing.review import PromptReview, Review
from headgate.evals.reviewing.spending import Spending
from headgate.evals.tally import CellSummary
from headgate.money import format_usd


def document(found: Review) -> dict[str, Any]:
    """A review."""
    return {
        "before": found.before,
        "after": found.after,
        "breaks_callers": found.breaks,
        "unchanged": found.unchanged,
        "problems": found.problems,
        "prompts": [_prompt(each) for each in found.prompts],
    }


def status(each: PromptReview) -> str:
    """`added`, `removed` or `changed`."""
    return "added" if each.before is None else "removed" if each.after is None else "changed"


def dollars(picodollars: int | None) -> str | None:
    """US dollars, where they are known."""
    return None if picodollars is None else format_usd(picodollars)


def _prompt(each: PromptReview) -> dict[str, Any]:
    return {
        "name": each.name,
        "status": status(each),
        "before": each.before,
        "after": each.after,
        "model": each.model,
        "breaks": each.difference.breaks,
        "changes": msgspec.to_builtins(each.difference.changes, enc_hook=dict),
        "texts": each.difference.texts,
        "examples": {"cases": each.cases, "different": each.examples},
        "input": None if each.spending is None else _spending(each.spending),
        "tests": None if each.tested is None else _tested(each.tested),
    }


def _spending(found: Spending) -> dict[str, Any]:
    return {
        "cases": found.cases,
        "before": {"target": found.before_target, "tokens": round(found.before_tokens, 1),
                   "usd_per_1000_calls": dollars(found.before_picodollars)},
        "after": {"target": found.after_target, "tokens": round(found.after_tokens, 1),
                  "usd_per_1000_calls": dollars(found.after_picodollars)},
    }  # fmt: skip


def _tested(found: Tested) -> dict[str, Any]:
    return {
        "before": {"run": found.before_run, "cells": [_cell(each) for each in found.before]},
        "after": {"run": found.after_run, "cells": [_cell(each) for each in found.after]},
        "comparison": comparison_document(found.comparison),
    }


def _cell(each: CellSummary) -> dict[str, Any]:
    return {
        "suite": each.suite,
        "cell": each.cell,
        "cases": each.cases,
        "passed": each.passed,
        "pass_rate": interval(each.pass_rate),
        "output_tokens": each.output_tokens,
        "cost_usd": dollars(each.cost_picodollars),
        "latency_ms": each.latency_ms,
    }
