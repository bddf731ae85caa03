"""Reading request bodies within two bounds: one for each, one for all that are held at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from headgate.errors import BadRequest, Overloaded, RequestTimeout
from headgate.server.guard import too_large
from headgate.timers import Watchdog

Receive = Callable[[], Awaitable[dict[str, Any]]]

READ_S = 30.0
"""Longest wait for the next piece of a body."""

WHOLE_S = 600.0
"""Longest time for a body of several pieces."""


class Bodies:
    """The bodies being read or worked on in one process."""

    def __init__(self, max_body_bytes: int, max_held_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._max_held_bytes = max_held_bytes
        self._held_bytes = 0

    async def read(self, receive: Receive, length: bytes | None = None) -> bytes:
        """A whole body. Its bytes count as held until `release`. `length` is what its header says, if it does: a body
        that is all there is not waited on for its end.

        Raises:
            PayloadTooLarge: it is longer than one may be.
            Overloaded: all that are held would be more than allowed.
            RequestTimeout: the client stopped sending, or sends too slowly.
            BadRequest: it broke off.
        """
        watchdog = Watchdog()
        watchdog.arm(monotonic() + READ_S)
        try:
            message = await receive()
        except asyncio.CancelledError:
            if watchdog.absorb():
                raise _stopped() from None
            raise
        finally:
            watchdog.close()
        if message["type"] == "http.request" and (
            not message.get("more_body") or b"%d" % len(message["body"]) == length
        ):
            body = message["body"]
            self._admit(len(body), len(body))
            return body
        return await self._read_pieces(message, receive)

    def release(self, body: bytes) -> None:
        """No longer hold a body that `read` gave."""
        self._held_bytes -= len(body)

    async def _read_pieces(self, message: dict[str, Any], receive: Receive) -> bytes:
        pieces: list[bytes] = []
        length = 0
        until = monotonic() + WHOLE_S
        watchdog = Watchdog()
        try:
            while True:
                if message["type"] != "http.request":
                    raise BadRequest("The body broke off before its end.")
                piece = message["body"]
                self._admit(len(piece), length + len(piece))
                length += len(piece)
                pieces.append(piece)
                if not message.get("more_body"):
                    return b"".join(pieces)
                watchdog.arm(min(monotonic() + READ_S, until))
                message = await receive()
                watchdog.disarm()
        except BaseException as error:
            self._held_bytes -= length
            if isinstance(error, asyncio.CancelledError) and watchdog.absorb():
                raise _stopped() from None
            raise
        finally:
            watchdog.close()

    def _admit(self, more: int, length: int) -> None:
        if length > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        if self._held_bytes + more > self._max_held_bytes:
            raise Overloaded("Too many large requests at a time; try again.", retry_after_s=1)
        self._held_bytes += more


def _stopped() -> RequestTimeout:
    return RequestTimeout(f"No more of the body came for {READ_S:g} s, or not all of it within {WHOLE_S:g} s.")
