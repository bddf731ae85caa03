"""`/usage`: what somebody used, told to nobody but him. One page without scripts or anything from elsewhere.

A browser shows its key by a form, or is signed in; a program shows it as ever, and is told in JSON if it asks for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from headgate.access import allows
from headgate.administration.own_usage import OwnUsage
from headgate.errors import MethodNotAllowed, NotFound, Unauthenticated
from headgate.gateway import Gateway
from headgate.server.answer import Send
from headgate.server.body import Bodies, Receive
from headgate.server.signing_in import SigningIn
from headgate.server.usage_html import PATH, asking, telling
from headgate.store import Store
from headgate.types import Identity

MAX_FORM_BYTES = 8192

Headers = dict[bytes, bytes]

_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _POLICY),
    (
        b"referrer-policy",
        b"same-origin",
    ),  # under no-referrer a browser sends its form with "Origin: null", which is refused
    (b"x-content-type-options", b"nosniff"),
)


class UsagePage:
    """The page of one server."""

    def __init__(self, gateway: Gateway, sign_in: SigningIn | None) -> None:
        self._gateway = gateway
        self._sign_in = sign_in
        self._bodies = Bodies(MAX_FORM_BYTES, 64 * MAX_FORM_BYTES)
        store, services = gateway.store, gateway.services
        self._usage = (
            OwnUsage(store.database, services.rules, services.clock, store.caught_up)
            if isinstance(store, Store)
            else None
        )

    async def serve(self, scope: dict[str, Any], headers: Headers, receive: Receive, send: Send, address: str) -> None:
        """Answer a request for the page.

        Raises:
            NotFound: nothing is kept here.
            Unauthenticated: a program showed no valid key.
        """
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise MethodNotAllowed(f"{PATH} takes GET or POST, not {scope['method']}.")
        if self._usage is None:
            raise NotFound("There is no usage to show: no database is configured (storage.database).")
        wants_json = headers.get(b"accept", b"").startswith(b"application/json")
        shown = headers if scope["method"] != "POST" else {**headers, **await self._form(receive, headers)}
        try:
            identity = await self._identity(shown, address)
        except Unauthenticated as error:
            if wants_json:
                raise
            tried = scope["method"] == "POST"
            page = asking(error.message if tried else "", signing_in=self._sign_in is not None)
            await _send(send, scope, 401 if tried else 200, b"text/html; charset=utf-8", page.encode())
            return
        view = await self._usage.of(identity)
        names = self._models(identity.models)
        if wants_json:
            body = msgspec.json.encode({**msgspec.to_builtins(view), "models": names})
            await _send(send, scope, 200, b"application/json", body)
        else:
            await _send(send, scope, 200, b"text/html; charset=utf-8", telling(view, names).encode())

    def _models(self, allowed: Sequence[str] | None) -> list[str]:
        """What may be asked for: names, patterns, and what an allowance narrows a pattern down to."""
        patterns = self._gateway.model_patterns()
        names = [name for name in (*self._gateway.model_names(), *patterns) if allows(allowed, name)]
        return [*names, *(name for name in allowed or () if name not in names and allows(patterns, name))]

    async def _form(self, receive: Receive, headers: Headers) -> Headers:
        """The key that a form brings, as a header would."""
        body = await self._bodies.read(receive, headers.get(b"content-length"))
        self._bodies.release(body)
        key = parse_qs(body.decode("latin-1")).get("key", [""])[0].strip()
        return {b"x-headgate-key": key.encode("utf-8")}

    async def _identity(self, headers: Headers, address: str) -> Identity:
        has_key = any(headers.get(name) for name in (b"x-headgate-key", b"authorization", b"x-api-key"))
        if self._sign_in is not None and not has_key:
            person = await self._sign_in.identity(headers)
            if person is not None:
                return person
        if not has_key and self._gateway.config.server.auth != "none":
            raise Unauthenticated("Show your key.")
        return self._gateway.authenticator.identify(headers, address)


async def _send(send: Send, scope: dict[str, Any], status: int, content_type: bytes, body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", content_type), length, *_HEADERS],
        }
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
