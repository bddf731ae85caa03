"""The pages by which people sign in and out: `/auth/login`, `/auth/callback`, `/auth/logout`."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec

from headgate.access import oidc
from headgate.access.config import SignInConfig
from headgate.access.keys import Failed
from headgate.access.oidc import PENDING_S, SignInError
from headgate.access.openid_provider import OpenIdProvider
from headgate.access.people import People
from headgate.access.sessions import Cookie, Sessions
from headgate.clock import Clock
from headgate.errors import (
    Forbidden,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Unauthenticated,
)
from headgate.storage.state import SharedState

PATHS = {"/auth/login": "GET", "/auth/callback": "GET", "/auth/logout": "POST"}
"""What there is, and how it is asked for."""

AT_ONCE = 32
"""Most browsers that are signed in at a time; each has us ask the provider."""

Headers = Mapping[bytes, bytes]

_FAILED = "You could not be signed in. Begin again at /auth/login."
_FORBIDDEN = "You have no role here. Ask whoever runs this gateway for one."
_KEPT_FROM = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Signed in</title>'
    '<meta http-equiv="refresh" content="0;url={place}"><p>Signed in. <a href="{place}">Go on</a></p></html>'
)
"""Not a redirect: a browser that comes back from the provider would follow it without the cookie, which is for requests
from this site alone.
"""


class Page(msgspec.Struct, frozen=True):
    """What a browser is answered."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""


class SignIn:
    """Signing in at one identity provider."""

    def __init__(
        self,
        config: SignInConfig,
        people: People,
        sessions: Sessions,
        shared: SharedState,
        clock: Clock,
        secret: bytes,
        failed: Failed | None = None,
    ) -> None:
        """`secret` is the same on all replicas: who begins at one may come back to another.

        Raises:
            ConfigError: `ca_file` cannot be used.
        """
        self._config = config
        self._people = people
        self._sessions = sessions
        self._shared = shared
        self._clock = clock
        self._sealer = oidc.Sealer(secret)
        self._failed = failed
        self._provider = OpenIdProvider(config, clock)
        self._cookie = Cookie("headgate_login", secure=config.redirect_uri.startswith("https:"), same_site="Lax")
        self._under_way = 0

    async def serve(self, method: str, path: str, query: str, headers: Headers, address: str) -> Page:
        """Answer a request below `/auth/`.

        Raises:
            NotFound, MethodNotAllowed: there is no such page.
            Unauthenticated, Forbidden, Overloaded: as `callback`.
        """
        if path == "/auth/login" and method == "GET":
            return await self.login(query)
        if path == "/auth/callback" and method == "GET":
            return await self.callback(query, headers, address)
        if path == "/auth/logout" and method == "POST":
            return await self.logout(headers)
        if path in PATHS:
            raise MethodNotAllowed(f"{path} takes {PATHS[path]}, not {method}.")
        raise NotFound(f"There is nothing at {path[:200]}.")

    async def login(self, query: str) -> Page:
        """`GET /auth/login?then=/place`: send the browser to the provider.

        Raises:
            Overloaded: the provider cannot be reached.
        """
        wanted = parse_qs(query[: oidc.MAX_QUERY_CHARACTERS]).get("then", ["/"])[0]
        endpoints = await self._provider.endpoints()
        url, pending = oidc.begin(self._config, endpoints, wanted, self._clock.now_us())
        cookie = self._cookie.set(self._sealer.seal(pending), PENDING_S)
        return Page(302, (*_KEPT_FROM, (b"location", url.encode()), (b"set-cookie", cookie.encode())))

    async def callback(self, query: str, headers: Headers, address: str) -> Page:
        """`GET /auth/callback`: the browser is back from the provider.

        Raises:
            Unauthenticated: it does not bring what it should.
            Forbidden: the provider vouches for somebody who has no role here.
            Overloaded: the provider cannot be reached, or too many sign in at once.
        """
        if self._under_way >= AT_ONCE:
            raise Overloaded("Too many people are signing in; try again.", retry_after_s=1)
        self._under_way += 1
        try:
            return await self._returned(query, headers, address)
        except SignInError as error:
            if self._failed is not None:
                self._failed(error.reason, address, "")
            if error.reason in ("login_roles", "login_archived"):
                raise Forbidden(_FORBIDDEN) from None
            raise Unauthenticated(_FAILED) from None
        finally:
            self._under_way -= 1

    async def logout(self, headers: Headers) -> Page:
        """`POST /auth/logout`: end the session, here and in the browser."""
        cookie = await self._sessions.end(headers)
        return Page(303, (*_KEPT_FROM, (b"location", b"/"), (b"set-cookie", cookie.encode())))

    async def close(self) -> None:
        await self._provider.close()

    async def _returned(self, query: str, headers: Headers, address: str) -> Page:
        pending = self._sealer.open(self._cookie.read(headers) or "")
        code = oidc.returned(query, pending, self._config.issuer, self._clock.now_us())
        used = f"login:{hashlib.sha256(pending.state.encode()).hexdigest()}"
        if await self._shared.get(used) is not None:
            raise SignInError("state")
        endpoints = await self._provider.endpoints()
        form, shown = oidc.exchange(self._config, endpoints, code, pending)
        claims = await self._provider.claims(form, shown)
        person = oidc.person(claims, self._config, pending.nonce, self._clock.now_us())
        if not await self._shared.replace(used, None, b"1", PENDING_S):
            raise SignInError("state")
        user = await self._people.signed_in(person, self._config.organisation, address)
        cookies = (await self._sessions.begin(user.id), self._cookie.clear())
        page = _PAGE.format(place=html.escape(pending.then)).encode()
        return Page(
            200,
            (
                *_KEPT_FROM,
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
                *((b"set-cookie", cookie.encode()) for cookie in cookies),
            ),
            page,
        )
