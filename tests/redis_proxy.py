"""Between a client and its Redis: lets through what is said and, if told so, not what is answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Passes bytes on. While it is `mute` answers are lost, though Redis has done what it was told."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.mute = False
        self.answers = 0
        """Bytes of answers that were lost."""

    @property
    def url(self) -> str:
        assert self._server is not None
        host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self._target._replace(netloc=f":{self._target.password}@{host}").geturl()

    def cut(self) -> None:
        """End all connections."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target.hostname, self._target.port
        back, forth = await asyncio.open_connection(host, port)
        self._writers += (writer, forth)
        await asyncio.gather(self._pass(reader, forth, answers=False), self._pass(back, writer, answers=True))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if answers and self.mute:
                    self.answers += len(data)
                else:
                    writer.write(data)
        writer.close()


@contextlib.asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    proxy = await Proxy(url).start()
    try:
        yield proxy
    finally:
        await proxy.close()
