"""`telemetry.otel:` sending traces and metrics to an OpenTelemetry collector."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from headgate.providers.config import Secret
from headgate.telemetry.otel.names import Version

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class OtelContentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was asked and answered, on the spans of calls. Whoever reads traces reads that too."""

    max_kb: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 32
    """KiB of a call's content that is sent at most; longer texts are cut, and what is beyond is left out."""
    tools: bool = False
    """Whether the definitions of tools are sent as well."""


class OtelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenTelemetry collector that traces and metrics go to. What is not written here, the standard variables
    `OTEL_…` of the environment say.
    """

    endpoint: str | None = None
    """Where it listens: `http://127.0.0.1:4318`, to which `/v1/traces` and `/v1/metrics` are added; for `grpc`
    `http://127.0.0.1:4317`. `https://` for TLS. Else `OTEL_EXPORTER_OTLP_ENDPOINT`, or this machine."""
    protocol: Literal["http/protobuf", "grpc"] | None = None
    """How it is spoken to. `grpc` needs the extra `otel`. Else `OTEL_EXPORTER_OTLP_PROTOCOL`, or `http/protobuf`."""
    headers: dict[str, Secret] = {}
    """Headers sent along, as a rule a credential. Else `OTEL_EXPORTER_OTLP_HEADERS`."""
    ca_file: str | None = None
    """PEM file of authorities trusted beside the system's (with `grpc`: in their place)."""
    client_cert: str | None = None
    """PEM file of a client certificate."""
    client_key: str | None = None
    """PEM file of its key."""
    compression: Literal["none", "gzip"] | None = None
    """Whether what is sent is compressed. Else `OTEL_EXPORTER_OTLP_COMPRESSION`, or `none`."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] | None = None
    """Longest time for one sending. Else `OTEL_EXPORTER_OTLP_TIMEOUT`, or 10."""
    traces: bool = True
    """Whether traces are sent."""
    metrics: bool = True
    """Whether metrics are sent."""
    sample: Share | None = None
    """The share of traces that are sent whole, of those that begin here. Failed and slow calls are always sent. Else
    `OTEL_TRACES_SAMPLER_ARG`, or 1."""
    follow_callers: bool = True
    """Whether a caller that sends a `traceparent` decides for its own traces whether they are sent. Switch it off where
    callers are strangers: then `sample` decides."""
    slow_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """Seconds from which on a call is slow."""
    interval_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] | None = None
    """Seconds between two sendings of metrics. Else `OTEL_METRIC_EXPORT_INTERVAL`, or 60."""
    queue: Annotated[int, msgspec.Meta(ge=100, le=1_000_000)] | None = None
    """Spans that wait to be sent, at most; beyond that the oldest are dropped, and counted. Else
    `OTEL_BSP_MAX_QUEUE_SIZE`, or 20000."""
    resource: dict[str, str] = {}
    """Attributes of everything that is sent: `deployment.environment.name: production`. They go before those of
    `OTEL_RESOURCE_ATTRIBUTES`."""
    conventions: Version = "1.41.1"
    """Which version of the GenAI conventions names things: the last that was tagged, or what is to come."""
    content: OtelContentConfig | None = None
    """Sends what was asked and answered too. Nothing of it is sent without this block."""

    def __repr__(self) -> str:
        return f"OtelConfig({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What may be shown: fields that are set, with headers as `***`."""
        values = ((each, getattr(self, each.name)) for each in msgspec.structs.fields(self))
        return [
            (each.name, "***" if each.name == "headers" else value)
            for each, value in values
            if value not in (each.default, {})
        ]
