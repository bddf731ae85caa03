"""Streams that come at a model's pace: a mock vendor that sends a chunk every so often, and a client that times them.

The mock stamps each chunk with the time it was written; the client, on the same machine, subtracts.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array
from dataclasses import dataclass

import uvloop

from vendor import chunk, stream_end

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class _Vendor(asyncio.Protocol):
    """Answers each request with `count` chunks, `interval_s` apart."""

    def __init__(self, interval_s: float, count: int) -> None:
        self._interval_s = interval_s
        self._count = count
        self._template = chunk("@@@@@@@@@@@@@@@@@@@@")
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, separator, body = self._held.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if b"content-length" in line))
        if len(body) >= length:
            self._held = b""
            self._transport.write(HEAD)
            self._next = self._loop.time()
            self._sent = 0
            self._send()

    def _send(self) -> None:
        if self._transport.is_closing():
            return
        if self._sent == self._count:
            self._transport.write(_http_chunk(stream_end()) + b"0\r\n\r\n")
            return
        self._sent += 1
        stamp = b"%020d" % time.monotonic_ns()
        self._transport.write(_http_chunk(self._template.replace(b"@@@@@@@@@@@@@@@@@@@@", stamp)))
        self._next += self._interval_s
        self._loop.call_at(self._next, self._send)


class _Client(asyncio.Protocol):
    """Opens one stream after another and notes how late each chunk is."""

    def __init__(self, request: bytes, delays: array, finished: asyncio.Event) -> None:
        self._request = request
        self._delays = delays
        self._finished = finished

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        at = data.find(b'"content": "0')
        if at < 0:
            at = data.find(b'"content":"0') - 1
        if at >= 0:
            self._delays.append((now - int(data[at + 12 : at + 32])) / 1000)
        if data.endswith(b"0\r\n\r\n") or b"[DONE]" in data:
            self._finished.set()
            self._transport.write(self._request)


@dataclass(frozen=True)
class Delays:
    """How much later than written chunks arrived, in microseconds, and how many did."""

    chunks: int
    p50_us: float
    p99_us: float


async def vendor(port: int, interval_ms: float, count: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Vendor(interval_ms / 1000, count), "127.0.0.1", port, backlog=8192)
    await server.serve_forever()


async def client(port: int, streams: int, seconds: float, warm_s: float) -> Delays:
    """Keep `streams` streams open for a while; the first `warm_s` are not counted."""
    loop = asyncio.get_running_loop()
    body = json.dumps({
        "model": "paced", "messages": [{"role": "user", "content": "Hello " * 30}], "stream": True,
        "stream_options": {"include_usage": True},
    }).encode()  # fmt: skip
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (port, len(body), body)
    )
    delays, finished = array("d"), asyncio.Event()
    for _ in range(streams):
        await loop.create_connection(lambda: _Client(request, delays, finished), "127.0.0.1", port)
        await asyncio.sleep(0.001)
    await asyncio.sleep(warm_s)
    del delays[:]
    print("warm", flush=True)
    await asyncio.sleep(seconds)
    ordered = sorted(delays)
    print(json.dumps({
        "chunks": len(ordered), "p50_us": ordered[len(ordered) // 2], "p99_us": ordered[len(ordered) * 99 // 100],
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    role, *numbers = sys.argv[1:]
    if role == "vendor":
        uvloop.run(vendor(int(numbers[0]), float(numbers[1]), int(numbers[2])))
    else:
        uvloop.run(client(int(numbers[0]), int(numbers[1]), float(numbers[2]), float(numbers[3])))
