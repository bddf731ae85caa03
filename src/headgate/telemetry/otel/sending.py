"""The port to a collector: one message at a time, and what became of it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from headgate.errors import ConfigError
from headgate.registry import load
from headgate.telemetry.otel.settings import Destination


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """The collector has it."""

    rejected: int = 0
    """How much of it the collector did not take."""


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The collector does not want it, now or later."""

    why: str


class Unreachable(msgspec.Struct, frozen=True, gc=False):
    """It may be sent again."""

    why: str
    after_s: float | None = None
    """When, as far as the collector has said."""


Outcome = Delivered | Refused | Unreachable


class Sender(Protocol):
    """Sends one signal to one place."""

    async def send(self, body: bytes) -> Outcome:
        """Send an encoded `Export…ServiceRequest`. Ends within the destination's `timeout_s`, and raises nothing."""
        ...

    async def close(self) -> None: ...


def sender_of(destination: Destination, service: str, *, grpc: bool) -> Sender:
    """What sends to a destination; `service` is the gRPC service's name.

    Raises:
        ConfigError: a certificate cannot be used, or what gRPC needs is not installed.
    """
    if not grpc:
        from headgate.telemetry.otel.http import HttpSender

        return HttpSender(destination)
    try:
        load("grpc:insecure_channel")
    except ConfigError:
        raise ConfigError(
            ["telemetry.otel.protocol: grpc is not installed; pip install 'headgate[otel]', or write http/protobuf"]
        ) from None
    from headgate.telemetry.otel.grpc import GrpcSender

    return GrpcSender(destination, service)
