"""The simulator behind the transport port: no socket, but everything a socket can do to a client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from headgate.errors import ConnectionFailed, MalformedOutput
from headgate.providers.simulator.engine import Simulator
from headgate.providers.simulator.response import Cut, Response, begin, body_of
from headgate.providers.simulator.script import load_script
from headgate.providers.transport import HttpRequest, TransportOptions


class SimulatorTransport:
    """Answers requests in the process. Of the options it looks at the script alone: there is no network to reach."""

    def __init__(self, options: TransportOptions | None = None, simulator: Simulator | None = None) -> None:
        """Raises ConfigError where the script is none."""
        file = options.script if options is not None else None
        self.simulator = simulator or Simulator(script=None if file is None else load_script(Path(file)))

    async def send(self, request: HttpRequest) -> SimulatedResponse:
        """Answer a request.

        Raises:
            ConnectionFailed: a fault breaks the connection.
        """
        url = urlsplit(request.url)
        path = f"{url.path}?{url.query}" if url.query else url.path
        response = self.simulator.respond(request.method, path, dict(request.headers), request.body)
        try:
            await begin(response)
        except Cut:
            raise ConnectionFailed("the simulated connection was reset", may_be_billed=True) from None
        return SimulatedResponse(response)

    async def drain(self) -> None:
        """Nothing is held open."""

    async def close(self) -> None:
        """Nothing is held open."""


class SimulatedResponse:
    """A response whose body is written while it is read."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = dict(response.headers)
        self._response = response
        self._body: AsyncGenerator[bytes, None] | None = None

    async def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            MalformedOutput: it is longer than `limit` bytes.
            ConnectionFailed: a fault breaks the connection.
        """
        body = b"".join([piece async for piece in self.chunks()])
        if len(body) > limit:
            raise MalformedOutput(f"the simulated body is longer than {limit} bytes")
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece, each at its time.

        Raises:
            ConnectionFailed: a fault breaks the connection.
        """
        response = self._response
        if response.pieces is None:
            if response.body:
                yield response.body
            return
        self._body = body_of(response)
        try:
            async for piece in self._body:
                yield piece
        except Cut:
            raise ConnectionFailed("the simulated connection was cut") from None

    async def close(self) -> None:
        """Stop writing: what was not read counts as not delivered."""
        if self._body is not None:
            await self._body.aclose()
        row = self._response.row
        if row is not None and row.outcome == "open":
            row.leave()
