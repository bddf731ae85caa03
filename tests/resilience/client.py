"""An HTTP/1.1 client for load: pooled connections, every call bounded, nothing retried, and it can leave early."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

LIMIT_S = 60.0
"""Longest any call may take before it is given up and counted as failed."""

ENDS = (b"data: [DONE]", b"event: message_stop")
ERRORS = (b"event: error", b'data: {"error"')


@dataclass(frozen=True)
class Request:
    """What to send, whole."""

    raw: bytes
    stream: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a call."""

    status: int
    """0 where there was no whole answer: cut, timed out, or left."""
    began: float
    """Monotonic second at which it was due or sent."""
    seconds: float
    first_s: float
    """Until the first byte of the body."""
    headers: dict[str, str]
    body: bytes
    what: str = ""
    """Why there is no whole answer."""
    stream: bool = False

    @property
    def ok(self) -> bool:
        """Whether it is an answer: of a stream, one with its proper end and no error in it."""
        if self.status != 200:
            return False
        whole = not self.stream or any(end in self.body for end in ENDS)
        return whole and not (self.stream and any(error in self.body for error in ERRORS))

    @property
    def ended(self) -> float:
        return self.began + self.seconds


def chat(port: int, model: str, text: str = "Hello", *, stream: bool = False, timeout_ms: int = 0) -> Request:
    """A chat completion in OpenAI's dialect."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 24}
    return post(port, "/v1/chat/completions", body, stream=stream, timeout_ms=timeout_ms)


def messages(port: int, model: str, text: str = "Hello", *, stream: bool = False, timeout_ms: int = 0) -> Request:
    """The same in Anthropic's."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 24}
    return post(port, "/v1/messages", body, stream=stream, timeout_ms=timeout_ms)


def post(port: int, path: str, body: dict[str, Any], *, stream: bool = False, timeout_ms: int = 0) -> Request:
    """A request with a JSON body."""
    data = json.dumps({**body, "stream": True} if stream else body).encode()
    deadline = f"x-headgate-timeout-ms: {timeout_ms}\r\n" if timeout_ms else ""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(data)}\r\n{deadline}\r\n"
    )
    return Request(head.encode() + data, stream)


class Client:
    """Sends requests to one loopback port over as many connections as are needed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: deque[_Connection] = deque()

    async def call(
        self, request: Request, *, due: float | None = None, leave_s: float = LIMIT_S, leave_bytes: float = inf
    ) -> Outcome:
        """One call. It ends early after `leave_s`, or `leave_bytes` of the body: the connection is broken off.

        The latency counts from `due`, so that a client that is late does not flatter the server.
        """
        began = monotonic() if due is None else due
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(leave_s):
                connection = self._pooled() or await self._connect()
                await connection.exchange(request, leave_bytes)
        except TimeoutError:
            return self._broken(connection, request, began, "left")
        except OSError as error:
            return self._broken(connection, request, began, type(error).__name__)
        except asyncio.CancelledError:
            self._broken(connection, request, began, "cancelled")
            raise
        now = monotonic()
        outcome = connection.outcome(began, now, request.stream)
        if connection.keeps_open:
            self._idle.append(connection)
        else:
            connection.abort()
        return outcome

    async def get(self, path: str) -> bytes:
        """The body of a page.

        Raises:
            OSError: it could not be had.
        """
        outcome = await self.call(Request(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n\r\n".encode()))
        if outcome.status != 200:
            raise OSError(f"GET {path} was answered {outcome.status or outcome.what}")
        return outcome.body

    async def close(self) -> None:
        """Close the connections, and let the loop see it."""
        while self._idle:
            self._idle.pop().abort()
        await asyncio.sleep(0)

    def _pooled(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.keeps_open:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self.port)
        return connection

    def _broken(self, connection: _Connection | None, request: Request, began: float, what: str) -> Outcome:
        if connection is None:
            return Outcome(0, began, monotonic() - began, inf, {}, b"", what, request.stream)
        connection.abort()
        return Outcome(
            0, began, monotonic() - began, inf, connection.headers, bytes(connection.body), what, request.stream
        )


class _Connection(asyncio.Protocol):
    """One connection, one exchange at a time."""

    def __init__(self) -> None:
        self.keeps_open = True
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self._held = bytearray()
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    async def exchange(self, request: Request, leave_bytes: float) -> None:
        """Send a request and wait for the whole response.

        Raises:
            ConnectionError: it broke off.
            TimeoutError: `leave_bytes` of the body are here.
        """
        self._begin(leave_bytes)
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request.raw)
        await self._done

    def outcome(self, began: float, now: float, stream: bool) -> Outcome:
        return Outcome(
            self._status, began, now - began, self._first - began, self.headers, bytes(self.body), stream=stream
        )

    def abort(self) -> None:
        self.keeps_open = False
        self._done = None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._status and not self._take_head():
            return
        if self._first == inf and self._held:
            self._first = monotonic()
        if self._chunked:
            complete = self._take_chunks()
        else:
            self.body += self._held
            self._held.clear()
            complete = len(self.body) >= self._length
        if complete:
            self._finish(None)
        elif len(self.body) >= self._leave_bytes:
            self._finish(TimeoutError())

    def connection_lost(self, exc: Exception | None) -> None:
        self.keeps_open = False
        self._finish(ConnectionResetError("the connection was closed before the end of the response"))

    def _begin(self, leave_bytes: float) -> None:
        self._leave_bytes = leave_bytes
        self._status, self._length, self._chunked, self._first = 0, 0, False, inf
        self.headers = {}
        self.body = bytearray()
        self._held.clear()

    def _take_head(self) -> bool:
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = self._held[:end].decode("latin-1").split("\r\n")
        del self._held[: end + 4]
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._status = int(first.split(" ")[1])
        self._length = int(self.headers.get("content-length", "0"))
        self._chunked = self.headers.get("transfer-encoding") == "chunked"
        if self.headers.get("connection") == "close":
            self.keeps_open = False
        return True

    def _take_chunks(self) -> bool:
        """Move whole chunks to the body; whether the last one is here."""
        while True:
            line = self._held.find(b"\r\n")
            if line < 0:
                return False
            size = int(self._held[:line], 16)
            if len(self._held) < line + 2 + size + 2:
                return False
            self.body += self._held[line + 2 : line + 2 + size]
            del self._held[: line + 2 + size + 2]
            if size == 0:
                return True

    def _finish(self, error: BaseException | None) -> None:
        done, self._done = self._done, None
        if done is None or done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
