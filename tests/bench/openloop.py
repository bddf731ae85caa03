"""Open-loop load: calls begin on a fixed schedule, whether or not earlier ones have been answered.

A call's latency counts from when it was due, so a gateway that falls behind cannot hide it (coordinated omission).
"""

from __future__ import annotations

import asyncio
import json
import sys
from array import array
from collections import deque
from time import monotonic

import uvloop


class _Connection(asyncio.Protocol):
    def __init__(self, idle: deque[_Connection], latencies: array) -> None:
        self._idle = idle
        self._latencies = latencies
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._idle.append(self)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held = self._held + data if self._held else data
        head, separator, body = self._held.partition(b"\r\n\r\n")
        if not separator:
            return
        at = head.lower().find(b"content-length:")
        if len(body) < int(head[at + 15 :].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"a call failed: {self._held[:300]!r}")
        self._held = b""
        self._latencies.append(monotonic() - self._due)
        self._idle.append(self)


async def run(port: int, path: str, body: bytes, rate: float, seconds: float, connections: int) -> None:
    """Send `rate` calls a second and print the latency's quantiles in ms as JSON."""
    loop = asyncio.get_running_loop()
    idle: deque[_Connection] = deque()
    latencies = array("d")
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(idle, latencies), "127.0.0.1", port)
    request = (
        b"POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (path.encode(), port, len(body), body)
    )
    start = monotonic() + 0.1
    missed = 0
    warm = int(rate)
    for number in range(int(rate * seconds) + warm):
        due = start + number / rate
        while monotonic() < due:
            await asyncio.sleep(max(0, due - monotonic() - 0.0002))
        if idle:
            idle.popleft().send(request, due)
        else:
            missed += 1
    await asyncio.sleep(0.5)
    ordered = sorted(latencies[warm:])
    quantiles = {f"p{p}_ms": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] * 1000 for p in (50, 95, 99)}
    print(json.dumps({"calls": len(ordered), "missed": missed, **quantiles}))


if __name__ == "__main__":
    port, path, file, rate, seconds, connections = sys.argv[1:]
    with open(file, "rb") as body:
        uvloop.run(run(int(port), path, body.read(), float(rate), float(seconds), int(connections)))
