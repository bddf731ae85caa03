"""Serving the admin API: from an HTTP request to what administration does, and back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec

from headgate.administration import Actor, Administration
from headgate.administration.problems import invalid
from headgate.administration.reading import parse, read, read_query
from headgate.administration.views import View
from headgate.errors import (
    BadRequest,
    Forbidden,
    HeadgateError,
    InternalError,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from headgate.ids import request_id
from headgate.server.admin import problems
from headgate.server.admin.asking import Answered, Ask, File
from headgate.server.admin.routes import ANY_SCOPE, PREFIX, Route, find
from headgate.server.answer import SEND_S, Send
from headgate.server.body import Bodies, Receive
from headgate.types import JSON, Identity

log = logging.getLogger("headgate.server")

Headers = Mapping[bytes, bytes]

MAX_BODY_BYTES = 1024 * 1024
MAX_QUERY_BYTES = 8192
_HELD_BODIES = 16
"""Bodies of the largest size that are read at once."""


class Refused(Protocol):
    """Is told of who was refused, for the audit log."""

    def __call__(
        self,
        action: str,
        *,
        address: str | None,
        organisation: str,
        actor: str,
        subject: str,
        detail: dict[str, str | int | bool | None] | None,
    ) -> None: ...


class Admin:
    """Everything below `/admin/`."""

    def __init__(self, administration: Administration, refused: Refused | None = None) -> None:
        self._administration = administration
        self._refused = refused
        self._bodies = Bodies(MAX_BODY_BYTES, _HELD_BODIES * MAX_BODY_BYTES)

    async def serve(
        self,
        scope: Mapping[str, Any],
        headers: Headers,
        receive: Receive,
        send: Send,
        identity: Identity,
        address: str,
        *,
        again: Callable[[], Identity] | None = None,
    ) -> None:
        """Answer a request of somebody known. Host and Origin have been looked at. `again` says who it is once the body
        is there: a key may be revoked while one comes slowly.

        Errors are answers too.
        """
        call_id = request_id()
        method: str = scope["method"]
        body = b""
        try:
            route, params = self._route(method, scope["path"], identity, address)
            try:
                if route.body is not None or method == "POST":
                    body = await self._body(headers, receive)
                    if again is not None:
                        identity = again()
                        self._route(method, scope["path"], identity, address)
                query: bytes = scope.get("query_string", b"")
                with self._telling(method, scope["path"], identity, address):
                    actor, rest = await self._actor(identity, query, address)
                    answered = await self._done(route, params, actor, rest, headers, body)
            finally:
                self._bodies.release(body)
        except HeadgateError as error:
            answered = failed(error)
            if error.status >= 500:
                log.warning("request %s failed: %s", call_id, error.message)
        except Exception as error:  # the last resort of a request: a defect costs no more than this one
            log.exception("request %s failed", call_id)
            answered = failed(InternalError(f"{type(error).__name__}: {error}"))
        await _send(send, answered, call_id, head=method == "HEAD")

    async def handle(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        headers: Headers | None = None,
        *,
        identity: Identity,
        name: str | None = None,
    ) -> Answered:
        """Answer a request in this process, without a server. `name` is what the audit log calls the actor."""
        try:
            route, params = self._route(method, path, identity, None)
            with self._telling(method, path, identity, None):
                actor, rest = await self._actor(identity, query.encode(), None, name)
                return await self._done(route, params, actor, rest, headers or {}, body)
        except HeadgateError as error:
            return failed(error)

    def _route(
        self, method: str, path: str, identity: Identity, address: str | None
    ) -> tuple[Route, Mapping[str, str]]:
        """What a request is for.

        Raises:
            NotFound: nothing is there.
            MethodNotAllowed: it takes other methods.
            Forbidden: it needs a scope the identity lacks.
        """
        found = find(path.removeprefix(PREFIX))
        if found is None:
            raise NotFound(f"There is nothing at {_short(path)}. /openapi.json lists what there is.")
        route = found.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise MethodNotAllowed(f"{_short(path)} takes {' or '.join(found.routes)}, not {_short(method)}.")
        if route.scope != ANY_SCOPE and route.scope not in identity.scopes:
            self._tell_refused(method, path, identity, address, {"missing": route.scope})
            raise Forbidden(f"This needs the scope '{route.scope}', and your key lacks it.")
        return route, found.params

    @contextlib.contextmanager
    def _telling(self, method: str, path: str, identity: Identity, address: str | None) -> Generator[None]:
        """Have the audit log know what an act itself refuses, as it knows of missing scopes."""
        try:
            yield
        except Forbidden as error:
            self._tell_refused(method, path, identity, address, {"why": error.message})
            raise

    def _tell_refused(self, method: str, path: str, identity: Identity, address: str | None, detail: JSON) -> None:
        if self._refused is not None:
            self._refused(
                "admin.refused",
                address=address,
                organisation=identity.organisation,
                actor=identity.actor,
                subject=f"{method} {path}",
                detail=detail,
            )

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """A request's body.

        Raises:
            PayloadTooLarge, UnsupportedMediaType, BadRequest: it is not what is taken here.
        """
        length = headers.get(b"content-length")
        if length is not None and not length.isdigit():
            raise BadRequest("content-length is not a number.")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise UnsupportedMediaType("Compressed request bodies are not taken; send identity encoding.")
        if length is not None and int(length) > MAX_BODY_BYTES:
            raise _too_large()
        try:
            body = await self._bodies.read(receive, length)
        except PayloadTooLarge:
            raise _too_large() from None
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if body and kind != b"application/json":
            self._bodies.release(body)
            raise UnsupportedMediaType(
                f"The content-type must be application/json, not {_short(kind.decode('latin-1'))}."
            )
        return body

    async def _actor(
        self, identity: Identity, query: bytes, address: str | None, name: str | None = None
    ) -> tuple[Actor, dict[str, list[str]]]:
        """Who acts where, and what else the query says."""
        if len(query) > MAX_QUERY_BYTES:
            raise BadRequest(f"The query is longer than {MAX_QUERY_BYTES} bytes.")
        try:
            asked = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
        except ValueError:
            raise BadRequest("The query is malformed, or is not UTF-8.") from None
        organisations = asked.pop("organisation", [None])
        if len(organisations) > 1:
            raise invalid("organisation", "is there more than once")
        return await self._administration.actor(identity, organisations[0], address, name), asked

    async def _done(
        self,
        route: Route,
        params: Mapping[str, str],
        actor: Actor,
        query: Mapping[str, list[str]],
        headers: Headers,
        body: bytes,
    ) -> Answered:
        asked = read_query(route.query, query)
        request = None if route.body is None else read(route.body, parse(body or b"{}"))
        if route.body is None and body and parse(body):
            raise BadRequest("This takes no body.")
        found = await route.handler(
            Ask(
                administration=self._administration,
                actor=actor,
                params=params,
                query=asked,
                body=request,
                version=_version(headers, request) if route.versioned else None,
            )
        )
        if isinstance(found, File):
            first = await anext(found.pieces, None)  # what cannot be read at all is an error, not a file
            disposition = ("content-disposition", f'attachment; filename="{found.name}"')
            return Answered(
                status=200,
                content_type=found.content_type,
                headers=(disposition,),
                body=first or b"",
                pieces=found.pieces,
            )
        etag = (("etag", f'"{found.version}"'),) if isinstance(found, View) else ()
        return Answered(status=route.status, body=msgspec.json.encode(found), headers=etag)


def failed(error: HeadgateError) -> Answered:
    """An error as an answer."""
    headers = () if error.retry_after_s is None else (("retry-after", str(round(error.retry_after_s))),)
    return Answered(status=error.status, body=msgspec.json.encode(problems.document(error)), headers=headers)


async def _send(send: Send, answered: Answered, id: str, *, head: bool) -> None:
    headers = [
        (b"content-type", answered.content_type.encode()),
        (b"x-headgate-request-id", id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        *((name.encode(), value.encode()) for name, value in answered.headers),
    ]
    if answered.status in (408, 413):
        headers.append((b"connection", b"close"))
    if answered.pieces is None:
        headers.append((b"content-length", b"%d" % len(answered.body)))
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    if answered.pieces is None or head:
        await send({"type": "http.response.body", "body": b"" if head else answered.body})
    else:
        await _send_pieces(send, answered.body, answered.pieces, id)


async def _send_pieces(send: Send, piece: bytes | None, pieces: AsyncGenerator[bytes, None], id: str) -> None:
    """Send a file as it is made. Where that breaks off, its last chunk is never sent: the client sees that it did."""
    async with contextlib.aclosing(pieces):
        try:
            while piece is not None:
                async with asyncio.timeout(SEND_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await anext(pieces, None)
        except TimeoutError:
            log.warning("request %s: the client read nothing for %g s", id, SEND_S)
        except Exception:  # nothing more can be told
            log.exception("request %s broke off", id)
        else:
            await send({"type": "http.response.body", "body": b""})


def _version(headers: Headers, request: Any) -> int | None:
    """The version that was seen.

    Raises:
        Invalid: `If-Match` is no version, or another than the body's.
    """
    told = getattr(request, "version", msgspec.UNSET)
    in_body: int | None = None if told is msgspec.UNSET else told
    header = headers.get(b"if-match")
    if header is None or header.strip() == b"*":
        return in_body
    text = header.strip().removeprefix(b"W/").strip(b'"')
    if not text.isdigit() or len(text) > 16:
        raise invalid("If-Match", 'must be the version that was seen; write "3"')
    if in_body is not None and in_body != int(text):
        raise invalid("version", "is another than If-Match says; write one of them")
    return int(text)


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {MAX_BODY_BYTES // 1024 // 1024} MB.")


def _short(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text[:200])
