"""The dashboard over HTTP: who is signed in, whose form it is, files, pages, and calls as they come.

Pages refer to nothing elsewhere, run no script that is not a file of this server's, and are kept nowhere. A form is
taken with the token of its session only; over a session of `auth: none` nothing can be changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qs, quote

from headgate.access import allows
from headgate.access.key_sessions import KeySessions
from headgate.access.keys import INVALID
from headgate.administration import Administration
from headgate.dashboard.assets import PREFIX as ASSETS
from headgate.dashboard.assets import read as read_asset
from headgate.dashboard.looking import House, Shown, Targets, Viewer
from headgate.errors import (
    BadRequest,
    Forbidden,
    HeadgateError,
    InternalError,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Unauthenticated,
    UnsupportedMediaType,
)
from headgate.gateway import Gateway
from headgate.server.answer import Send
from headgate.server.body import Bodies, Receive
from headgate.server.figures import gauges, targets_now
from headgate.server.fleet.member import Member
from headgate.server.following import Following
from headgate.server.signing_in import SigningIn
from headgate.storage.records import Entity, Key, Project, Team, User
from headgate.store import Store
from headgate.types import ANONYMOUS, Identity

log = logging.getLogger("headgate.server")

Headers = dict[bytes, bytes]

PREFIX = "/dashboard/"
ASKED = "/dashboard/v1/chat/completions"
"""Where the playground's calls go."""
SIGN_IN, SIGN_OUT = "/dashboard/sign-in", "/dashboard/sign-out"
FOLLOWED = ("/dashboard/calls/live", "/dashboard/alerts/live")
"""Where pages are told what is new."""

PAUSE_S = 0.02
"""Between templates that are loaded."""

MAX_FORM_BYTES = 64 * 1024

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_KEPT_NOWHERE = (b"cache-control", b"no-store")


