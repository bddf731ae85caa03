"""Counters of one process, in plain dictionaries: Prometheus' client renders them, it does not count.

A labelled increment of prometheus_client costs over 1 µs; a dictionary entry a tenth of it.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from headgate.events import Evaluated, Unpriced
from headgate.types import Account, Attempt, Usage

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0)

Labels = tuple[str, ...]

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

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        self.sum += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """Buckets as Prometheus wants them: upper bound and count of all below it."""
        bounds = [*map(str, LATENCY_BUCKETS_S), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))


_NOTHING = Usage()


class Metrics:
    """All counters of one process."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._idle: asyncio.Event | None = None
        """Set when the last call is over, if anybody waits for that."""
        self.calls: dict[Labels, int] = {}
        """By model, operation, stream and outcome (`ok` or the error's code)."""
        self.call_seconds: dict[Labels, Histogram] = {}
        """By model."""
        self.attempts: dict[Labels, int] = {}
        """By target and outcome."""
        self.tokens: dict[Labels, int] = {}
        """By target and category."""
        self.cost_picodollars: dict[Labels, int] = {}
        """By target."""
        self.unpriced: dict[Labels, int] = {}
        """Attempts that used tokens at an unknown price, by target."""
        self.shed = {"calls": 0, "loop": 0}
        """Calls refused before anything was done for them: for too many under way, or for the event loop's lateness."""
        self.events: dict[Labels, int] = {}
        """By kind of event and target."""
        self.evaluations: dict[Labels, int] = {}
        """By model, evaluator and outcome."""
        self.reloads = {"ok": 0, "failed": 0}
        self._warned: set[Unpriced] = set()

    def call_began(self) -> None:
        self.in_flight += 1

    async def idle(self) -> None:
        """Wait until no call is under way."""
        while self.in_flight:
            if self._idle is None:
                self._idle = asyncio.Event()
            await self._idle.wait()

    def call_ended(self, model: str, operation: str, stream: bool, outcome: str, seconds: float) -> None:
        self.in_flight -= 1
        if self._idle is not None and not self.in_flight:
            self._idle.set()
            self._idle = None
        labels = (model, operation, "true" if stream else "false", outcome)
        self.calls[labels] = self.calls.get(labels, 0) + 1
        histogram = self.call_seconds.get((model,))
        if histogram is None:
            histogram = self.call_seconds[model,] = Histogram()
        histogram.observe(seconds)

    def evaluated(self, event: Evaluated) -> None:
        labels = (event.model, event.evaluator, event.outcome)
        self.evaluations[labels] = self.evaluations.get(labels, 0) + 1

    def account_closed(self, account: Account) -> None:
        for attempt in account.attempts:
            self._attempt(attempt)
        if not account.events:
            return
        known = {attempt.target: attempt.label for attempt in account.attempts if attempt.label}
        for event in account.events:
            if type(event) is Unpriced:
                self._warn_of_unpriced(event)
            target = getattr(event, "target", None) or getattr(event, "to", "")
            labels = (type(event).__name__, known.get(target, target))
            self.events[labels] = self.events.get(labels, 0) + 1

    def _warn_of_unpriced(self, event: Unpriced) -> None:
        """Tell the log of a model whose cost is not known, once while this process lives."""
        if event in self._warned or len(self._warned) >= MAX_WARNED:
            return
        self._warned.add(event)
        log.warning(_UNPRICED[event.reason], event.target)

    def _attempt(self, attempt: Attempt) -> None:
        target = attempt.label or attempt.target
        labels = (target, attempt.code or "ok")
        self.attempts[labels] = self.attempts.get(labels, 0) + 1
        usage = attempt.usage or _NOTHING
        tokens = self.tokens
        for category, count in (
            ("input", usage.total_input_tokens),
            ("cached", usage.cached_tokens),
            ("output", usage.total_output_tokens),
            ("reasoning", usage.reasoning_tokens),
        ):
            if count:
                tokens[target, category] = tokens.get((target, category), 0) + count
        if attempt.cost_picodollars is None and attempt.settled:
            self.unpriced[target,] = self.unpriced.get((target,), 0) + 1
        elif attempt.cost_picodollars:
            cost = self.cost_picodollars.get((target,), 0)
            self.cost_picodollars[target,] = cost + attempt.cost_picodollars


Gauge = tuple[str, str, dict[str, float]]
"""Name, what it is, and its values by target."""


Level = tuple[str, str, float]
"""Name, what it is, and its value."""


def render(metrics: Metrics, gauges: Sequence[Gauge] = (), levels: Sequence[Level] = ()) -> bytes:
    """The Prometheus text exposition format, version 0.0.4. `gauges` are what others know of targets by now, `levels`
    what they know of themselves.
    """
    from prometheus_client.exposition import generate_latest
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

    class Families:
        def collect(self) -> Iterable[Metric]:
            def counter(name: str, what: str, labels: list[str], values: dict[Labels, int], unit: float = 1) -> Metric:
                family = CounterMetricFamily(name, what, labels=labels)
                for key, value in values.items():
                    family.add_metric(list(key), value * unit)
                return family

            yield GaugeMetricFamily("headgate_calls_in_flight", "Calls under way", value=metrics.in_flight)
            by_call = ["model", "operation", "stream", "outcome"]
            yield counter("headgate_calls", "Calls that have ended", by_call, metrics.calls)
            by_attempt = ["target", "outcome"]
            yield counter("headgate_attempts", "Upstream calls that have ended", by_attempt, metrics.attempts)
            yield counter("headgate_tokens", "Tokens used; cached are part of input, reasoning of output",
                          ["target", "category"], metrics.tokens)  # fmt: skip
            yield counter("headgate_cost_usd", "Cost of all attempts", ["target"], metrics.cost_picodollars, 1e-12)
            yield counter("headgate_unpriced_attempts", "Attempts at an unknown price", ["target"], metrics.unpriced)
            yield counter("headgate_events", "What happened to calls", ["event", "target"], metrics.events)
            yield counter("headgate_evaluations", "What evaluators found in answers",
                          ["model", "evaluator", "outcome"], metrics.evaluations)  # fmt: skip
            for name, what, values in gauges:
                gauge = GaugeMetricFamily(name, what, labels=["target"])
                for target, value in values.items():
                    gauge.add_metric([target], value)
                yield gauge
            for name, what, value in levels:
                yield GaugeMetricFamily(name, what, value=value)
            shed: dict[Labels, int] = {(reason,): count for reason, count in metrics.shed.items()}
            yield counter("headgate_shed_calls", "Calls refused before anything was done for them", ["reason"], shed)
            reloads: dict[Labels, int] = {(outcome,): count for outcome, count in metrics.reloads.items()}
            yield counter("headgate_config_reloads", "Reloads of the configuration", ["outcome"], reloads)
            seconds = HistogramMetricFamily("headgate_call_seconds", "From request to last byte", labels=["model"])
            for key, histogram in metrics.call_seconds.items():
                seconds.add_metric(list(key), histogram.cumulative(), histogram.sum)
            yield seconds

    return generate_latest(Families())  # pyright: ignore[reportArgumentType]  # it asks for `collect` only
