"""An answer held against the assertions of its case."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

from headgate.errors import HeadgateError
from headgate.evals.answer import Answer
from headgate.evals.case import SET, Assertion, Case, Suite
from headgate.evals.judges import JUDGE
from headgate.evals.kinds import KINDS
from headgate.evals.marks import MOST_REASON, CannotTell, Look, Mark, Models, Told
from headgate.evals.models import Spent
from headgate.types import JSON

_DIGITS = 6
_CLOSE = 1e-6
"""Scores are rounded: what reaches a threshold but for that reaches it."""


class Grade(NamedTuple):
    """What came of an answer."""

    passed: bool | None
    """None where an assertion could not be looked at, and the others do not decide it."""
    score: float
    """The weighted mean of the assertions that could be looked at."""
    marks: list[Mark]


async def graded(answer: Answer, case: Case, suite: Suite, models: Models, request: JSON, folder: str) -> Grade:
    """Look at an answer. `request` is the body it answers, `folder` that of the test file."""

    async def of(assertion: Assertion) -> Mark:
        if assertion.kind == SET:
            return _summed(assertion, [await of(each) for each in assertion.members])
        return await _looked(assertion, answer, case, suite, models, request, folder)

    marks = [await of(each) for each in case.assertions]
    passed, score = _decided(marks, case.threshold)
    return Grade(passed, score, marks)


async def _looked(
    assertion: Assertion, answer: Answer, case: Case, suite: Suite, models: Models, request: JSON, folder: str
) -> Mark:
    kind = KINDS[assertion.kind]
    look = Look(answer, case, assertion.value, _options(assertion, suite), models, request, folder)
    try:
        found: Any = kind.look(look)
        told: Told = await found if inspect.isawaitable(found) else found
    except CannotTell as error:
        return _mark(assertion, look, False, 0.0, error=str(error))
    except HeadgateError as error:
        return _mark(assertion, look, False, 0.0, error=error.message)
    except Spent:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an answer does to one kind, it ends no run
        return _mark(assertion, look, False, 0.0, error=f"it could not be looked at: {type(error).__name__}: {error}")
    threshold = assertion.threshold or kind.threshold or 1.0
    holds = told.score >= threshold - _CLOSE
    score = 1 - told.score if assertion.negated else told.score
    return _mark(assertion, look, holds != assertion.negated, score, reason=told.reason)


def _options(assertion: Assertion, suite: Suite) -> JSON:
    """An assertion's own, with the judge and the embeddings of its suite."""
    options = dict(assertion.options)
    if KINDS[assertion.kind].judges:
        options[JUDGE] = suite.judges.get(options.get(JUDGE, JUDGE))
    elif assertion.kind == "similar":
        options.setdefault("model", suite.embeddings)
    return options


def _mark(assertion: Assertion, look: Look, passed: bool, score: float, *, reason: str = "", error: str = "") -> Mark:
    return Mark(
        kind=_named(assertion),
        passed=passed,
        score=round(score, _DIGITS),
        weight=assertion.weight,
        metric=assertion.metric,
        reason=_kept(reason),
        error=_kept(error),
        line=assertion.place.line,
        cost_picodollars=look.cost_picodollars,
    )


def _summed(assertion: Assertion, marks: Sequence[Mark]) -> Mark:
    """A set as one mark."""
    passed, score = _decided(marks, assertion.threshold)
    failed = [mark for mark in marks if not mark.passed]
    reason = "; ".join(f"{mark.kind}: {mark.error or mark.reason}" for mark in failed)
    if assertion.negated and passed is not None:
        passed, score = not passed, 1 - score
    return Mark(
        kind=_named(assertion),
        passed=bool(passed),
        score=round(score, _DIGITS),
        weight=assertion.weight,
        metric=assertion.metric,
        reason=_kept(reason),
        error=_kept(reason) if passed is None else "",
        line=assertion.place.line,
        cost_picodollars=sum(mark.cost_picodollars for mark in marks),
        members=tuple(marks),
    )


def _decided(marks: Sequence[Mark], threshold: float | None) -> tuple[bool | None, float]:
    """Whether that is enough, and the weighted mean."""
    told = [mark for mark in marks if not mark.error]
    weight = sum(mark.weight for mark in told)
    score = sum(mark.score * mark.weight for mark in told) / weight if weight else 0.0
    if threshold is None:
        if any(not mark.passed for mark in told):
            return False, score
        return (True if len(told) == len(marks) else None), score
    whole = sum(mark.weight for mark in marks)
    low = score * weight / whole if whole else 0.0
    if low >= threshold - _CLOSE:
        return True, score
    high = low + (whole - weight) / whole if whole else 0.0
    return (False if high < threshold - _CLOSE else None), score


def _kept(text: str) -> str:
    """A reason as run files can hold it: a function's may be no Unicode."""
    return text[:MOST_REASON].encode(errors="replace").decode()


def _named(assertion: Assertion) -> str:
    return f"not-{assertion.kind}" if assertion.negated else assertion.kind
