"""A period held against the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from headgate.reports.advice import Advice, advice
from headgate.reports.changes import OF_KEYS, OF_MODELS, OF_TARGETS, WHOLE, Changes, Compared, changes
from headgate.reports.costs import Costs, costs
from headgate.reports.patterns import Pattern, Patterns
from headgate.reports.periods import Period
from headgate.reports.reading import Both, Group
from headgate.reports.unusual import Unusual, unusual

MOST_ERRORS = 10


class ErrorLine(msgspec.Struct, frozen=True, kw_only=True):
    """Failures of one kind."""

    pattern: Pattern
    before: int
    """How many there were in the period before."""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What a period was like."""

    period: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    before: datetime
    """When the period before begins, that ends where this one does begin."""
    calls: int
    calls_before: int
    whole: list[Compared]
    """All calls together, figure by figure."""
    worse: list[Compared]
    """What has become worse for sure."""
    better: list[Compared]
    looked_at: int
    """How many figures were compared."""
    confidence: float
    """Of the intervals of what is sure."""
    costs: Costs
    errors: list[ErrorLine]
    errors_looked_at: int
    errors_confidence: float
    keys: list[Unusual]
    """Keys that are not what they were."""
    advice: list[Advice]
    """What follows from all that."""


def review(period: Period, groups: Mapping[str | None, Group], failing: Patterns) -> Review:
    """The review of a period. `groups` are its sums by nothing (None), model, target, key and team."""
    models, targets, keys, teams = (groups.get(name, {}) for name in ("model", "target", "key", "team"))
    whole = groups.get(None, {}).get("")
    found = _changes(groups.get(None, {}), models, targets, keys)
    sure = [each for each in found.compared if each.sure and each.worse is not None]
    spent = costs(whole, {"model": models, "key": keys, "team": teams, "target": targets})
    odd = unusual(keys, found.compared)
    errors = _errors(failing, whole)
    before, after = (0, 0) if whole is None else whole.totals("calls")
    return Review(
        period=period.name,
        from_=_moment(period.from_s),
        to=_moment(period.until_s),
        before=_moment(period.before_s),
        calls=after,
        calls_before=before,
        whole=[each for each in found.compared if each.dimension is None],
        worse=[each for each in sure if each.worse],
        better=[each for each in sure if not each.worse],
        looked_at=found.looked_at,
        confidence=found.confidence,
        costs=spent,
        errors=errors,
        errors_looked_at=failing.looked_at,
        errors_confidence=failing.confidence,
        keys=odd,
        advice=advice(found.compared, spent, [each.pattern for each in errors], odd, targets, models),
    )


def _changes(whole: Group, models: Group, targets: Group, keys: Group) -> Changes:
    return changes(
        {None: (whole, WHOLE), "model": (models, OF_MODELS), "target": (targets, OF_TARGETS), "key": (keys, OF_KEYS)}
    )


def _errors(failing: Patterns, whole: Both | None) -> list[ErrorLine]:
    before = {} if whole is None else whole.all("failure.")[0]
    return [ErrorLine(pattern=each, before=before.get(each.fingerprint, 0)) for each in failing.patterns[:MOST_ERRORS]]


def _moment(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
