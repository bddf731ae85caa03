"""Metrics as Prometheus reads them: its client renders, it does not count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from headgate.telemetry.snapshot import Family, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(snapshot: Snapshot) -> bytes:
    """The Prometheus text exposition format, version 0.0.4."""
    from prometheus_client.exposition import generate_latest
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

    def metric(family: Family) -> Metric:
        name, labels = family.name.removesuffix("_total"), list(family.labels)
        if family.kind == "histogram":
            histogram = HistogramMetricFamily(name, family.what, labels=labels)
            for key, counts, total in family.buckets:
                histogram.add_metric(list(key), _cumulative(family.bounds, counts), total)
            return histogram
        make = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
        one = make(name, family.what, labels=labels)
        for key, value in family.values:
            one.add_metric(list(key), value * family.scale)
        return one

    class Families:
        def collect(self) -> Iterable[Metric]:
            return map(metric, snapshot)

    return generate_latest(Families())  # pyright: ignore[reportArgumentType]  # it asks for `collect` only


def _cumulative(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: upper bound and count of all below it."""
    names = [*map(str, bounds), "+Inf"]
    return list(zip(names, map(float, accumulate(counts)), strict=True))
