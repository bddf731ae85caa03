"""OTLP over gRPC (OpenTelemetry Protocol 1.10, "OTLP/gRPC"), with grpcio's channel and nobody's stubs: what is sent is
encoded already.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import grpc

from headgate import __version__
from headgate.errors import ConfigError
from headgate.providers.address import bracketed, parse_url
from headgate.telemetry.otel.http import MAX_ANSWER_BYTES, MAX_RETRY_S, rejected
from headgate.telemetry.otel.protobuf import read
from headgate.telemetry.otel.sending import Delivered, Outcome, Refused, Unreachable
from headgate.telemetry.otel.settings import Destination

RETRYABLE = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""After which the same may be sent again ("OTLP/gRPC Response", "Failures"). So it may when resources are exhausted, if
the collector says when.
"""

DETAILS = "grpc-status-details-bin"


class GrpcSender:
    """Sends one signal. grpcio's own threads wait for the network, none of ours does."""

    def __init__(self, destination: Destination, service: str) -> None:
        """
        Raises:
            ConfigError: a certificate cannot be read.
        """
        self._timeout_s = destination.timeout_s
        self._metadata = destination.headers
        origin = parse_url(destination.url).origin
        options = [
            ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
            ("grpc.enable_http_proxy", 0),
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.primary_user_agent", f"OTel-OTLP-Exporter-Headgate/{__version__}"),
            ("grpc.max_reconnect_backoff_ms", 10_000),
        ]
        compression = grpc.Compression.Gzip if destination.gzip else grpc.Compression.NoCompression
        place = f"{bracketed(origin.host)}:{origin.port}"
        if origin.secure:
            self._channel: Any = grpc.secure_channel(place, _credentials(destination), options, compression)
        else:
            self._channel = grpc.insecure_channel(place, options, compression)
        self._export: Any = self._channel.unary_unary(service)

    async def send(self, body: bytes) -> Outcome:
        """Send a message."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        call = self._export.future(body, timeout=self._timeout_s, metadata=self._metadata)

        def tell(_: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(_settle, over)

        call.add_done_callback(tell)
        try:
            await over
        except asyncio.CancelledError:
            call.cancel()
            raise
        code = call.code()
        if code is grpc.StatusCode.OK:
            return Delivered(rejected(call.result()))
        after_s = retry_s(dict(call.trailing_metadata() or ()).get(DETAILS, b""))
        if code in RETRYABLE or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and after_s is not None):
            return Unreachable(code.name, after_s)
        return Refused(code.name)

    async def close(self) -> None:
        self._channel.close()


def retry_s(details: bytes | str) -> float | None:
    """When a collector wants to be asked again (google.rpc.Status with google.rpc.RetryInfo); None where it does not
    say.
    """
    try:
        held = read(details).get(3) if isinstance(details, bytes) else None
        detail = read(held) if isinstance(held, bytes) else {}
        kind, value = detail.get(1), detail.get(2)
        if not isinstance(kind, bytes) or not kind.endswith(b"/google.rpc.RetryInfo") or not isinstance(value, bytes):
            return None
        delay = read(value).get(1)
        seconds = read(delay).get(1, 0) if isinstance(delay, bytes) else 0
    except ValueError:
        return None
    return min(float(seconds), MAX_RETRY_S) if isinstance(seconds, int) else None


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


def _credentials(destination: Destination) -> Any:
    files = {
        "ca_file": destination.ca_file,
        "client_key": destination.client_key,
        "client_cert": destination.client_cert,
    }
    read: list[bytes | None] = []
    for name, path in files.items():
        try:
            read.append(None if path is None else Path(path).read_bytes())
        except OSError as error:
            raise ConfigError([f"telemetry.otel.{name} cannot be used: {error.strerror}"]) from None
    return grpc.ssl_channel_credentials(*read)
