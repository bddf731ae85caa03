"""Typed facts about a call, for observers. Losing one may cost a metric, never money or evidence.

Events carry codes and strings, never exceptions: an event that holds a traceback keeps the whole call alive.
"""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True, tag=True):
    """Base of all events."""


class Routed(Event, frozen=True):
    """A route chose a target."""

    model: str
    target: str


class AttemptFailed(Event, frozen=True):
    """An upstream call ended in an error; `code` is the error's."""

    target: str
    code: str
    upstream_status: int | None = None


class Evaluated(Event, frozen=True):
    """An evaluator looked at an answer, after its client had it. Of no call's account."""

    model: str
    evaluator: str
    outcome: str
    """`pass`, `fail`, or `skip` where it could not tell."""
    score: float | None = None


class FieldDropped(Event, frozen=True):
    """A field the target cannot take was left out, because the configuration says so."""

    target: str
    field: str


class LineSkipped(Event, frozen=True):
    """A malformed line of a vendor's stream was tolerated."""

    target: str


class StreamBroken(Event, frozen=True):
    """A stream ended without its dialect's terminator, after content was out."""

    target: str
    code: str


class Disconnected(Event, frozen=True):
    """The client went away before the answer was complete."""


class Retried(Event, frozen=True):
    """Another attempt was made after a failure; `cause` is the failure's, `wait_s` how long it waited."""

    target: str
    cause: str
    wait_s: float


class RetryDenied(Event, frozen=True):
    """No further attempt was made though one might have helped: `reason` is `budget` or `deadline`."""

    target: str
    reason: str


class FellBack(Event, frozen=True):
    """A model's own targets failed, so that another place was tried."""

    cause: str
    to: str


class Hedged(Event, frozen=True):
    """A second attempt was started beside a slow one."""

    target: str
    after_s: float


class BreakerOpened(Event, frozen=True):
    """A target is given a rest; `reason` is `errors` or `slow`."""

    target: str
    reason: str


class BreakerProbed(Event, frozen=True):
    """A call was let through to a resting target."""

    target: str


class BreakerClosed(Event, frozen=True):
    """A target is back."""

    target: str


class Queued(Event, frozen=True):
    """A call waited for a place at a target."""

    target: str
    wait_s: float


class Shed(Event, frozen=True):
    """A call was refused at once, since it would not have had its turn in time."""

    target: str


class Unpriced(Event, frozen=True):
    """What an attempt cost is not known; `reason` is `price` where its model has none, else `usage`: a part of what it
    used has none, or the vendor did not say what it used.
    """

    target: str
    reason: str


class OutputRepaired(Event, frozen=True):
    """An answer was mended here."""

    target: str


class OutputReasked(Event, frozen=True):
    """An answer was not what was asked for, so that it was asked for again."""

    target: str
    problems: int


class OutputInvalid(Event, frozen=True):
    """An answer was not what was asked for, and nothing helped."""

    target: str
    problems: int


class ValidationSkipped(Event, frozen=True):
    """An answer could not be checked; `reason` says why: a schema that is none, an answer cut at its limit."""

    reason: str


class BudgetReached(Event, frozen=True):
    """A share of a budget is spent or set aside."""

    budget: str
    subject: str
    percent: int
