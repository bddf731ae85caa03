"""Headgate on a real socket, in the test's own process, so that a test can also look at its ledger."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from headgate.config import loads
from headgate.gateway import Gateway
from headgate.ledger.queries import Filters, LedgerQueries
from headgate.server.app import App
from headgate.server.listening import listener
from headgate.storage.records import LedgerRow
from upstream import unused_port


class Serving:
    """A server from the text of a `headgate.yaml`, its `server` section excepted."""

    def __init__(self, config: str, environ: dict[str, str] | None = None, server: str = "") -> None:
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environ = environ or {}
        self._server_section = server or "auth: none"
        self.gateway = Gateway(self.config(config), environ=self._environ)
        self.ids = self.gateway._services.ids

    def config(self, text: str) -> Any:
        """A configuration for this server's port."""
        server = f"server: {{host: 127.0.0.1, port: {self.port}, {self._server_section}}}\n"
        return loads(server + text, "headgate.yaml", self._environ)

    async def __aenter__(self) -> Self:
        await self.gateway.open()
        self.app = App(self.gateway)
        self._server = listener(self.app, "127.0.0.1", self.port)
        self._task = asyncio.create_task(self._server.serve())
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.005)
            else:
                writer.close()
                return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop()
        await self._task

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        begun: asyncio.Event | None = None,
    ) -> Response:
        """One request on a connection of its own; `begun` is set when the first byte of a stream is in."""
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        lines = {
            "host": f"127.0.0.1:{self.port}",
            "content-type": "application/json",
            "content-length": str(len(data)),
            "connection": "close",
            **(headers or {}),
        }
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v) + "\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 26)
        try:
            writer.write(head.encode("latin-1") + data)
            return await Response.read(reader, method, begun)
        finally:
            writer.close()

    async def post(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None, begun: asyncio.Event | None = None
    ) -> Response:
        return await self.request("POST", path, body, headers, begun=begun)

    async def rows(self, response: Response) -> list[LedgerRow]:
        """What the ledger has of a call, in memory or in a database."""
        call_id, store = response.headers["x-headgate-request-id"], self.gateway.store
        if store is None:
            return list(self.gateway.ledger.rows(call_id))
        await store.caught_up()
        return [row async for row in LedgerQueries(store.database).every(Filters(call_id=call_id))]


class Response:
    """A response read to its end."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @classmethod
    async def read(cls, reader: asyncio.StreamReader, method: str, begun: asyncio.Event | None) -> Response:
        raw = await reader.readuntil(b"\r\n\r\n")
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in lines):
            many = name.lower() == "set-cookie" and "set-cookie" in headers
            headers[name.lower()] = f"{headers['set-cookie']}\n{value.strip()}" if many else value.strip()
        status = int(first.split(" ")[1])
        if method == "HEAD":
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = await _chunks(reader, begun)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        return cls(status, headers, body)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, str]]:
        """Server-sent events as (name, data), comments left out."""
        events: list[tuple[str, str]] = []
        for block in self.body.decode().split("\n\n"):
            name, data = "", []
            for line in block.split("\n"):
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data.append(line[6:])
            if data:
                events.append((name, "\n".join(data)))
        return events

    @property
    def summary(self) -> dict[str, Any]:
        """The last comment of a stream."""
        comments = [line for line in self.body.decode().split("\n") if line.startswith(": headgate ")]
        return json.loads(comments[-1].removeprefix(": headgate "))


async def _chunks(reader: asyncio.StreamReader, begun: asyncio.Event | None) -> bytes:
    body = b""
    while True:
        size = int((await reader.readline()).strip() or b"0", 16)
        body += await reader.readexactly(size)
        await reader.readline()
        if begun is not None:
            begun.set()
        if size == 0:
            return body
