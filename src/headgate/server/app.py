"""The ASGI application: `/v1/*` straight to the gateway, everything else to small pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from time import monotonic
from typing import Any

from headgate.access import ClientAddress, join_forwarded
from headgate.access.keys import presented_key
from headgate.errors import (
    BudgetExceeded,
    Cancelled,
    ContentFiltered,
    Forbidden,
    HeadgateError,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    Overloaded,
    RateLimited,
    UpgradeRequired,
)
from headgate.gateway import Gateway
from headgate.ids import request_id
from headgate.server.admin.making import admin_of, administration_of
from headgate.server.answer import Answer, Send, unexpected
from headgate.server.body import Bodies, Receive
from headgate.server.dashboard import ASKED, Dashboard
from headgate.server.feedback import PATHS as FEEDBACK
from headgate.server.feedback import FeedbackPage
from headgate.server.figures import Figures
from headgate.server.fleet.member import Member
from headgate.server.guard import Guard, check_repeated
from headgate.server.lag import Lag
from headgate.server.litellm import LitellmAnswer
from headgate.server.pages import Pages
from headgate.server.prompts import PromptPages, running
from headgate.server.prompts import serves as serves_prompt
from headgate.server.requests import call_of
from headgate.server.routes import RUN_PROMPT, Endpoint, error_dialect, find
from headgate.server.signing_in import PREFIX as SIGNING_IN
from headgate.server.signing_in import signing_in
from headgate.server.testing import testing
from headgate.server.usage_html import PATH as USAGE
from headgate.server.usage_page import UsagePage
from headgate.telemetry.logs.context import about
from headgate.timers import sweeper_of_loop
from headgate.types import Identity

log = logging.getLogger("headgate.server")


OPEN = frozenset({"/healthz", "/readyz"})
"""Pages for probes, which come by address and have no key."""


class App:
    """One server process over one gateway."""

    def __init__(self, gateway: Gateway, fleet: Member | None = None) -> None:
        """`fleet` is what this process and other workers of its server tell their figures."""
        server = gateway.config.server
        self._gateway = gateway
        self._guard = Guard([server.host, *server.hosts], server.max_body_mb * 1024 * 1024)
        self._bodies = Bodies(server.max_body_mb * 1024 * 1024, server.max_inflight_mb * 1024 * 1024)
        self._lag = Lag()
        administration = administration_of(gateway.services, lambda: gateway.config, gateway.environ)
        self.testing = testing(gateway, administration, self._lag)
        """What runs tests that are published; None where nothing is kept."""
        self.figures = Figures(gateway, self._lag, self.testing)
        """All metrics of this process."""
        self._pages = Pages(gateway, self.figures, fleet)
        self._admin = admin_of(gateway.services, administration)
        self._sign_in = signing_in(gateway)
        self._usage = UsagePage(gateway, self._sign_in)
        self._feedback = FeedbackPage(gateway, self._guard)
        self._prompts = PromptPages(gateway, self._guard, self._bodies)
        self._dashboard = Dashboard(gateway, administration, self._sign_in, fleet)
        self._client = ClientAddress(server.trusted_proxies)
        self._networks = gateway.store.networks if gateway.store is not None else None
        self._answer = LitellmAnswer if server.litellm_headers else Answer
        self._keepalive_s = server.keepalive_s
        self._streams: set[Answer] = set()
        self._calls: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._keeper: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._retesting: asyncio.Task[None] | None = None
        self._closing: asyncio.Future[None] | None = None

    def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self._lifespan(receive, send)
        return self._http(scope, receive, send)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path: str = scope["path"]
        endpoint = find(path) if path != ASKED else find(ASKED.removeprefix("/dashboard"))
        answer = self._answer(endpoint or _nowhere(path), request_id(), send)
        about.set((answer.id, headers.get(b"traceparent")))
        try:
            if len(headers) != len(scope["headers"]):
                check_repeated(scope["headers"])
                join_forwarded(headers, scope["headers"])
            if path in OPEN:
                await self._pages.serve(scope, headers, self._address(scope, headers), send)
                return
            self._guard.check_origin(headers)
            if endpoint is None:
                await self._other(scope, headers, receive, send)
            elif b"upgrade" in headers:
                raise UpgradeRequired("There is no WebSocket here; send HTTP requests.")
            elif scope["method"] not in endpoint.methods:
                raise MethodNotAllowed(f"{path} takes {' or '.join(endpoint.methods)}, not {scope['method']}.")
            elif self._lag.overloaded and self._lag.is_late():
                self._gateway.metrics.shed["loop"] += 1
                raise Overloaded("This gateway has more to do than it can; try again.", retry_after_s=1)
            else:
                await self._call(scope, headers, receive, endpoint, answer)
        except Cancelled:
            return  # nobody is there to be told
        except HeadgateError as error:
            if not answer.called:
                self._gateway.metrics.refused(error.code)
            await answer.error(error)
        except Exception as error:  # the last resort of a request: a defect costs no more than this one
            log.exception("request %s failed", answer.id)
            await answer.error(unexpected(error))

    async def _call(
        self, scope: dict[str, Any], headers: dict[bytes, bytes], receive: Receive, endpoint: Endpoint, answer: Answer
    ) -> None:
        begun, address = answer.body_read, self._address(scope, headers)
        session = headers if scope["path"] == ASKED else None
        if session is not None:
            identity = await self._dashboard.caller(session, address)
            headers = {name: value for name, value in headers.items() if name not in CREDENTIALS}
        else:
            identity = self._gateway.authenticator.identify(headers, address)
        body = b""
        if scope["method"] == "POST":
            self._guard.check_body(headers, endpoint.multipart)
            body = await self._bodies.read(receive, headers.get(b"content-length"))
        answer.body_read = monotonic()
        disconnect = _Disconnect(receive)
        if disconnect.task is not None:
            self._calls.add(disconnect.task)
        try:
            if answer.body_read - begun > SLOW_S:
                if session is not None:
                    identity = await self._dashboard.caller(session, address)
                else:
                    identity = self._gateway.authenticator.identify(headers, address)
            call = call_of(scope, headers, endpoint, body, identity, answer.id)
            if endpoint is RUN_PROMPT:
                name, call = running(call)
                call = await self._gateway.prompted(call, name)
            if self._networks is not None:
                self._networks.seen(identity, address)
            answer.account, answer.called = call.account, True
            if call.stream:
                answer.waiting = True
                self._streams.add(answer)
            reply = await self._gateway.handle(call)
            if reply.chunks is None:
                await answer.whole(reply)
            else:
                await answer.stream(reply)
        except HeadgateError as error:
            self._note(error, identity, address, answer)
            raise
        except asyncio.CancelledError:
            if self._stopping and disconnect.task is not None and disconnect.task.uncancel() == 0:
                raise Overloaded("This gateway is shutting down.") from None
            if not disconnect.absorb():
                raise
        finally:
            if disconnect.task is not None:
                self._calls.discard(disconnect.task)
            disconnect.close()
            self._streams.discard(answer)
            self._bodies.release(body)

    def _note(self, error: HeadgateError, identity: Identity, address: str, answer: Answer) -> None:
        """Have it written down where a caller was refused: by what it may do, its budget or its limits."""
        store = self._gateway.store
        if store is None or answer.account.attempts or not isinstance(error, REFUSALS):
            return
        action = "call.limited" if isinstance(error, RateLimited) else "call.blocked"
        store.blocked(identity, action, address, f"call:{answer.id}", error.code)

    async def _other(self, scope: dict[str, Any], headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        """Answer what is no call."""
        path: str = scope["path"]
        if path.startswith("/admin/") or path == "/admin":
            await self._administer(scope, headers, receive, send)
        elif path.startswith(SIGNING_IN) and self._sign_in is not None:
            await self._sign_in.serve(scope, headers, send, self._address(scope, headers))
        elif path in FEEDBACK:
            await self._feedback.serve(scope, headers, receive, send, self._address(scope, headers))
        elif serves_prompt(path):
            await self._prompts.serve(scope, headers, receive, send, self._address(scope, headers))
        elif self._dashboard.serves(scope, headers):
            await self._dashboard.serve(scope, headers, receive, send, self._address(scope, headers))
        elif path == USAGE:
            await self._usage.serve(scope, headers, receive, send, self._address(scope, headers))
        else:
            await self._pages.serve(scope, headers, self._address(scope, headers), send)

    async def _administer(
        self, scope: dict[str, Any], headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        address = self._address(scope, headers)

        person = None
        if self._sign_in is not None and presented_key(headers) is None:
            person = await self._sign_in.identity(headers)

        def identify() -> Identity:
            return person or self._gateway.authenticator.identify(headers, address)

        identity = identify()
        if self._admin is None:
            raise NotFound("There is nothing to administer here: no database is configured (storage.database).")
        await self._admin.serve(scope, headers, receive, send, identity, address, again=identify)

    def _address(self, scope: dict[str, Any], headers: dict[bytes, bytes]) -> str:
        """Where a request comes from, as far as proxies of one's own tell."""
        peer = scope.get("client")
        return self._client.of(peer[0] if peer else "", headers)

    async def abort(self) -> None:
        """End the calls that are still under way, each with an error in its own dialect."""
        self._stopping = True
        self._dashboard.close()
        calls = list(self._calls)
        for task in calls:
            task.cancel()
        if calls:
            await asyncio.wait(calls, timeout=ABORT_S)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._gateway.start()
        self._keeper = asyncio.create_task(self._keep_streams_alive())
        self._loading = asyncio.create_task(self._load_dashboard())
        if self.testing is not None:
            self._retesting = asyncio.create_task(self.testing.run())
        self._lag.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def close(self) -> None:
        """Let go of everything, once: the server asks for it when its connections are closed, others may before."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for task in (self._keeper, self._loading, self._retesting):
            if task is not None:
                task.cancel()
        if self._retesting is not None:
            await asyncio.wait([self._retesting], timeout=ABORT_S)
        self._lag.stop()
        self._dashboard.close()
        if self._sign_in is not None:
            await self._sign_in.close()
        await self._gateway.close()

    async def _load_dashboard(self) -> None:
        await asyncio.sleep(DASHBOARD_AFTER_S)
        try:
            await self._dashboard.load()
        except Exception:
            log.exception("the dashboard's pages cannot be loaded, it is tried again with the first of them")

    async def _keep_streams_alive(self) -> None:
        """Send a comment on every stream that has been silent for a while, so that nothing between cuts it."""
        while True:
            await asyncio.sleep(min(1.0, self._keepalive_s / 4))
            due = monotonic() - self._keepalive_s
            for answer in self._streams:
                if answer.waiting and answer.last_sent <= due:
                    answer.keep_alive()


DASHBOARD_AFTER_S = 1.0
"""How long after the start its pages are loaded: what is called first comes first."""

REFUSALS = (Forbidden, ModelNotFound, BudgetExceeded, RateLimited, ContentFiltered)
"""Errors that say that a caller may not do what it asked for, where no vendor was asked."""

CREDENTIALS = (b"cookie", b"authorization", b"x-api-key", b"x-headgate-key")
"""Headers of which a call by a session takes nothing."""

ABORT_S = 2.0
"""Time for calls that are ended to say so to their clients."""

SLOW_S = 0.5
"""Whose body took longer is looked up again when it is there: the key may have been revoked meanwhile."""

UNWATCHED_S = 0.02
"""A call that is answered sooner is not worth watching its client for."""


class _Disconnect:
    """Cancels a request's task when its client goes away. Begins to look after `UNWATCHED_S`."""

    __slots__ = ("_future", "_receive", "_sweeper", "due", "gone", "task")

    def __init__(self, receive: Receive) -> None:
        self.due = monotonic() + UNWATCHED_S
        self.gone = False
        self._receive = receive
        self._future: asyncio.Future[dict[str, Any]] | None = None
        self._sweeper = sweeper_of_loop()
        self.task = asyncio.current_task(self._sweeper.loop)
        self._sweeper.watch(self)

    def fire(self) -> None:
        """Begin, or go on, to wait for what the client does."""
        self._future = asyncio.ensure_future(self._receive(), loop=self._sweeper.loop)
        self._future.add_done_callback(self._received)

    def _received(self, future: asyncio.Future[dict[str, Any]]) -> None:
        if future.cancelled():
            return
        failed = future.exception() is not None
        if self.task is None:
            return
        if not failed and future.result()["type"] == "http.request" and not future.result()["body"]:
            self.fire()  # the empty end of a body whose length was known
            return
        self.gone = True
        self.task.cancel()

    def absorb(self) -> bool:
        """Whether a `CancelledError` just caught is only due to the client's going; if so it counts as handled."""
        return self.gone and self.task is not None and self.task.uncancel() == 0

    def close(self) -> None:
        self._sweeper.forget(self)
        self.task = None
        future, self._future = self._future, None  # a cycle through granian's futures is never collected
        if future is not None:
            future.cancel()


def _nowhere(path: str) -> Endpoint:
    """What tells errors on paths that have no endpoint."""
    dialect = error_dialect(path)
    return Endpoint("chat", dialect, dialect, path)