class Dashboard:
    """The dashboard of one server."""

    def __init__(
        self,
        gateway: Gateway,
        administration: Administration | None,
        sign_in: SigningIn | None,
        fleet: Member | None = None,
    ) -> None:
        """`fleet` knows how targets are doing for all workers, where there are several."""
        self._gateway = gateway
        self._fleet = fleet
        self._sign_in = sign_in
        self._sessions = KeySessions(
            gateway.services.shared,
            gateway.services.clock,
            lambda digest, address: gateway.authenticator.known(digest, address),
        )
        self._bodies = Bodies(MAX_FORM_BYTES, 64 * MAX_FORM_BYTES)
        self._house = House(
            administration=administration,
            config=lambda: gateway.config,
            targets=self._targets,
            models=self._models,
            named=self._named,
            organisation_of=self._organisation_of,
            user_of=self._user_of,
            now_us=gateway.services.clock.now_us,
            ready=self._why_not_ready,
            signs_in=sign_in is not None,
        )
        self._made: Any = None
        self._following = Following()

    @property
    def _board(self) -> Any:
        if self._made is None:
            from headgate.dashboard.board import Board  # templates are for who looks, not for who calls

            self._made = Board(self._house)
        return self._made

    @staticmethod
    def serves(scope: Mapping[str, Any], headers: Headers) -> bool:
        """Whether a request is for the dashboard: `/` is that for browsers, and where something is asked of it."""
        if scope["path"] != "/":
            return scope["path"].startswith(PREFIX)
        return b"text/html" in headers.get(b"accept", b"") or scope["query_string"] != b""

    async def serve(
        self, scope: Mapping[str, Any], headers: Headers, receive: Receive, send: Send, address: str
    ) -> None:
        """Answer a request. Host and Origin have been looked at. Errors are pages too."""
        path, method = scope["path"], scope["method"]
        viewer: Viewer | None = None
        try:
            if path.startswith(ASSETS):
                await self._asset(scope, headers, send)
                return
            if path == SIGN_IN:
                shown = await self._signing_in(scope, headers, receive, address)
            else:
                viewer = await self._viewer(headers, address)
                if path == SIGN_OUT:
                    shown = await self._signing_out(method, headers, receive, viewer)
                elif viewer is None:
                    shown = _to_sign_in(scope, headers)
                elif path in FOLLOWED:
                    await self._follow(scope, headers, viewer, receive, send, address)
                    return
                else:
                    shown = await self._page(scope, headers, receive, viewer)
        except HeadgateError as error:
            if error.status >= 500:
                log.warning("%s %s: %s", method, path[:200], error.message)
            shown = self._board.problem(error, viewer)
        except Exception as error:  # the last resort of a request: a defect costs no more than this one
            log.exception("%s failed", path[:200])
            shown = self._board.problem(InternalError(f"{type(error).__name__}: {error}"), viewer)
        await _send(send, method, shown)

    async def caller(self, headers: Headers, address: str) -> Identity:
        """Whose rights a call of the playground has.

        Raises:
            Unauthenticated: nobody is signed in.
            Forbidden: it does not bring its session's token.
        """
        viewer = await self._viewer(headers, address)
        if viewer is None:
            raise Unauthenticated("Nobody is signed in here. Begin at /dashboard/sign-in.")
        _check_token(viewer, headers.get(b"x-headgate-csrf", b"").decode("latin-1"))
        return viewer.identity

    async def load(self) -> None:
        """Make ready what pages are made with, in small pieces beside the calls there are: the first page after a start
        need not wait for it, nor what is called first.
        """
        board = await asyncio.to_thread(lambda: self._board)
        for template in board.templates():
            await asyncio.to_thread(board.load, template)
            await asyncio.sleep(PAUSE_S)

    def close(self) -> None:
        """End what is followed."""
        self._following.close()

    # ── who ──

    async def _viewer(self, headers: Headers, address: str) -> Viewer | None:
        """Who looks; None where that is nobody yet."""
        if self._gateway.config.server.auth == "none":
            return Viewer(
                identity=ANONYMOUS,
                name="anybody on this machine",
                scopes=ANONYMOUS.scopes | {"metrics"},  # as /metrics and /targets have it
                csrf=_token("anonymous"),
                signed_in=False,
                address=address,
            )
        identity = await self._sessions.identity(headers, address)
        cookie = self._sessions.cookie(headers)
        if identity is None and self._sign_in is not None:
            identity, cookie = await self._sign_in.identity(headers), self._sign_in.cookie(headers)
        if identity is None or cookie is None:
            return None
        return Viewer(
            identity=identity,
            name=self._name_of(identity),
            scopes=identity.scopes,
            csrf=_token(cookie),
            address=address or None,
        )

    def _name_of(self, identity: Identity) -> str:
        if identity.key_id.startswith("user:") and identity.user_id is not None:
            return self._named("user", identity.user_id)
        return self._named("key", identity.key_id)

    def _named(self, kind: str, id: str) -> str:
        row: Any = self._row(kind, id)
        return id if row is None else str(row.name)

    def _organisation_of(self, kind: str, id: str) -> str | None:
        row = self._row(kind, id)
        return None if row is None else row.organisation

    def _user_of(self, key_id: str) -> str | None:
        row = self._row("key", key_id)
        return row.user_id if isinstance(row, Key) else None

    def _row(self, kind: str, id: str) -> Entity | None:
        kinds: dict[str, type[Entity]] = {"key": Key, "team": Team, "project": Project, "user": User}
        store = self._gateway.store
        return store.directory.get(kinds[kind], id) if isinstance(store, Store) and kind in kinds else None

    # ── the house ──

    def _models(self, allowed: Any) -> list[str]:
        names = self._gateway.model_names()
        return [name for name in names if allows(allowed, name)]

    async def _targets(self) -> Targets:
        own = self._gateway.targets()
        of: Literal["server", "workers", "worker"] = "server"
        found = {each.name: each.values for each in gauges(own)}
        if self._fleet is not None:
            try:
                snapshot = await self._fleet.total()
            except Overloaded:
                of = "worker"
            else:
                of, found = "workers", {each.name: dict(each.values) for each in snapshot}
        return Targets(found=targets_now(found, own), of=of)

    def _why_not_ready(self) -> str:
        if not self._gateway.ready:
            return "The gateway is starting or stopping."
        return "" if self._gateway.records_calls else "The journal cannot be written: free its disk, or see the log."

    # ── signing in and out ──

    async def _signing_in(self, scope: Mapping[str, Any], headers: Headers, receive: Receive, address: str) -> Shown:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["method"] in ("GET", "HEAD"):
            return self._board.signing_in(_then(query.get("then", ["/"])[0]))
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{SIGN_IN} takes GET or POST, not {scope['method']}.")
        _check_from_here(headers)
        form = await self._form(headers, receive)
        then = _then(next(iter(form.get("then", [])), "/"))
        key = next(iter(form.get("key", [])), "").strip().encode()
        secure = headers.get(b"origin", b"").startswith(b"https:")
        try:
            if not key:
                raise Unauthenticated("Write your key.")
            cookie = await self._sessions.begin(key, address, secure=secure)
        except Unauthenticated as error:
            told = "That key is not valid." if error.message == INVALID else error.message
            return self._board.signing_in(then, told)
        return Shown(body=b"", status=303, headers=((b"location", then.encode()), (b"set-cookie", cookie.encode())))

    async def _signing_out(self, method: str, headers: Headers, receive: Receive, viewer: Viewer | None) -> Shown:
        if method != "POST":
            raise MethodNotAllowed(f"{SIGN_OUT} takes POST, not {method}.")
        if viewer is not None:
            await self._checked_form(headers, receive, viewer)
        cookies = await self._sessions.end(headers)
        if self._sign_in is not None:
            cookies.append(await self._sign_in.end(headers))
        place = (b"location", SIGN_IN.encode())
        return Shown(body=b"", status=303, headers=(place, *((b"set-cookie", each.encode()) for each in cookies)))

    # ── pages ──

    async def _page(self, scope: Mapping[str, Any], headers: Headers, receive: Receive, viewer: Viewer) -> Shown:
        method, path = scope["method"], scope["path"]
        if method == "POST":
            form = await self._checked_form(headers, receive, viewer)
            return await self._board.page("POST", path, scope["query_string"], viewer, form)
        return await self._board.page("GET" if method == "HEAD" else method, path, scope["query_string"], viewer)

    async def _checked_form(self, headers: Headers, receive: Receive, viewer: Viewer) -> Mapping[str, list[str]]:
        """A form of this session's own pages.

        Raises:
            Forbidden: it is not.
        """
        _check_from_here(headers)
        form = await self._form(headers, receive)
        _check_token(viewer, next(iter(form.get("csrf", [])), ""))
        return form

    async def _form(self, headers: Headers, receive: Receive) -> dict[str, list[str]]:
        if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/x-www-form-urlencoded":
            raise UnsupportedMediaType("The content-type must be application/x-www-form-urlencoded.")
        body = await self._bodies.read(receive, headers.get(b"content-length"))
        self._bodies.release(body)
        try:
            return parse_qs(body.decode("ascii"), errors="strict", max_num_fields=100)
        except ValueError:
            raise BadRequest("The form is malformed, or is not UTF-8.") from None

    async def _asset(self, scope: Mapping[str, Any], headers: Headers, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"Files are only read, not {scope['method']}.")
        found = read_asset(scope["path"].removeprefix(ASSETS))
        if found is None:
            raise NotFound("There is no such file.")
        named = scope["query_string"].decode("latin-1") == found.version
        kept = b"public, max-age=31536000, immutable" if named else b"no-cache"
        etag = f'"{found.version}"'.encode()
        same = headers.get(b"if-none-match") == etag
        await send(
            {
                "type": "http.response.start",
                "status": 304 if same else 200,
                "headers": [
                    (b"content-type", found.content_type.encode()),
                    (b"cache-control", kept),
                    (b"etag", etag),
                    *_HEADERS,
                    *([] if same else [(b"content-length", b"%d" % len(found.body))]),
                ],
            }
        )
        await send({"type": "http.response.body", "body": b"" if same or scope["method"] == "HEAD" else found.body})

    # ── as it comes ──

    async def _follow(
        self, scope: Mapping[str, Any], headers: Headers, viewer: Viewer, receive: Receive, send: Send, address: str
    ) -> None:
        """Tell what is new of a page until the browser goes, or may no longer be told.

        Raises:
            Forbidden, Invalid: they may not be told, or the filters make no sense.
            Overloaded: too many follow.
        """
        path = scope["path"]
        if scope["method"] != "GET":
            raise MethodNotAllowed(f"{path} takes GET, not {scope['method']}.")
        told = self._board.following(path, scope["query_string"], viewer)

        async def still() -> bool:
            now = await self._viewer(headers, address)
            return now is not None and now.may(told.scope)  # the key has been revoked, or its roles are others now

        await self._following.serve(told.pieces, still, [_KEPT_NOWHERE, *_HEADERS], receive, send)


