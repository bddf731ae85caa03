"""Putting a reply, a stream or an error on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil
from time import monotonic
from typing import Any

import msgspec

from headgate import dialects
from headgate.dialects.base import AnyDialect
from headgate.errors import BudgetExceeded, Cancelled, HeadgateError, InternalError, RateLimited
from headgate.events import FieldDropped, RetryDenied
from headgate.money import format_usd
from headgate.server.remaining import PREFIXES, headers_of
from headgate.server.routes import Endpoint
from headgate.timers import Watchdog
from headgate.types import Account, Chunk, Chunks, Frame, Reply

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

KEEPALIVE_COMMENT = b": keep-alive\n\n"

SEND_S = 60.0
"""Longest time a client may take nothing of a stream."""

MAX_HEADER_BYTES = 1000
"""Longest value of a header that is made of what a client said."""


class Answer:
    """One HTTP answer under way."""

    __slots__ = (
        "_beat", "_endpoint", "_limit", "_send", "account", "body_read", "called", "committed", "id", "last_sent",
        "waiting",
    )  # fmt: skip

    def __init__(self, endpoint: Endpoint, id: str, send: Send) -> None:
        self._endpoint = endpoint
        self._send = send
        self._beat: asyncio.Task[None] | None = None
        self._limit = Watchdog()
        self.id = id
        self.account = Account()
        self.body_read = monotonic()
        """When the last byte of the request was in."""
        self.called = False
        """The request has become a call."""
        self.committed = False
        """The status line is out."""
        self.last_sent = self.body_read
        self.waiting = False
        """Nothing is being sent, so a keep-alive comment may be."""

    # ── the three kinds of answer ──

    async def whole(self, reply: Reply) -> None:
        payload = reply.payload
        assert payload is not None
        self.waiting = False
        if self._beat is not None:
            await self._after_beat()
        headers = self._headers(header_value(payload.content_type), reply)
        if payload.content_type != "application/json":
            headers.append((b"x-content-type-options", b"nosniff"))
        cost = self.account.cost_picodollars
        if cost is not None:
            headers.append((b"x-headgate-cost-usd", format_usd(cost).encode()))
        await self._send_whole(200, headers, payload.encode())

    async def stream(self, reply: Reply) -> None:
        """Send a stream to its end. What breaks it once it has begun is told in its own dialect.

        Raises:
            HeadgateError: the stream failed before its status line was out.
        """
        chunks = reply.chunks
        assert chunks is not None
        dialect = dialects.get(self._endpoint.dialect)
        try:
            chunk = await anext(chunks, None)
            if not self.committed:
                await self._commit(reply)
            while chunk:
                end = terminator_of(dialect, chunk)
                if end is not None:
                    await self._finish(chunk, end, chunks, reply.target)
                    return
                await self._write(joined(chunk))
                chunk = await anext(chunks, None)
            await self._write(self._summary(reply.target), last=True)
        except HeadgateError as error:
            if not self.committed or isinstance(error, Cancelled):
                raise
            await self._write(self._summary(reply.target) + joined(dialect.error_frames(error)), last=True)
        finally:
            self._limit.close()
            await chunks.aclose()

    async def error(self, error: HeadgateError) -> None:
        """Tell the client what went wrong, in its dialect and as safe as the error allows."""
        self.waiting = False
        if self._beat is not None:
            await self._after_beat()
        if self.committed:
            frames = dialects.get(self._endpoint.dialect).error_frames(error)
            await self._write(self._summary("") + joined(frames), last=True)
            self._limit.close()
            return
        dialect = dialects.get(self._endpoint.errors)
        status, body = error_body(dialect, error)
        headers = self._headers(b"application/json")
        if error.retry_after_s is not None:
            headers.append((b"retry-after", str(ceil(error.retry_after_s)).encode()))
        retry = worth_retrying(error, self.account)
        if retry is not None:
            headers.append((b"x-should-retry", b"true" if retry else b"false"))
        if error.status in (401, 408, 413):
            headers.append((b"connection", b"close"))
        await self._send_whole(status, headers, body)

    # ── keep-alive ──

    def keep_alive(self) -> None:
        """Send a comment on a stream that waits, and its status line first if need be. Called from outside its task."""
        if self._beat is None or self._beat.done():
            self.last_sent = monotonic()
            self._beat = asyncio.ensure_future(self._comment())

    async def _comment(self) -> None:
        if not self.committed:
            await self._commit()
        await self._send({"type": "http.response.body", "body": KEEPALIVE_COMMENT, "more_body": True})

    # ── parts ──

    async def _after_beat(self) -> None:
        """Wait until a comment that is being sent is out."""
        if self._beat is not None:
            await self._beat
            self._beat = None

    async def _finish(self, chunk: Chunk, end: Frame, chunks: Chunks, target: str) -> None:
        """Send the chunk with the terminator, once all has been settled, the summary and the terminator last."""
        rest = [frame for frame in chunk if frame is not end]
        while more := await anext(chunks, None):
            rest += more
        await self._write(joined(rest) + self._summary(target) + end.encode(), last=True)

    async def _commit(self, reply: Reply | None = None) -> None:
        self.committed = True
        headers = self._headers(b"text/event-stream; charset=utf-8", reply)
        headers.append((b"cache-control", b"no-cache"))
        headers.append((b"x-accel-buffering", b"no"))
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _write(self, body: bytes, last: bool = False) -> None:
        self.waiting = False
        if self._beat is not None:
            await self._after_beat()
        self._limit.arm(monotonic() + SEND_S)
        try:
            await self._send({"type": "http.response.body", "body": body, "more_body": not last})
        except asyncio.CancelledError:
            if self._limit.absorb():
                raise Cancelled(f"the client read nothing for {SEND_S:g} s") from None
            raise
        self._limit.disarm()
        self.last_sent = monotonic()
        self.waiting = not last

    async def _send_whole(self, status: int, headers: Headers, body: bytes) -> None:
        headers.append((b"content-length", b"%d" % len(body)))
        self.committed = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def _headers(self, content_type: bytes, reply: Reply | None = None) -> Headers:
        request_id = self.id.encode()
        account = self.account
        headers = [
            (b"content-type", content_type),
            (b"x-headgate-request-id", request_id),
            (b"request-id" if self._endpoint.errors == "anthropic_messages" else b"x-request-id", request_id),
            (b"x-headgate-attempts", b"%d" % len(account.attempts)),
            (b"x-headgate-overhead-ms", b"%.3f" % self._overhead_ms()),
            (b"x-headgate-cache", b"off"),
        ]
        if account.events:
            dropped = [event.field for event in account.events if type(event) is FieldDropped]
            if dropped:
                headers.append((b"x-headgate-dropped", header_value(", ".join(dropped))[:MAX_HEADER_BYTES]))
        if account.prompt is not None:
            headers.append((b"x-headgate-prompt", account.prompt.encode()))
        if account.output_limit is not None:
            headers.append((b"x-headgate-output-limit", b"%d" % account.output_limit))
        if account.remaining:
            headers += headers_of(account.remaining, self._endpoint.errors)
        if reply is not None:
            if reply.target:
                headers.append((b"x-headgate-target", header_value(reply.target)))
            for name, value in reply.headers:
                if not (account.remaining and name.startswith(PREFIXES)):
                    headers.append((name.encode("latin-1"), header_value(value)))
        return headers

    def _overhead_ms(self) -> float:
        """How long the call took beside its vendor."""
        now = monotonic()
        upstream_s = self.account.upstream_s
        if not upstream_s:
            upstream_s = sum(now - attempt.started for attempt in self.account.attempts if not attempt.settled)
        return max(0.0, now - self.body_read - upstream_s) * 1000

    def _summary(self, target: str) -> bytes:
        """What the response headers of a stream could not know yet, as the last comment of the stream."""
        account = self.account
        cost = account.cost_picodollars
        answering = account.answering
        summary = {
            "request_id": self.id,
            "target": target,
            "attempts": len(account.attempts),
            "cost_usd": None if cost is None else format_usd(cost),
            "usage": answering.usage if answering is not None else None,
        }
        return b": headgate " + msgspec.json.encode(summary) + b"\n\n"


def terminator_of(dialect: AnyDialect, chunk: Chunk) -> Frame | None:
    """The frame of a chunk that ends the stream; it is nearly always the last."""
    if dialect.is_terminator(chunk[-1]):
        return chunk[-1]
    return next((frame for frame in chunk[:-1] if dialect.is_terminator(frame)), None)


def joined(frames: list[Frame]) -> bytes:
    if len(frames) == 1:
        return frames[0].encode()
    return b"".join([frame.encode() for frame in frames])


def error_body(dialect: AnyDialect, error: HeadgateError) -> tuple[int, bytes]:
    """Status and document of an error: the vendor's own where the client speaks its dialect, and nothing is added."""
    upstream = error.upstream_body
    own = upstream is not None and upstream.dialect == dialect.name and error.safe
    status = (error.upstream_status or error.status) if own else error.status
    if upstream is not None and own and not error.tried:
        return status, upstream.raw
    return status, msgspec.json.encode(dialect.encode_error(error))


def worth_retrying(error: HeadgateError, account: Account) -> bool | None:
    """What OpenAI's and Anthropic's SDKs are told about trying again, as they do by themselves after 429 and 5xx.

    Yes where nothing was tried here for want of room, no where all was tried or nothing helps; None leaves it to them.
    """
    if isinstance(error, BudgetExceeded):
        return False
    if not account.attempts:
        never = isinstance(error, RateLimited) and error.retry_after_s is None
        return True if error.status == 503 else False if never else None
    tried = any(attempt.cause != "primary" for attempt in account.attempts)
    denied = any(type(event) is RetryDenied for event in account.events)
    return False if tried or denied or not error.retryable else None


def header_value(text: str) -> bytes:
    """A header value that cannot break out of its line."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return text.encode("latin-1", "replace")


def unexpected(error: Exception) -> HeadgateError:
    """What a client is told of a defect: nothing but that there is one."""
    return InternalError(f"{type(error).__name__}: {error}")
