"""A scripted HTTP/1.1 server on loopback that works on bytes: it can say anything a vendor says, and anything a broken
one does. What happens when is driven by the script and by events, never by sleeping.

    async with Upstream(script) as upstream:        # `async def script(exchange): ...`
        await transport.send(HttpRequest(method="POST", url=upstream.url + "/v1/x", ...))
        assert upstream.requests[0].body == b"..."
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Received:
    """One request as it came. Header names are lower-cased, repeated headers kept."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    """Number of the connection it came on, from 0."""
    client_certificate: bool = False

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass
class Exchange:
    """One request and the way to answer it byte by byte."""

    request: Received
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)
    finished: bool = False
    """Set by `cut` and `reset`: nothing more goes out on this connection."""

    async def send(self, data: bytes) -> None:
        """Write exactly these bytes; waits while the client does not read."""
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, status: int = 200, body: bytes = b"{}", *headers: tuple[str, str]) -> None:
        """A whole response with its length."""
        await self.send(head(status, ("content-length", str(len(body))), *headers) + body)

    async def start(self, status: int = 200, *headers: tuple[str, str]) -> None:
        """The head of a chunked response."""
        await self.send(head(status, ("transfer-encoding", "chunked"), *headers))

    async def chunk(self, data: bytes) -> None:
        """One chunk of a chunked response."""
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        """The end of a chunked response."""
        await self.send(b"0\r\n\r\n")

    async def cut(self) -> None:
        """Close the connection, whatever has been sent."""
        self.finished = True
        self.writer.close()

    async def reset(self) -> None:
        """Break the connection: the client sees a reset, not an end."""
        self.finished = True
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Send nothing more until the client has closed the connection."""
        self.finished = True
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Exchange], Awaitable[None]]
Speech = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answer_ok(exchange: Exchange) -> None:
    """The script of a server that answers everything with `{}`."""
    await exchange.reply()


class Upstream:
    """The server. `requests` and `connections` tell what came in."""

    def __init__(
        self,
        script: Script = answer_ok,
        *,
        tls: ssl.SSLContext | None = None,
        send_buffer: int | None = None,
        speak: Speech | None = None,
    ) -> None:
        """`speak` takes a connection before any request is read; for servers that do not speak HTTP at all."""
        self.script = script
        self._speak = speak
        self.requests: list[Received] = []
        self.connections = 0
        self.failures: list[BaseException] = []
        """What scripts raised; a test that leaves the server re-raises the first."""
        self._tls = tls
        self._send_buffer = send_buffer
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    @property
    def open(self) -> int:
        """Connections that neither side has closed."""
        return sum(not task.done() for task in self._tasks)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, limit=1 << 20)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        if error is None and self.failures:
            raise self.failures[0]

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        task = asyncio.get_running_loop().create_task(self._serve(self.connections, reader, writer))
        self.connections += 1
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self.failures.append(failure)

    async def _serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._send_buffer is not None:
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
            writer.transport.set_write_buffer_limits(high=self._send_buffer)
        try:
            if self._speak is not None:
                await self._speak(reader, writer)
                return
            while (request := await _receive(reader, writer, number)) is not None:
                self.requests.append(request)
                exchange = Exchange(request, reader, writer)
                await self.script(exchange)
                if exchange.finished:
                    return
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            return  # the client has gone, which is what many a test is about
        finally:
            writer.close()


def head(status: int, *headers: tuple[str, str]) -> bytes:
    """Status line and headers of a response."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Received | None:
    """The next request of a connection; None when the client has closed it."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    body = await reader.readexactly(length)
    return Received(method, target, headers, body, number, bool(writer.get_extra_info("peercert")))


_given: set[int] = set()


def unused_port() -> int:
    """A loopback port nobody listens on, and that was not given before: two servers may be started at a time."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
