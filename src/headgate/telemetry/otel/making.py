"""From a configuration to what observes calls and sends what comes of them. Imported where something is sent."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.clock import Clock
from headgate.providers.provider import Provider
from headgate.telemetry.otel.config import OtelConfig
from headgate.telemetry.otel.counts import Counts
from headgate.telemetry.otel.observer import Observer
from headgate.telemetry.otel.pipeline import Pipeline
from headgate.telemetry.otel.sending import Sender, sender_of
from headgate.telemetry.otel.settings import Destination, Settings, settle
from headgate.telemetry.otel.vendors import vendors_of

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
"""Names of the services (opentelemetry-proto, collector/)."""


def made(
    config: OtelConfig,
    environ: Mapping[str, str],
    providers: Mapping[str, Provider],
    before: object,
    counts: Counts,
    clock: Clock,
) -> tuple[Pipeline, Observer] | None:
    """The way to a collector and what fills it; None where the environment switches everything off. `before` is the way
    there was: it stays where it goes to the same place.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    settings = settle(config, environ)
    if settings is None or (settings.traces is None and settings.metrics is None):
        return None
    pipeline = before if isinstance(before, Pipeline) and before.settings == settings else None
    if pipeline is None:
        pipeline = _pipeline(settings, counts, clock)
    return pipeline, Observer(pipeline, vendors_of(providers), clock)


def _pipeline(settings: Settings, counts: Counts, clock: Clock) -> Pipeline:
    def sender(destination: Destination | None, service: str) -> Sender | None:
        return None if destination is None else sender_of(destination, service, grpc=settings.grpc)

    return Pipeline(settings, sender(settings.traces, TRACES), sender(settings.metrics, METRICS), counts, clock)