async def _send(send: Send, method: str, shown: Shown) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": shown.status,
            "headers": [
                (b"content-type", shown.content_type.encode()),
                (b"content-length", b"%d" % len(shown.body)),
                _KEPT_NOWHERE,
                *_HEADERS,
                *shown.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else shown.body})


def _to_sign_in(scope: Mapping[str, Any], headers: Headers) -> Shown:
    """A browser is asked who is there, and comes back to where it was."""
    if scope["method"] not in ("GET", "HEAD") or scope["path"] in FOLLOWED:
        raise Unauthenticated("Nobody is signed in here. Begin at /dashboard/sign-in.")
    query = scope["query_string"].decode("latin-1")
    then = scope["path"] + (f"?{query}" if query else "")
    place = f"{SIGN_IN}?then={quote(then, safe='/')}" if then != "/" else SIGN_IN
    if b"hx-request" in headers:
        return Shown(body=b"", status=200, headers=((b"hx-redirect", place.encode()),))
    return Shown(body=b"", status=303, headers=((b"location", place.encode()),))


def _then(place: str) -> str:
    """A place of this server to go on to; its first page in place of any other."""
    plain = place.startswith("/") and not place.startswith(("//", "/\\")) and place.isascii() and place.isprintable()
    return place if plain and len(place) < 2000 and "\\" not in place else "/"


def _token(cookie: str) -> str:
    """What a form of a session brings: nobody can make it who does not have the cookie."""
    return hashlib.sha256(f"headgate form {cookie}".encode()).hexdigest()


def _check_token(viewer: Viewer, told: str) -> None:
    if not hmac.compare_digest(told.encode(), viewer.csrf.encode()):
        raise Forbidden("This is not from a page of your session. Load the page anew and try again.")


def _check_from_here(headers: Headers) -> None:
    """Refuse a form that no page of this server has sent: a browser says where it is from (Fetch, section 3.2)."""
    if b"origin" not in headers and headers.get(b"sec-fetch-site") != b"same-origin":
        raise Forbidden("A form has to say where it is from, as browsers do.")
