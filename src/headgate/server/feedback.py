"""`POST /v1/feedback`: what a user says of a call's answer."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.errors import MethodNotAllowed, NotFound
from headgate.gateway import Gateway
from headgate.quality.giving import FeedbackDesk
from headgate.quality.keeping import QualityKeeping
from headgate.server.answer import Send
from headgate.server.body import Bodies, Receive
from headgate.server.guard import Guard

PATHS = frozenset({"/v1/feedback", "/feedback"})

MAX_BODY_BYTES = 256 * 1024
"""Twice what two texts of the longest kind take."""

Headers = dict[bytes, bytes]


class FeedbackPage:
    """The page of one server."""

    def __init__(self, gateway: Gateway, guard: Guard) -> None:
        self._gateway = gateway
        self._guard = guard
        self._bodies = Bodies(MAX_BODY_BYTES, 64 * MAX_BODY_BYTES)
        quality = None if gateway.store is None else gateway.store.quality
        self._desk: FeedbackDesk | None = quality.desk if isinstance(quality, QualityKeeping) else None

    async def serve(self, scope: dict[str, Any], headers: Headers, receive: Receive, send: Send, address: str) -> None:
        """Take feedback.

        Raises:
            HeadgateError: it is not taken; says why.
        """
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['path']} takes POST, not {scope['method']}.")
        identity = self._gateway.authenticator.identify(headers, address)
        if self._desk is None:
            raise NotFound("There is nothing to keep feedback in: no database is configured (storage.database).")
        self._guard.check_body(headers, multipart=False)
        body = await self._bodies.read(receive, headers.get(b"content-length"))
        try:
            accepted = await self._desk.give(identity, body)
        finally:
            self._bodies.release(body)
        told = msgspec.json.encode(accepted)
        await send(
            {
                "type": "http.response.start",
                "status": 201,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(told)),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": told})
