"""From `telemetry.otel:` and the standard environment variables to what is done.

The variables are OpenTelemetry's own ("Environment Variable Specification", "OpenTelemetry Protocol Exporter"). The
file goes before them. One that cannot be read is passed over with a warning, as the specification has it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote
from uuid import uuid4

import msgspec

from headgate import __version__
from headgate.errors import BadRequest, ConfigError
from headgate.providers.address import parse_url
from headgate.providers.headers import refuse_injection
from headgate.telemetry.otel.config import OtelConfig, OtelContentConfig
from headgate.telemetry.otel.names import VERSIONS, Names

log = logging.getLogger("headgate.otel")

Signal = Literal["traces", "metrics"]

INSTANCE = str(uuid4())
"""This process: several workers count each for itself, and are told apart by it."""


WORKER = "HEADGATE_WORKER"
"""The variable that says which of several processes this is: they share a name that somebody gave them."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where one signal goes."""

    url: str
    headers: tuple[tuple[str, str], ...]
    timeout_s: float
    gzip: bool
    ca_file: str | None
    client_cert: str | None
    client_key: str | None

    def __repr__(self) -> str:
        return f"Destination({self.url!r})"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that was settled. Two that are equal need no change."""

    grpc: bool
    traces: Destination | None
    metrics: Destination | None
    sample: float
    follow: bool
    slow_s: float
    interval_s: float
    delay_s: float
    """Longest time a span waits for others to be sent with."""
    queue: int
    batch: int
    delta: bool
    """Whether metrics tell what was since the last time, instead of since the start."""
    resource: tuple[tuple[str, str], ...]
    names: Names
    content: OtelContentConfig | None


def settle(config: OtelConfig, environ: Mapping[str, str]) -> Settings | None:
    """What is to be done; None where the environment switches everything off.

    Raises:
        ConfigError: where to send things cannot be made out.
    """
    told = _Environment(environ)
    if told.truth("OTEL_SDK_DISABLED"):
        return None
    protocol = config.protocol or told.protocol()
    traces = config.traces and told.text("OTEL_TRACES_EXPORTER", "otlp") != "none"
    metrics = config.metrics and told.text("OTEL_METRICS_EXPORTER", "otlp") != "none"
    follow, sample = told.sampler()
    batch = max(1, int(told.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)))
    queue = config.queue or max(batch, int(told.number("OTEL_BSP_MAX_QUEUE_SIZE", 20_000)))
    return Settings(
        grpc=protocol == "grpc",
        traces=_destination(config, told, "traces", protocol) if traces else None,
        metrics=_destination(config, told, "metrics", protocol) if metrics else None,
        sample=sample if config.sample is None else config.sample,
        follow=follow and config.follow_callers,
        slow_s=config.slow_s,
        interval_s=config.interval_s or max(0.1, told.number("OTEL_METRIC_EXPORT_INTERVAL", 60_000) / 1000),
        delay_s=max(0.01, told.number("OTEL_BSP_SCHEDULE_DELAY", 1_000) / 1000),
        queue=queue,
        batch=min(batch, max(1, queue // 2)),  # else a queue is full before there is a message
        delta=told.text("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative").lower() != "cumulative",
        resource=_resource(config, told),
        names=VERSIONS[config.conventions],
        content=config.content,
    )


class _Environment:
    """The variables, read with care. An empty one is as good as none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, "").strip() or default

    def of(self, signal: Signal, name: str) -> str:
        """A variable of the exporter's: that of the signal goes before that of all."""
        return self.text(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}") or self.text(f"OTEL_EXPORTER_OTLP_{name}")

    def truth(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def number(self, name: str, default: float) -> float:
        """A number that is not negative."""
        return self._number(name, self.text(name), default)

    def timeout_s(self, signal: Signal) -> float:
        return self._number(f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT", self.of(signal, "TIMEOUT"), 10_000) / 1000

    def protocol(self) -> str:
        told = self.text("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        if told not in ("http/protobuf", "grpc"):
            log.warning("OTEL_EXPORTER_OTLP_PROTOCOL is passed over; http/protobuf and grpc are spoken here")
            return "http/protobuf"
        return told

    def sampler(self) -> tuple[bool, float]:
        """Whether callers decide, and the share of what begins here."""
        name = self.text("OTEL_TRACES_SAMPLER", "parentbased_traceidratio").lower()
        follow, kind = name.startswith("parentbased_"), name.removeprefix("parentbased_")
        match kind:
            case "always_on":
                return follow, 1.0
            case "always_off":
                return follow, 0.0
            case "traceidratio":
                return follow, min(1.0, self.number("OTEL_TRACES_SAMPLER_ARG", 1.0))
            case _:
                log.warning("OTEL_TRACES_SAMPLER names no sampler there is here, and is passed over")
                return True, 1.0

    def pairs(self, name: str, text: str) -> dict[str, str]:
        """`key=value,…`, as W3C Baggage encodes them."""
        found: dict[str, str] = {}
        for pair in filter(None, (each.strip() for each in text.split(","))):
            key, equals, value = pair.partition("=")
            if not equals or not key.strip():
                log.warning("%s has a part that is no key=value, which is passed over", name)
                continue
            found[unquote(key.strip())] = unquote(value.strip())
        return found

    def _number(self, name: str, text: str, default: float) -> float:
        if not text:
            return default
        if not re.fullmatch(r"\d{1,12}(\.\d{1,12})?", text):
            log.warning("%s is passed over, for it is no number", name)
            return default
        return float(text)


def _destination(config: OtelConfig, told: _Environment, signal: Signal, protocol: str) -> Destination:
    headers = config.headers or told.pairs("OTEL_EXPORTER_OTLP_HEADERS", told.of(signal, "HEADERS"))
    named = tuple((name.lower(), value) for name, value in headers.items())
    try:
        refuse_injection(named)
    except BadRequest as error:
        raise ConfigError([f"telemetry.otel.headers: {error.message}"]) from None
    return Destination(
        url=_url(config, told, signal, protocol),
        headers=named,
        timeout_s=config.timeout_s or max(0.001, told.timeout_s(signal)),
        gzip=(config.compression or told.of(signal, "COMPRESSION")) == "gzip",
        ca_file=config.ca_file or told.of(signal, "CERTIFICATE") or None,
        client_cert=config.client_cert or told.of(signal, "CLIENT_CERTIFICATE") or None,
        client_key=config.client_key or told.of(signal, "CLIENT_KEY") or None,
    )


def _url(config: OtelConfig, told: _Environment, signal: Signal, protocol: str) -> str:
    """Where a signal goes: over HTTP a path is added, unless a variable names this signal's own place."""
    place = f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
    own = "" if config.endpoint else told.text(place)
    default = "http://localhost:4317" if protocol == "grpc" else "http://localhost:4318"
    url = own or config.endpoint or told.text("OTEL_EXPORTER_OTLP_ENDPOINT", default)
    if protocol == "grpc" and "://" not in url:
        url = f"{'http' if told.truth('OTEL_EXPORTER_OTLP_INSECURE') else 'https'}://{url}"
    try:
        parse_url(url)
    except BadRequest:
        where = "telemetry.otel.endpoint" if config.endpoint else place if own else "OTEL_EXPORTER_OTLP_ENDPOINT"
        raise ConfigError([f"{where}: is no address; write http://host:port or https://host/path"]) from None
    return url if own or protocol == "grpc" else f"{url.rstrip('/')}/v1/{signal}"


def _resource(config: OtelConfig, told: _Environment) -> tuple[tuple[str, str], ...]:
    """What everything comes from (semantic conventions, "Service", "Telemetry SDK")."""
    given = told.pairs("OTEL_RESOURCE_ATTRIBUTES", told.text("OTEL_RESOURCE_ATTRIBUTES"))
    if name := told.text("OTEL_SERVICE_NAME"):
        given["service.name"] = name
    attributes = {
        "service.name": "headgate",
        "service.version": __version__,
        "service.instance.id": INSTANCE,
        **given,
        **config.resource,
    }
    worker = told.text(WORKER)
    if worker and attributes["service.instance.id"] != INSTANCE:
        attributes["service.instance.id"] += f"-{worker}"
    return tuple(attributes.items())
