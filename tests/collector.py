"""A collector of the tests: takes OTLP over HTTP or gRPC, and reads it with opentelemetry-proto, not with our own code.

async with Collector() as collector:
    ...                                    # a gateway with `collector.config()` under `telemetry:`
    spans = await collector.spans(3)       # waits until there are three
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from upstream import Exchange, Upstream

WAIT_S = 10.0


class Received:
    """What a collector was sent."""

    def __init__(self) -> None:
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self._came = asyncio.Event()

    def take(self, signal: str, body: bytes, headers: dict[str, str]) -> None:
        if signal == "traces":
            self.traces.append(ExportTraceServiceRequest.FromString(body))
        else:
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        self.headers.append(headers)
        self._came.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not enough():
                self._came.clear()
                await self._came.wait()

    async def spans(self, count: int) -> list[Span]:
        """All spans there are, once there are so many."""
        await self.until(lambda: len(self.all_spans()) >= count)
        return self.all_spans()

    def all_spans(self) -> list[Span]:
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def latest(self, name: str, enough: Callable[[Metric], bool] = lambda metric: True) -> Metric:
        """The newest of a metric, once there is one that will do."""
        await self.until(lambda: name in self.newest() and enough(self.newest()[name]))
        return self.newest()[name]

    def newest(self) -> dict[str, Metric]:
        return {
            metric.name: metric
            for request in self.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


class Collector(Received):
    """Over HTTP."""

    def __init__(self, status: int = 200, answer: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.status = status
        """What it answers with."""
        self._answer = answer
        self._server = Upstream(self._script, tls=tls)

    def config(self, **settings: Any) -> str:
        """The block `telemetry:`."""
        every = {"endpoint": self.url, "interval_s": 0.1, **settings}
        return f"telemetry: {{otel: {every!r}}}\n".replace("True", "true").replace("False", "false")

    @property
    def url(self) -> str:
        return self._server.url

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._server.__aexit__(*exc_info)

    async def _script(self, exchange: Exchange) -> None:
        request = exchange.request
        body = request.body
        if request.header("content-encoding") == "gzip":
            body = gzip.decompress(body)
        assert request.header("content-type") == "application/x-protobuf"
        if self.status == 200:
            self.take(request.target.rpartition("/")[2], body, dict(request.headers))
        await exchange.reply(self.status, self._answer)


class GrpcCollector(Received):
    """Over gRPC; by TLS, and from clients with a certificate of the same authority alone, where it has its files."""

    def __init__(self, authority: Path | None = None, certificate: Path | None = None, key: Path | None = None) -> None:
        super().__init__()
        self._files = authority, certificate, key

    async def __aenter__(self) -> Self:
        import grpc

        loop = asyncio.get_running_loop()
        self._server: Any = grpc.server(ThreadPoolExecutor(2))
        services = {
            "trace": ("TraceService", "traces", ExportTraceServiceResponse()),
            "metrics": ("MetricsService", "metrics", ExportMetricsServiceResponse()),
        }

        def handler(signal: str, answer: Any) -> Any:
            def export(body: bytes, context: Any) -> bytes:
                headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
                loop.call_soon_threadsafe(self.take, signal, body, headers)
                return answer.SerializeToString()

            return grpc.unary_unary_rpc_method_handler(export)

        for package, (service, signal, answer) in services.items():
            name = f"opentelemetry.proto.collector.{package}.v1.{service}"
            handlers = {"Export": handler(signal, answer)}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
        authority, certificate, key = (None if each is None else each.read_bytes() for each in self._files)
        if certificate is None:
            self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        else:
            shown = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
            self.port = self._server.add_secure_port("127.0.0.1:0", shown)
        self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._server.stop(None).wait)


def told(message: Any) -> dict[str, Any]:
    """The attributes of a span, an event, a data point or a resource."""
    return {each.key: value_of(each.value) for each in message.attributes}


def value_of(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(each) for each in value.array_value.values]
    return getattr(value, kind)
