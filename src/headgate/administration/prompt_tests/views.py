"""What is told of tests."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from headgate.administration.values import moment
from headgate.storage.records import PromptTest

Reason = Literal["posted", "released", "model_changed", "retiring", "suite_changed", "schedule"]
"""Why something was tested."""


class WorseView(msgspec.Struct, frozen=True, kw_only=True):
    """A case that came out worse."""

    case: str
    before: float
    """The share of answers that passed."""
    after: float
    reason: str


class SidesView(msgspec.Struct, frozen=True, kw_only=True):
    """One suite at one cell, as its newest tests of two versions came out."""

    suite: str
    cell: str
    before: TestView | None
    """Null where that version was not tested so."""
    after: TestView | None
    verdict: Literal["no_difference", "regression", "improvement", "not_comparable"] | None
    """Of the second against the first, case by case; null where one is missing."""
    pairs: int
    """Cases that are the same in both."""
    difference: float | None
    """In the share that passes, over those."""
    difference_low: float | None
    difference_high: float | None


class TestView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one suite at one cell."""

    id: str
    prompt: str | None
    """Null where a model was tested."""
    version: str | None
    model: str | None
    suite: str
    cell: str
    run: str
    at: datetime
    cases: int
    passed: int
    failed: int
    undecided: int
    """Cases without a verdict: there was no answer."""
    pass_rate: float | None
    """The share of answers that passed, averaged over cases."""
    low: float | None
    """With 95 % confidence, for cases like these."""
    high: float | None
    cost_usd: str | None
    p95_ms: float | None
    answered_by: list[str]
    """Models that answered, as vendors call them."""
    reason: Reason
    """Why it was tested: `posted` where somebody did, else what made the server test it."""
    verdict: Literal["baseline", "no_difference", "regression", "improvement", "not_comparable"]
    baseline: str | None
    """The id of what it was held against."""
    difference: float | None
    """In the share that passes, against the baseline."""
    difference_low: float | None
    difference_high: float | None
    chance: float | None
    """How likely so large a drop would be if nothing had changed."""
    worse: list[WorseView]
    """The worst cases first."""
    posted_by: str


def test_view(row: PromptTest) -> TestView:
    """A test as it is told."""
    kind, _, name = row.subject.partition(":")
    figures, comparison = row.figures, row.comparison
    rate, difference = figures["pass_rate"], comparison.get("difference") or (None, None, None)
    return TestView(
        id=row.id,
        prompt=name if kind == "prompt" else None,
        version=row.digest or None,
        model=name if kind == "model" else None,
        suite=row.suite,
        cell=row.cell,
        run=row.run,
        at=moment(row.ran_us),
        cases=figures["cases"],
        passed=figures["passed"],
        failed=figures["failed"],
        undecided=figures["undecided"],
        pass_rate=rate[0],
        low=rate[1],
        high=rate[2],
        cost_usd=figures.get("cost_usd"),
        p95_ms=figures.get("p95_ms"),
        answered_by=figures.get("answered_by", []),
        reason=figures.get("reason", "posted"),
        verdict=row.verdict,
        baseline=row.baseline,
        difference=difference[0],
        difference_low=difference[1],
        difference_high=difference[2],
        chance=comparison.get("chance"),
        worse=[WorseView(**each) for each in comparison.get("worse", ())],
        posted_by=row.posted_by,
    )
