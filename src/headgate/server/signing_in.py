"""People at a browser: the pages by which they sign in, and who a session's cookie stands for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from headgate.access.people import People
from headgate.access.sessions import Sessions
from headgate.access.sign_in import SignIn
from headgate.gateway import Gateway
from headgate.server.answer import Send
from headgate.store import Store
from headgate.types import Identity

PREFIX = "/auth/"


class SigningIn:
    """Signing in at one server."""

    def __init__(self, sign_in: SignIn, sessions: Sessions) -> None:
        self._sign_in = sign_in
        self._sessions = sessions

    async def serve(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], send: Send, address: str) -> None:
        """Answer a request below `/auth/`.

        Raises:
            HeadgateError: there is no such page, or the browser does not bring what it should.
        """
        query = scope.get("query_string", b"").decode("latin-1")
        page = await self._sign_in.serve(scope["method"], scope["path"], query, headers, address)
        length = (b"content-length", b"%d" % len(page.body))
        await send({"type": "http.response.start", "status": page.status, "headers": [*page.headers, length]})
        await send({"type": "http.response.body", "body": page.body})

    async def identity(self, headers: Mapping[bytes, bytes]) -> Identity | None:
        """Who is signed in; None where nobody is."""
        return await self._sessions.identity(headers)

    def cookie(self, headers: Mapping[bytes, bytes]) -> str | None:
        """What the browser brings of a session."""
        return self._sessions.cookie(headers)

    async def end(self, headers: Mapping[bytes, bytes]) -> str:
        """End the session there is. Returns the `set-cookie` that has the browser forget it."""
        return await self._sessions.end(headers)

    async def close(self) -> None:
        await self._sign_in.close()


def signing_in(gateway: Gateway) -> SigningIn | None:
    """Signing in as the configuration has it; None where it has not.

    Raises:
        ConfigError: a file it names cannot be used.
    """
    config, services, store = gateway.config.access.sign_in, gateway.services, gateway.store
    if config is None or not isinstance(store, Store):
        return None
    secret = gateway.environ.get("HEADGATE_SECRET", "").encode() or os.urandom(32)
    people = People(store.database, store.directory, services.clock, store.audit.append)
    sessions = Sessions(services.shared, store.directory, services.clock, config)
    sign_in = SignIn(config, people, sessions, services.shared, services.clock, secret, failed=store.login_failed)
    return SigningIn(sign_in, sessions)
