"""A server inside a process that does other things too, until it is told to stop."""

from __future__ import annotations

import asyncio

from headgate.gateway import Gateway
from headgate.server.app import App
from headgate.server.listening import listener

DRAIN_S = 2.0
"""How long calls under way may go on once it is told to stop."""

STOP_S = 2.0
"""How long connections without a call are given to close after that."""


class Embedded:
    """One gateway on one port of this process' event loop."""

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self._gateway = gateway
        self._app = App(gateway)
        self._server = listener(self._app, host, port)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen. The gateway has been opened before."""
        self._serving = asyncio.ensure_future(self._server.serve())

    async def stop(self) -> bool:
        """Take no more calls, end those under way, close what the gateway stands on. Whether all connections are
        closed: where not, the server's own thread waits for its clients for as long as the process lives.
        """
        if self._serving is None:
            return True
        self._gateway.leave()
        await self._gateway.drain(DRAIN_S)
        await self._app.abort()
        self._server.stop()
        await asyncio.wait([self._serving], timeout=STOP_S)
        return self._serving.done()
