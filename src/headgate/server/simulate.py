"""The simulator as a server of its own: `headgate simulate`."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

from headgate.providers.simulator import Simulator, load_script
from headgate.providers.simulator.response import Cut, Response, begin, body_of, never
from headgate.server.hangup import hang_up
from headgate.server.listening import listener, usable_port

log = logging.getLogger("headgate.server")

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 64 * 1024 * 1024
FLUSH_S = 0.02
"""Time for what was sent to get out before a connection is cut."""


class SimulatorApp:
    """The ASGI application around one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query: bytes = scope["query_string"]
        path: str = scope["path"] if not query else f"{scope['path']}?{query.decode('latin-1')}"
        response = self._simulator.respond(scope["method"], path, headers, body)
        if response.pieces is None and not response.wait_s and response.start == "answer":
            await send(_head(response, len(response.body)))
            await send({"type": "http.response.body", "body": response.body})
        else:
            await _play(response, scope, receive, send)


async def _play(response: Response, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Send a response that takes time, until it is out or the client has gone."""
    task = asyncio.create_task(_deliver(response, scope, send))
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.wait((task,))
    if not task.cancelled():
        task.result()


async def _deliver(response: Response, scope: dict[str, Any], send: Send) -> None:
    try:
        await begin(response)
        if response.pieces is None:
            await send(_head(response, len(response.body)))
            await send({"type": "http.response.body", "body": response.body})
            return
        await send(_head(response, None))
        async for piece in body_of(response):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except Cut:
        if response.start == "answer":
            await asyncio.sleep(FLUSH_S)
        hang_up(scope["client"], reset=response.start == "reset")
        await never()  # an application that returns would be answered for


def _head(response: Response, length: int | None) -> dict[str, Any]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


async def _read(receive: Receive) -> bytes | None:
    """A request's body; None where the client went away, or sent more than anyone may."""
    pieces: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        piece: bytes = message["body"]
        if not message.get("more_body"):
            return piece if not pieces else b"".join([*pieces, piece])
        pieces.append(piece)
        length += len(piece)
        if length > MAX_BODY_BYTES:
            return None


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8090,
    script: Path | None = None,
    seed: int = 0,
    latency: Literal["realistic", "none"] = "realistic",
) -> None:
    """Serve a simulator until SIGTERM or SIGINT. Port 0 is any free one; the log says which.

    Raises:
        ConfigError: the script cannot be used.
        OSError: the address is taken or not this machine's.
    """
    import uvloop

    simulator = Simulator(seed=seed, script=load_script(script) if script else None, latency=latency)
    uvloop.run(_serve(simulator, host, usable_port(host, port)))


async def _serve(simulator: Simulator, host: str, port: int) -> None:
    server = listener(SimulatorApp(simulator), host, port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    log.info("the simulator listens on http://%s:%d", host, port)
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.stop()
    await serving
