"""The pool of connections and the way a request takes through it."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Mapping
from time import monotonic
from typing import Self

from headgate.errors import ConnectionFailed, DnsFailed, HeadgateError, MalformedOutput, Timeout, TlsFailed
from headgate.providers.address import Origin, bracketed, parse_url
from headgate.providers.encoding import Inflater, inflater
from headgate.providers.http1.connection import Connection, start_tls
from headgate.providers.http1.dial import open_connection
from headgate.providers.http1.messages import Body, Head, SizedBody, body_of, request_head
from headgate.providers.proxy import Proxy
from headgate.providers.tls import tls_context
from headgate.providers.transport import HttpRequest, TransportOptions


class Http1Transport:
    """Sends requests over pooled connections, from one event loop.

    A pooled connection that the vendor has closed is noticed before anything is written, and another one taken. Once
    a request is on its way it is never sent again: only the caller can know whether that is safe.
    """

    def __init__(self, options: TransportOptions) -> None:
        """Raises ConfigError where a file cannot be used or the proxy is not one we can speak to."""
        self._options = options
        self._proxy = Proxy.parse(options.proxy) if options.proxy else None
        self._tls = tls_context(options) if options.ca_file or options.client_cert or options.client_key else None
        self._idle: dict[Origin, deque[Connection]] = {}
        self._idle_count = 0
        self._most_idle = options.pool_size

    async def send(self, request: HttpRequest) -> Http1Response:
        address = parse_url(request.url)
        headers = request.headers
        target = address.target
        if self._proxy is not None and not address.origin.secure:
            target = request.url.partition("#")[0]
            headers += self._proxy.headers
        head = request_head(request.method, target, address.authority, headers, len(request.body))
        connection = self._pooled(address.origin)
        if connection is None:
            connection = await self._connect(address.origin, request.connect_s or self._options.connect_s)
        answer: Head | None = None
        try:
            connection.write(head, request.body)
            answer, rest = await connection.receive_head()
            body = body_of(answer, request.method)
            return Http1Response(self, address.origin, connection, answer, body, rest)
        except BaseException as error:  # cancelled, too: whatever stopped us, nobody will read this connection
            if isinstance(error, HeadgateError):
                refused = isinstance(error, TlsFailed) or (answer is not None and answer.status >= 300)
                error.may_be_billed = not (connection.unsent or refused)
            connection.abort()
            raise

    async def drain(self) -> None:
        self._most_idle = 0
        await self.close()

    async def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()
        self._idle_count = 0

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose exchange is complete for the next one, or close it where that is not possible."""
        if not connection.usable or not connection.quiet or self._idle_count >= self._most_idle:
            connection.abort()
            return
        now = monotonic()
        connection.idle_since = now
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = deque()
        idle.append(connection)
        self._idle_count += 1
        if now - idle[0].idle_since > self._options.idle_s:
            idle.popleft().abort()
            self._idle_count -= 1

    def _pooled(self, origin: Origin) -> Connection | None:
        """The idle connection used last, which is the likeliest to be alive."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        oldest = monotonic() - self._options.idle_s
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if connection.idle_since > oldest and connection.usable:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin, connect_s: float) -> Connection:
        try:
            async with asyncio.timeout(connect_s):
                connection = await self._open(origin)
                try:
                    await self._secure(origin, connection)
                except BaseException:
                    connection.abort()
                    raise
                return connection
        except TimeoutError:
            raise Timeout(f"no connection to {origin.host} within {connect_s:g} s") from None

    async def _open(self, origin: Origin) -> Connection:
        proxy = self._proxy
        host, port = (proxy.host, proxy.port) if proxy is not None else (origin.host, origin.port)
        try:
            return await open_connection(host, port, public_only=self._options.public_only)
        except socket.gaierror as error:
            raise DnsFailed(f"the name {host} has no address: {error.strerror}") from error
        except TimeoutError:
            raise
        except OSError as error:
            raise ConnectionFailed(f"{host}:{port} cannot be reached: {error}") from error
        except UnicodeError as error:  # a label that is empty or longer than 63 characters
            raise DnsFailed(f"{host} is not a host name: {error}") from error

    async def _secure(self, origin: Origin, connection: Connection) -> None:
        if not origin.secure:
            return
        if self._proxy is not None:
            await self._tunnel(self._proxy, origin, connection)
        if self._tls is None:
            self._tls = tls_context(self._options)
        try:
            await start_tls(connection, self._tls, origin.host)
        except TimeoutError:
            raise
        except OSError as error:
            raise TlsFailed(f"the TLS handshake with {origin.host} failed: {error}") from error

    async def _tunnel(self, proxy: Proxy, origin: Origin, connection: Connection) -> None:
        """Have the proxy connect us to a TLS server (RFC 9110, section 9.3.6)."""
        authority = f"{bracketed(origin.host)}:{origin.port}"
        connection.write(request_head("CONNECT", authority, authority, proxy.headers, 0), b"")
        answer, rest = await connection.receive_head()
        if not 200 <= answer.status < 300:
            raise ConnectionFailed(f"the proxy {proxy.host} refused to connect to {authority}: {answer.status}")
        if rest:
            raise ConnectionFailed(f"the proxy {proxy.host} spoke before the TLS handshake")


class Http1Response:
    """A response on its connection. Iterates over its own body."""

    __slots__ = ("_body", "_connection", "_inflater", "_origin", "_pieces", "_rest", "_transport", "headers", "status")

    def __init__(
        self, transport: Http1Transport, origin: Origin, connection: Connection, head: Head, body: Body, rest: bytes
    ) -> None:
        """Raises MalformedOutput for a compression we cannot read."""
        self.status: int = head.status
        self.headers: Mapping[str, str] = head.headers
        self._transport = transport
        self._origin = origin
        self._connection: Connection | None = connection
        self._body = body
        if not head.keeps_open:
            body.reusable = False
        self._rest = rest
        self._inflater: Inflater | None = inflater(head.headers.get("content-encoding"))
        self._pieces = iter(())
        if body.done:
            if rest:
                body.reusable = False
            self._release()

    async def read(self, limit: int) -> bytes:
        body = self._body
        if isinstance(body, SizedBody) and body.left > limit:
            raise MalformedOutput(f"the vendor's answer is longer than {limit} bytes")
        pieces: list[bytes] = []
        size = 0
        while piece := await self._next():
            size += len(piece)
            if size > limit:
                raise MalformedOutput(f"the vendor's answer is longer than {limit} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self) -> Self:
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._next()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    async def _next(self) -> bytes:
        """The next piece of the body, decompressed; empty at its end."""
        if self._inflater is None:
            return await self._content()
        while True:
            for piece in self._pieces:
                return piece
            data = await self._content()
            if not data:
                self._inflater.close()
                return b""
            self._pieces = self._inflater.feed(data)

    async def _content(self) -> bytes:
        """The next piece of the body as framed; empty at its end."""
        body = self._body
        while not body.done:
            connection = self._connection
            if connection is None:
                raise ConnectionFailed("the response was closed before its end")
            data = self._rest or await connection.receive()
            self._rest = b""
            if data:
                content = body.feed(data)
            elif body.end():
                content = b""
            else:
                raise ConnectionFailed("the connection was closed before the body's end")
            if body.done:
                self._release()
            if content:
                return content
        return b""

    def _release(self) -> None:
        connection = self._connection
        self._connection = None
        if connection is None:
            return
        if self._body.reusable:
            self._transport.give_back(self._origin, connection)
        else:
            connection.abort()
