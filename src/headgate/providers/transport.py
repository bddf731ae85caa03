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


class HttpResponse(Protocol):
    """A vendor's response, its body not yet read. Closed exactly once, read to its end or not."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names; of a repeated header the first value."""

    async def read(self, limit: int) -> bytes:
        """The whole body, decompressed.

        Raises:
            MalformedOutput: it is longer than `limit` bytes.
            ConnectionFailed: the connection broke before its end.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, never empty pieces. Reading slower than the vendor sends holds the vendor back.

        Raises:
            ConnectionFailed: the connection broke before the body's end.
        """
        ...

    async def close(self) -> None:
        """Give the connection back if the body was read to its end, cut it within 100 ms if not. Idempotent."""
        ...


class Transport(Protocol):
    """Sends requests to one provider. Follows no redirect, keeps no cookie, sends no referer, reads no proxy from
    the environment, asks for `identity` encoding."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and wait for the response's headers.

        Cancelling the caller cuts the connection within 100 ms.

        Raises:
            DnsFailed: the host has no address.
            TlsFailed: the handshake failed.
            ConnectionFailed: refused, reset or broken before a response.
            Timeout: no connection within the provider's `connect_s`.
        """
        ...

    async def close(self) -> None: ...
