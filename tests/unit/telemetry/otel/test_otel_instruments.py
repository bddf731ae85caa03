"""Instruments count what they are told, and encode as OTLP has metrics."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector import told
from headgate.telemetry.otel.instruments import MAX_SERIES, Histogram, Labels, Series, Sum

BOUNDS = (0.1, 1.0, 10.0)
LABELS: Labels = (("gen_ai.operation.name", "chat"), ("server.port", 443))


def encoded(series: Series | None) -> Metric:
    assert series is not None
    return Metric.FromString(series.whole(b"".join(series.points)))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_a_histogram_tells_what_it_was_told(values: list[float]):
    histogram = Histogram("x", "s", "what", BOUNDS)
    for value in values:
        histogram.record(LABELS, value)
    metric = encoded(histogram.series(5, 9, delta=False))
    assert (metric.name, metric.unit, metric.description) == ("x", "s", "what")
    assert metric.histogram.aggregation_temporality == 2
    [point] = metric.histogram.data_points
    assert told(point) == {"gen_ai.operation.name": "chat", "server.port": 443}
    assert (point.start_time_unix_nano, point.time_unix_nano, point.count) == (5, 9, len(values))
    assert point.sum == pytest.approx(sum(values))
    assert (point.min, point.max) == (min(values), max(values))
    assert list(point.explicit_bounds) == list(BOUNDS)
    counts = [0, 0, 0, 0]
    for value in values:
        counts[bisect_left(BOUNDS, value)] += 1  # a bound belongs to the bucket below it
    assert list(point.bucket_counts) == counts


def test_a_sum_is_in_its_unit():
    cost = Sum("headgate.cost", "{USD}", "what", 1e-12)
    cost.add(LABELS, 34_050_000)
    cost.add(LABELS, 1)
    metric = encoded(cost.series(1, 2, delta=False))
    assert metric.sum.is_monotonic
    assert metric.sum.data_points[0].as_double == pytest.approx(0.000034050001)
    tokens = Sum("t", "{token}", "what")
    tokens.add(LABELS, 7)
    assert encoded(tokens.series(1, 2, delta=False)).sum.data_points[0].as_int == 7


def test_differences_begin_anew_and_come_back_if_they_could_not_be_sent():
    histogram, cost = Histogram("x", "s", "what", BOUNDS), Sum("y", "1", "what")
    for instrument in (histogram, cost):
        assert instrument.series(1, 2, delta=True) is None
    histogram.record(LABELS, 0.5)
    cost.add(LABELS, 3)
    lost = [histogram.series(1, 2, delta=True), cost.series(1, 2, delta=True)]
    assert histogram.series(2, 3, delta=True) is None
    histogram.record(LABELS, 5.0)
    cost.add(LABELS, 4)
    for series in lost:
        assert series is not None
        series.give_back()
    [point] = encoded(histogram.series(1, 4, delta=True)).histogram.data_points
    assert (point.count, point.sum, point.min, point.max) == (2, 5.5, 0.5, 5.0)
    metric = encoded(cost.series(1, 4, delta=True))
    assert (metric.sum.aggregation_temporality, metric.sum.data_points[0].as_int) == (1, 7)


def test_names_without_end_are_one_series_in_the_end():
    histogram, cost = Histogram("x", "s", "what", BOUNDS), Sum("y", "1", "what")
    for number in range(MAX_SERIES + 50):
        histogram.record((("model", f"m{number}"),), 1.0)
        cost.add((("model", f"m{number}"),), 1)
    for points in (
        encoded(histogram.series(1, 2, delta=False)).histogram.data_points,
        encoded(cost.series(1, 2, delta=False)).sum.data_points,
    ):
        assert len(points) == MAX_SERIES + 1
        assert told(points[-1]) == {"otel.metric.overflow": True}
    assert encoded(histogram.series(1, 2, delta=False)).histogram.data_points[-1].count == 50
