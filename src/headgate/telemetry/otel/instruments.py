"""Sums and histograms of this process, in plain dictionaries, and their encoding as OTLP metrics.

Recording costs a look-up and a bisection; a histogram of OpenTelemetry's SDK takes 6 µs for it (decision 16).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from math import inf

import msgspec

from headgate.telemetry.otel.protobuf import (
    MAX_INT64,
    attributes,
    double,
    field,
    fixed64,
    integer,
    known,
    number,
    packed_doubles,
    packed_fixed64,
    truth,
)

Labels = tuple[tuple[str, str | int], ...]
"""Attributes and their values, in one order."""

MAX_SERIES = 2_000
"""Of one instrument. What comes beyond it is counted under `otel.metric.overflow`, as the SDK specification has it."""

OVERFLOW: Labels = (("otel.metric.overflow", ""),)


def _temporality(delta: bool) -> int:
    """`AggregationTemporality` of metrics.proto."""
    return 1 if delta else 2


class Series(msgspec.Struct, frozen=True):
    """What an instrument has counted, on its way out."""

    points: Iterator[bytes]
    """Encoded data points, each made when it is asked for."""
    whole: Callable[[bytes], bytes]
    """Makes the `Metric` message of them all, one after the other."""
    give_back: Callable[[], None]
    """Count it again: it could not be sent."""


class Points:
    """What one combination of labels came to."""

    __slots__ = ("counts", "highest", "lowest", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.total = 0.0
        self.lowest = inf
        self.highest = -inf

    def add(self, other: Points) -> None:
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)


class Histogram:
    """Values in buckets whose upper bounds are inclusive."""

    def __init__(self, name: str, unit: str, what: str, bounds: Sequence[float]) -> None:
        self.name = name
        self._unit = unit
        self._what = what
        self._bounds = bounds
        self._points: dict[Labels, Points] = {}

    def record(self, labels: Labels, value: float) -> None:
        points = self.points(labels)
        points.counts[bisect_left(self._bounds, value)] += 1
        points.total += value
        if value < points.lowest:
            points.lowest = value
        if value > points.highest:
            points.highest = value

    def points(self, labels: Labels) -> Points:
        """Where a combination of labels is counted."""
        points = self._points.get(labels)
        if points is None:
            if len(self._points) >= MAX_SERIES:
                labels = OVERFLOW
            points = self._points.setdefault(labels, Points(len(self._bounds) + 1))
        return points

    def series(self, since_ns: int, now_ns: int, *, delta: bool) -> Series | None:
        """All there is; with `delta` it is counted anew from now on. None where there is nothing."""
        held = self._points
        if not held:
            return None
        if delta:
            self._points = {}
        return Series(
            self._encoded(list(held.items()), since_ns, now_ns),
            lambda points: _metric(self.name, self._what, self._unit, 9, points + number(2, _temporality(delta))),
            lambda: self._add(held),
        )

    def _add(self, held: dict[Labels, Points]) -> None:
        for labels, each in held.items():
            self.points(labels).add(each)

    def _encoded(self, held: list[tuple[Labels, Points]], since_ns: int, now_ns: int) -> Iterator[bytes]:
        bounds = packed_doubles(7, self._bounds)
        times = fixed64(2, since_ns) + fixed64(3, now_ns)
        for labels, each in held:
            yield field(1, self._point(labels, each, times, bounds))

    @staticmethod
    def _point(labels: Labels, points: Points, times: bytes, bounds: bytes) -> bytes:
        return b"".join(
            (
                times,
                fixed64(4, sum(points.counts)),
                double(5, points.total),
                packed_fixed64(6, points.counts),
                bounds,
                attributes(b"\x4a", _attributes(labels)),
                double(11, points.lowest),
                double(12, points.highest),
            )
        )


class Sum:
    """A whole number that only grows; `scale` makes the unit's own of it."""

    def __init__(self, name: str, unit: str, what: str, scale: float | None = None) -> None:
        self.name = name
        self._unit = unit
        self._what = what
        self._scale = scale
        self._values: dict[Labels, int] = {}

    def add(self, labels: Labels, value: int) -> None:
        values = self._values
        if labels not in values and len(values) >= MAX_SERIES:
            labels = OVERFLOW
        values[labels] = values.get(labels, 0) + value

    def series(self, since_ns: int, now_ns: int, *, delta: bool) -> Series | None:
        """As a histogram's."""
        held = self._values
        if not held:
            return None
        if delta:
            self._values = {}
        ends = number(2, _temporality(delta)) + number(3, 1)
        return Series(
            self._encoded(list(held.items()), since_ns, now_ns),
            lambda points: _metric(self.name, self._what, self._unit, 7, points + ends),
            lambda: self._add(held),
        )

    def _add(self, held: dict[Labels, int]) -> None:
        for labels, value in held.items():
            self.add(labels, value)

    def _encoded(self, held: list[tuple[Labels, int]], since_ns: int, now_ns: int) -> Iterator[bytes]:
        times = fixed64(2, since_ns) + fixed64(3, now_ns)
        for labels, value in held:
            yield field(1, times + self._value(value) + attributes(b"\x3a", _attributes(labels)))

    def _value(self, value: int) -> bytes:
        return fixed64(6, min(value, MAX_INT64)) if self._scale is None else double(4, value * self._scale)


def _metric(name: str, what: str, unit: str, kind: int, content: bytes) -> bytes:
    return field(1, name.encode()) + field(2, what.encode()) + field(3, unit.encode()) + field(kind, content)


def _attributes(labels: Labels) -> list[bytes]:
    if labels is OVERFLOW:
        return [truth("otel.metric.overflow", True)]
    return [known(name, value) if type(value) is str else integer(name, int(value)) for name, value in labels]
