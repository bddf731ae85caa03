"""OTLP over HTTP (OpenTelemetry Protocol 1.10, "OTLP/HTTP", binary encoding).

Headgate's own client sends it: it follows no redirect, with which a credential could go elsewhere, reads no proxy from
the environment, and takes no more of an answer than it has use for.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping

from headgate import __version__
from headgate.errors import ConfigError, HeadgateError
from headgate.providers.http1 import Http1Transport
from headgate.providers.transport import HttpRequest, HttpResponse, TransportOptions
from headgate.telemetry.otel.protobuf import read
from headgate.telemetry.otel.sending import Delivered, Outcome, Refused, Unreachable
from headgate.telemetry.otel.settings import Destination

MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_S = 60.0

RETRYABLE = (429, 502, 503, 504)
"""Statuses after which the same may be sent again ("Retryable Response Codes")."""


class HttpSender:
    """Sends one signal."""

    def __init__(self, destination: Destination) -> None:
        """
        Raises:
            ConfigError: a certificate cannot be used.
        """
        self._destination = destination
        headers = {
            "content-type": "application/x-protobuf",
            "accept-encoding": "identity",
            "user-agent": f"OTel-OTLP-Exporter-Headgate/{__version__}",
            **dict(destination.headers),
        }
        if destination.gzip:
            headers["content-encoding"] = "gzip"
        self._headers = tuple(headers.items())
        try:
            self._transport = Http1Transport(
                TransportOptions(
                    connect_s=destination.timeout_s,
                    ca_file=destination.ca_file,
                    client_cert=destination.client_cert,
                    client_key=destination.client_key,
                    pool_size=2,
                )
            )
        except ConfigError as error:
            raise ConfigError([f"telemetry.otel: {problem}" for problem in error.problems]) from None

    async def send(self, body: bytes) -> Outcome:
        """Send a message."""
        until = asyncio.get_running_loop().time() + self._destination.timeout_s
        try:
            async with asyncio.timeout_at(until):
                response = await self._answered(body)
        except TimeoutError:
            return Unreachable(f"it did not answer within {self._destination.timeout_s:g} s")
        except HeadgateError as error:
            return Unreachable(error.code)
        try:
            if response.status in RETRYABLE:
                return Unreachable(f"it answered {response.status}", _retry_after_s(response.headers))
            if not 200 <= response.status < 300:
                return Refused(f"it answered {response.status}")
            return Delivered(await _rejected_by(response, until))
        finally:
            await response.close()

    async def _answered(self, body: bytes) -> HttpResponse:
        if self._destination.gzip:
            body = await asyncio.to_thread(_gzip, body)
        request = HttpRequest(method="POST", url=self._destination.url, headers=self._headers, body=body)
        return await self._transport.send(request)

    async def close(self) -> None:
        await self._transport.close()


async def _rejected_by(response: HttpResponse, until: float) -> int:
    """How much of a message was not taken. The collector has it, however long, late or broken what it says of that is:
    what is sent again because of that would be there twice.
    """
    try:
        async with asyncio.timeout_at(until):
            return rejected(await response.read(MAX_ANSWER_BYTES))
    except (TimeoutError, HeadgateError):
        return 0


def rejected(answer: bytes) -> int:
    """How many spans or data points a collector did not take of a message that it took otherwise ("Partial Success").
    What cannot be read tells of none.
    """
    try:
        partial = read(answer).get(1)
        count = read(partial).get(1) if isinstance(partial, bytes) else None
    except ValueError:
        return 0
    return count if isinstance(count, int) and 0 < count < 2**31 else 0


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    told = headers.get("retry-after", "")
    return min(float(told), MAX_RETRY_S) if told.isdecimal() and len(told) < 8 else None


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(body) + packer.flush()
