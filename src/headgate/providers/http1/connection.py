"""One TCP or TLS connection to a vendor, reading no faster than its reader."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import cast

from headgate.errors import ConnectionFailed, MalformedOutput, TlsFailed
from headgate.providers.http1.messages import MAX_HEAD_BYTES, Head

MAX_INFORMATIONAL = 16
"""Responses of status 1xx taken before the real one."""

MAX_UNREAD_BYTES = 256 * 1024
"""Received and not yet asked for; beyond it the socket is not read, so the vendor's sending comes to a halt."""

_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))


class Connection(asyncio.Protocol):
    """Bytes to and from one peer. Carries one exchange at a time."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.unsent = False
        """Much of what was written is known not to have left the process: of the last 16 KiB, and of what waits below
        TLS, event loops do not tell.
        """
        self._transport: asyncio.Transport | None = None
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._paused = False
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()

    # ── called by the event loop ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck typing only

    def data_received(self, data: bytes) -> None:
        self._unread.append(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > MAX_UNREAD_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def pause_writing(self) -> None:
        self.unsent = True

    def resume_writing(self) -> None:
        self.unsent = False

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        self._wake()

    # ── called by the exchange ──

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None, "connected before it is used"
        return self._transport

    @property
    def usable(self) -> bool:
        """Open, and nothing came that nobody asked for."""
        return not self._ended and not self._unread and not self.transport.is_closing()

    @property
    def quiet(self) -> bool:
        """Everything written is out and everything received was read."""
        return not self._unread and not self.transport.get_write_buffer_size()

    def upgraded(self, transport: asyncio.Transport) -> None:
        """From here on bytes go through TLS."""
        self._transport = transport

    def keep_alive(self) -> None:
        """Have the kernel probe the peer: a model may think for minutes, and a middlebox may forget us meanwhile."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def write(self, head: bytes, body: bytes) -> None:
        """Send a message. A big body is not copied."""
        if len(body) <= MAX_UNREAD_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)

    async def receive(self) -> bytes:
        """What has arrived, at least a byte; empty at the end of the connection.

        Raises:
            ConnectionFailed: it was reset.
            TlsFailed: the peer ended it with a TLS alert.
        """
        while not self._unread:
            if self._ended:
                error = self._error
                if isinstance(error, ssl.SSLError) and "_ALERT_" in (error.reason or ""):
                    # in TLS 1.3 a refused certificate shows only now
                    raise TlsFailed(f"the TLS connection broke: {error}") from error
                if error is not None:
                    raise ConnectionFailed(f"the connection broke: {error}") from error
                return b""
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
        self._unread.clear()
        self._unread_bytes = 0
        if self._paused:
            self._paused = False
            if not self._ended:
                self.transport.resume_reading()
        return data

    async def receive_head(self) -> tuple[Head, bytes]:
        """The next response's head, informational ones skipped, and what has arrived of its body.

        Raises:
            ConnectionFailed: the connection ended before.
            MalformedOutput: it is not one, or too long.
        """
        data = await self.receive()
        informational = 0
        while True:
            end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
            if end >= 0:
                head = Head(data[:end])
                data = data[end + 4 :]
                if head.status >= 200:
                    return head, data
                if head.status == 101:
                    raise MalformedOutput("the vendor switched protocols without being asked")
                informational += 1
                if informational > MAX_INFORMATIONAL:
                    raise MalformedOutput(f"the vendor sent more than {MAX_INFORMATIONAL} informational responses")
                continue
            if len(data) >= MAX_HEAD_BYTES:
                raise MalformedOutput(f"the head of the vendor's response is longer than {MAX_HEAD_BYTES} bytes")
            more = await self.receive()
            if not more:
                raise ConnectionFailed(
                    "the connection was closed in the middle of a response's head"
                    if data
                    else "the connection was closed without a response"
                )
            data += more

    def abort(self) -> None:
        """Close at once, whatever is still to be sent or received."""
        if self._transport is not None:
            self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def start_tls(connection: Connection, context: ssl.SSLContext, host: str) -> None:
    """Shake hands on a connection.

    Raises:
        OSError: it failed; mostly `ssl.SSLError`.
    """
    loop = asyncio.get_running_loop()
    transport = await loop.start_tls(connection.transport, connection, context, server_hostname=host)
    if transport is None:  # what asyncio gives when the peer has gone meanwhile
        raise ConnectionResetError("the connection was closed in the TLS handshake")
    connection.upgraded(transport)
