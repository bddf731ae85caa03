"""Browsers that follow what happens, by server-sent events (HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress

from headgate.errors import HeadgateError, Overloaded
from headgate.server.answer import SEND_S, Send
from headgate.server.body import Receive

log = logging.getLogger("headgate.server")

MOST = 20
"""Most browsers that follow at a time, in one process."""

LASTS_S = 900.0
"""Longest time one follows without asking anew: a browser does so by itself."""

EVERY_S = 1.0

SILENT_S = 15.0
"""Time after which a comment is sent, so that nothing between cuts the connection."""

Pieces = AsyncGenerator[Sequence[bytes]]
"""Gives the events that are new, each time it is asked."""


class Following:
    """Those of one process."""

    def __init__(self) -> None:
        self._gone: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Let all of them go."""
        self._closing.set()
        for task in self._gone:
            task.cancel()

    async def serve(
        self,
        pieces: Pieces,
        still: Callable[[], Awaitable[bool]],
        headers: Sequence[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
    ) -> None:
        """Tell what is new until the browser goes, or is not `still` one that may be told.

        Raises:
            HeadgateError: there is nothing to be told of, which `pieces` says when it is first asked.
            Overloaded: too many follow.
        """
        if len(self._gone) >= MOST:
            raise Overloaded("Too many follow; try again.", retry_after_s=10)
        gone = asyncio.ensure_future(_gone(receive))
        self._gone.add(gone)
        try:
            async with aclosing(pieces):
                first = await anext(pieces)
                kind = (b"content-type", b"text/event-stream; charset=utf-8")
                await send({"type": "http.response.start", "status": 200, "headers": [kind, *headers]})
                await self._tell(b"".join(first), pieces, still, gone, send)
        finally:
            self._gone.discard(gone)
            gone.cancel()
        with suppress(TimeoutError):  # from who reads nothing any more
            await _piece(send, b"", more=False)

    async def _tell(
        self, first: bytes, pieces: Pieces, still: Callable[[], Awaitable[bool]], gone: asyncio.Task[None], send: Send
    ) -> None:
        loop = asyncio.get_running_loop()
        told = loop.time()
        until = told + LASTS_S
        try:
            await _piece(send, b": follows\n\n" + first)
            while not self._closing.is_set() and loop.time() < until:
                await asyncio.wait([gone], timeout=EVERY_S)
                if gone.done() or not await still():
                    return
                new = b"".join(await anext(pieces))
                if new or loop.time() - told > SILENT_S:
                    told = loop.time()
                    await _piece(send, new or b": \n\n")
        except (TimeoutError, HeadgateError) as error:
            log.debug("no longer followed: %s", error)


async def _gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":  # noqa: ASYNC110 - the end of an empty body may come first
        await asyncio.sleep(0.05)


async def _piece(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})
