"""The port to the network: one HTTP exchange with a vendor, body streamed, nothing hidden."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import msgspec


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a vendor. Header names are lower-case."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    connect_s: float | None = None
    """Longest time for a connection to be made for this request; None: as the provider has it."""


class TransportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What every transport can be told about the way to one provider."""

    connect_s: float = 5.0
    """Longest time for name look-up, connection, proxy and TLS handshake together."""
    ca_file: str | None = None
    """PEM file of authorities trusted beside the system's."""
    client_cert: str | None = None
    """PEM file of our certificate, and of its key where `client_key` is not set."""
    client_key: str | None = None
    proxy: str | None = None
    """`http://[user:password@]host:port`; never read from the environment."""
    pool_size: int = 1024
    """Most idle connections kept open."""
    idle_s: float = 60.0
    """Longest time an idle connection is kept open."""
    script: str | None = None
    """File of what a simulated vendor answers."""
    public_only: bool = False
    """Whether only addresses of the public internet are connected to, whatever a name resolves to."""


class HttpResponse(Protocol):
    """A vendor's response, its body not yet read. Closed exactly once, read to its end or not."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names; of a repeated header the first value."""

    async def read(self, limit: int) -> bytes:
        """The whole body, decompressed.

        Raises:
            MalformedOutput: it is longer than `limit` bytes, compressed in a way we cannot read, or its framing is
                broken.
            ConnectionFailed: the connection broke before its end.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, never empty pieces. Reading slower than the vendor sends holds the vendor back.

        Raises:
            ConnectionFailed: the connection broke before the body's end.
            MalformedOutput: its framing or compression is broken.
        """
        ...

    async def close(self) -> None:
        """Give the connection back if the body was read to its end, cut it within 100 ms if not. Idempotent."""
        ...


class Transport(Protocol):
    """Sends requests to one provider. Follows no redirect, keeps no cookie, sends no referer, reads no proxy from
    the environment, asks for `identity` encoding.
    """

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and wait for the response's headers.

        Cancelling the caller cuts the connection within 100 ms.

        Raises:
            BadRequest: a header or the URL holds a character that is none of it.
            DnsFailed: the host has no address.
            TlsFailed: the handshake failed.
            ConnectionFailed: refused, reset or broken before a response.
            MalformedOutput: what came is not an HTTP response.
            Timeout: no connection within `connect_s`.

        An error has `may_be_billed` set where all of the request was handed to the connection, as far as is known,
        and no status of 300 or more came back.
        """
        ...

    async def drain(self) -> None:
        """Keep no connection for another request from now on: idle ones are closed, at the latest after `idle_s`, those
        in use once their exchange is over.
        """
        ...

    async def close(self) -> None: ...
