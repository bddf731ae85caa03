"""Counters of one process, in plain dictionaries: a labelled increment of prometheus_client costs over 1 µs, a
dictionary entry a tenth of it.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Sequence
from time import time
from typing import Literal, NamedTuple, TypeVar

from headgate.events import BudgetReached, Evaluated, Queued, Unpriced
from headgate.types import Account, Attempt, Usage

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0)
"""What calls, attempts, first tokens and queues take."""
STEP_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""What an output token and Headgate's own work take."""

Labels = tuple[str, ...]

MAX_SERIES = 5_000
"""Label sets of one metric. What comes after that many is counted under `OTHER`: names behind a wildcard can be made by
clients.
"""
OTHER = "(other)"

MAX_WARNED = 1_000
"""Models of unknown cost the log is told of: behind a wildcard the names are the clients' own."""

_UNPRICED = {
    "price": "%s has no known price: its calls cost an unknown amount, and are in no budget. Write one under 'prices', "
    "or 'price_like' or 'base_model' of the target; 'headgate prices show' tells what is known",
    "usage": "what a call at %s cost is not known: the vendor did not say what it used, or a part of it has no price",
}

log = logging.getLogger("headgate.prices")


class Histogram:
    """Counts per bucket, their sum beside them. `counts` has one more entry than there are bounds: above them all."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = LATENCY_BUCKETS_S) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


class Pace:
    """How long the calls of one model take."""

    __slots__ = ("first_token", "overhead", "per_token", "whole")

    def __init__(self) -> None:
        self.whole = Histogram()
        self.overhead = Histogram(STEP_BUCKETS_S)
        self.first_token = Histogram()
        self.per_token = Histogram(STEP_BUCKETS_S)


_NOTHING = Usage()

_SELDOM = (
    ("cache_write_5m_tokens", "cache_write_5m"),
    ("cache_write_1h_tokens", "cache_write_1h"),
    ("audio_input_tokens", "audio_input"),
    ("audio_cached_tokens", "audio_cached"),
    ("audio_output_tokens", "audio_output"),
    ("image_input_tokens", "image_input"),
    ("image_output_tokens", "image_output"),
)
"""Kinds of tokens that most attempts have none of, and what they are called here."""


class Metrics:
    """All counters of one process."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._idle: asyncio.Event | None = None
        """Set when the last call is over, if anybody waits for that."""
        self.calls: dict[Labels, int] = {}
        """By model, operation, stream and outcome (`ok` or the error's code)."""
        self.paces: dict[Labels, Pace] = {}
        """By model."""
        self.attempts: dict[Labels, int] = {}
        """By target and outcome."""
        self.attempt_seconds: dict[Labels, Histogram] = {}
        """By target."""
        self.tokens: dict[Labels, int] = {}
        """By target and category; none is in two of them."""
        self.reasoning_tokens: dict[Labels, int] = {}
        """By target. They are output tokens too."""
        self.cost_picodollars: dict[Labels, int] = {}
        """By target."""
        self.model_cost_picodollars: dict[Labels, int] = {}
        """By model; the same money."""
        self.unpriced: dict[Labels, int] = {}
        """Attempts that used tokens at an unknown price, by target."""
        self.shed = {"calls": 0, "loop": 0}
        """Calls refused before anything was done for them: for too many under way, or for the event loop's lateness."""
        self.turned_away: dict[Labels, int] = {}
        """Requests that never became a call, by their error's code."""
        self.events: dict[Labels, int] = {}
        """By kind of event and target."""
        self.evaluations: dict[Labels, int] = {}
        """By model, evaluator and outcome."""
        self.renders: dict[Labels, int] = {}
        """By prompt, label it was found by, and outcome (`ok` or the error's code)."""
        self.render_seconds: dict[Labels, Histogram] = {}
        """By prompt."""
        self.queue_seconds: dict[Labels, Histogram] = {}
        """By target, of calls that had to wait for a place there."""
        self.budget_alerts: dict[Labels, int] = {}
        """By whose the budget is (`key`, `team`, …) and percent."""
        self.reloads = {"ok": 0, "failed": 0}
        self.reloaded_at = time()
        """When the configuration in force was loaded, in seconds since 1970."""
        self.reload_failed = False
        """Whether the file as it is now could not be loaded."""
        self._warned: set[Unpriced] = set()

    def call_began(self) -> None:
        self.in_flight += 1

    async def idle(self) -> None:
        """Wait until no call is under way."""
        while self.in_flight:
            if self._idle is None:
                self._idle = asyncio.Event()
            await self._idle.wait()

    def call_ended(
        self, model: str, operation: str, stream: bool, outcome: str, seconds: float, overhead_s: float = 0.0
    ) -> Pace:
        """Count a call that is over; what is known of how long its model takes."""
        self.in_flight -= 1
        if self._idle is not None and not self.in_flight:
            self._idle.set()
            self._idle = None
        _add(self.calls, (model, operation, "true" if stream else "false", outcome), 1)
        pace = self.paces.get((model,)) or _new(self.paces, (model,), Pace)
        pace.whole.observe(seconds)
        pace.overhead.observe(overhead_s)
        return pace

    def evaluated(self, event: Evaluated) -> None:
        _add(self.evaluations, (event.model, event.evaluator, event.outcome), 1)

    def rendered(self, prompt: str, label: str, outcome: str, seconds: float) -> None:
        """Count a rendering of a prompt for a call."""
        _add(self.renders, (prompt, label, outcome), 1)
        took = self.render_seconds.get((prompt,))
        if took is None:
            place = _bounded(self.render_seconds, (prompt,))
            took = self.render_seconds.setdefault(place, Histogram(STEP_BUCKETS_S))
        took.observe(seconds)

    def account_closed(self, account: Account, model: str = "") -> None:
        for attempt in account.attempts:
            self._attempt(attempt, model)
        if account.events:
            self._happened(account)

    def refused(self, code: str) -> None:
        """Count a request that never became a call."""
        _add(self.turned_away, (code,), 1)

    def reloaded(self, *, done: bool) -> None:
        """Count a reload of the configuration."""
        self.reloads["ok" if done else "failed"] += 1
        self.reload_failed = not done
        if done:
            self.reloaded_at = time()

    def _happened(self, account: Account) -> None:
        known = {attempt.target: attempt.label for attempt in account.attempts if attempt.label}
        for event in account.events:
            target = getattr(event, "target", None) or getattr(event, "to", "")
            target = known.get(target, target)
            _add(self.events, (type(event).__name__, target), 1)
            if type(event) is Queued:
                waits = self.queue_seconds.get((target,)) or _new(self.queue_seconds, (target,), Histogram)
                waits.observe(event.wait_s)
            elif type(event) is Unpriced:
                self._warn_of_unpriced(event)
            elif type(event) is BudgetReached:
                _add(self.budget_alerts, (event.subject.partition(":")[0], str(event.percent)), 1)

    def _warn_of_unpriced(self, event: Unpriced) -> None:
        """Tell the log of a model whose cost is not known, once while this process lives."""
        if event in self._warned or len(self._warned) >= MAX_WARNED:
            return
        self._warned.add(event)
        log.warning(_UNPRICED[event.reason], event.target)

    def _attempt(self, attempt: Attempt, model: str) -> None:
        target = attempt.label or attempt.target
        here = (target,)
        _add(self.attempts, (target, attempt.code or "ok"), 1)
        seconds = self.attempt_seconds.get(here) or _new(self.attempt_seconds, here, Histogram)
        seconds.observe(attempt.duration_s)
        if attempt.usage is not None:
            self._used(target, attempt.usage)
        cost = attempt.cost_picodollars
        if cost:
            _add(self.cost_picodollars, here, cost)
            _add(self.model_cost_picodollars, (model,), cost)
        elif cost is None and attempt.settled:
            _add(self.unpriced, here, 1)

    def _used(self, target: str, usage: Usage) -> None:
        tokens = self.tokens
        counted = usage.input_tokens + usage.cached_tokens + usage.output_tokens
        if usage.input_tokens:
            _add(tokens, (target, "input"), usage.input_tokens)
        if usage.cached_tokens:
            _add(tokens, (target, "cached"), usage.cached_tokens)
        if usage.output_tokens:
            _add(tokens, (target, "output"), usage.output_tokens)
        if usage.reasoning_tokens:
            _add(self.reasoning_tokens, (target,), usage.reasoning_tokens)
        if usage.total_input_tokens + usage.total_output_tokens != counted:
            for member, category in _SELDOM:
                if count := getattr(usage, member):
                    _add(tokens, (target, category), count)


def _add(values: dict[Labels, int], labels: Labels, number: int) -> None:
    count = values.get(labels)
    if count is None:
        labels = _bounded(values, labels)
        count = values.get(labels, 0)
    values[labels] = count + number


Made = TypeVar("Made", Histogram, Pace)


def _new(values: dict[Labels, Made], labels: Labels, make: type[Made]) -> Made:
    return values.setdefault(_bounded(values, labels), make())


def _bounded(values: dict[Labels, Made] | dict[Labels, int], labels: Labels) -> Labels:
    """A new metric's labels, or those of all there is no room for."""
    return labels if len(values) < MAX_SERIES else (OTHER,) * len(labels)


class Gauge(NamedTuple):
    """What is known of targets now."""

    name: str
    what: str
    values: dict[Labels, float]
    labels: tuple[str, ...] = ("target",)
    of_many: OfMany = "sum"


class Level(NamedTuple):
    """What others know of themselves: a gauge, or a counter where its name ends in `_total`."""

    name: str
    what: str
    value: float
    of_many: OfMany = "sum"


OfMany = Literal["sum", "max", "min"]
"""What a gauge of several workers comes to."""
