"""A vendor of a known capacity: so many workers, one queue, first come first served.

Run as a process: `python workers.py PORT WORKERS SERVICE_MS`. What a client waits for is dropped when it goes; what a
worker has begun is worked on to the end, whether or not anybody still waits for it.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

import uvloop

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there!"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}  # fmt: skip

JITTER = 0.2
"""Share of the service time by which it differs at most."""


class Workers:
    """Serves what comes, so many at a time."""

    def __init__(self, count: int, service_s: float) -> None:
        self._service_s = service_s
        self._idle = count
        self._queue: dict[Connection, None] = {}
        """In the order they came."""

    def take(self, connection: Connection) -> None:
        self._queue[connection] = None
        self._next()

    def drop(self, connection: Connection) -> None:
        self._queue.pop(connection, None)

    def _next(self) -> None:
        if not self._idle or not self._queue:
            return
        connection = next(iter(self._queue))
        del self._queue[connection]
        if not self._service_s:
            connection.answer()
            return
        self._idle -= 1
        service_s = self._service_s * random.uniform(1 - JITTER, 1 + JITTER)
        asyncio.get_running_loop().call_later(service_s, self._done, connection)

    def _done(self, connection: Connection) -> None:
        self._idle += 1
        connection.answer()
        self._next()


class Connection(asyncio.Protocol):
    """One client's connection, one request at a time."""

    def __init__(self, workers: Workers, answer: bytes) -> None:
        self._workers = workers
        self._answer = answer
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, separator, body = self._held.partition(b"\r\n\r\n")
        if not separator:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or 0):
            self._held = b""
            self._workers.take(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._workers.drop(self)

    def answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._answer)


def whole_answer() -> bytes:
    body = json.dumps(ANSWER).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def serve(port: int, workers: Workers) -> None:
    """Serve until the process is ended."""
    answer = whole_answer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(workers, answer), "127.0.0.1", port, backlog=8192)
    await server.serve_forever()


if __name__ == "__main__":
    port, count, service_ms = sys.argv[1:]
    uvloop.run(serve(int(port), Workers(int(count), float(service_ms) / 1000)))
