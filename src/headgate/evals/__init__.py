"""Tests of prompts and models: cases, what is asserted of answers, runs, and what changed between two of them."""

from __future__ import annotations

from headgate.evals.answer import Answer, ToolCalled
from headgate.evals.case import Case, Cell, Suite
from headgate.evals.comparison import Comparison, compare
from headgate.evals.problems import BadTests, CannotEvaluate, Place, Problem
from headgate.evals.tally import CellSummary, Sums

__all__ = [
    "Answer",
    "BadTests",
    "CannotEvaluate",
    "Case",
    "Cell",
    "CellSummary",
    "Comparison",
    "Place",
    "Problem",
    "Suite",
    "Sums",
    "ToolCalled",
    "compare",
]
