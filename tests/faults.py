"""Everything that can go wrong between Headgate and a vendor, as scripts for `Upstream`, which works on bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from upstream import Exchange

Script = Callable[[Exchange, asyncio.Event], Awaitable[None]]
"""Answers a request; the event is set once the client has got the beginning of a stream."""

SSE = ("content-type", "text/event-stream")
JSON = ("content-type", "application/json")
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
TEXT = '{"word": "hello"}'
"""What a healthy vendor answers: JSON, as the requests of the matrix ask for."""
WRONG = '{"number": 5}'
"""JSON that does not fit the schema of those requests."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, the same each time."""

    name: str
    whole: Script | None
    """Answers a whole request; None where it cannot be answered at all."""
    stream: Script | None
    reach: Literal["port", "closed port", "no such host", "unknown authority"] = "port"
    """How the vendor is reached."""
    hangs: bool = False
    """It is over only when Headgate has waited long enough."""


# ── a healthy vendor ──


def answer(text: str) -> bytes:
    """A chat completion."""
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    document = {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini", "choices": choices}
    return json.dumps({**document, "usage": USAGE}).encode()


def chunk(text: str | None = None, stop: str | None = None, **members: Any) -> bytes:
    """One event of a streamed chat completion."""
    delta = {} if text is None else {"content": text}
    choices = [{"index": 0, "delta": delta, "finish_reason": stop}]
    document = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini", "choices": choices}
    return b"data: " + json.dumps({**document, **members}).encode() + b"\n\n"


END = chunk(stop="stop") + chunk(choices=[], usage=USAGE) + b"data: [DONE]\n\n"


def is_stream(exchange: Exchange) -> bool:
    return bool(json.loads(exchange.request.body).get("stream"))


async def healthy(exchange: Exchange, begun: asyncio.Event) -> None:
    if is_stream(exchange):
        await streamed(exchange, chunk(TEXT[:9]), chunk(TEXT[9:]), END)
    else:
        await exchange.reply(200, answer(TEXT), JSON)


async def streamed(exchange: Exchange, *pieces: bytes) -> None:
    await exchange.start(200, SSE)
    for piece in pieces:
        await exchange.chunk(piece)
    await exchange.end()


# ── what goes wrong ──


def refused(status: int, document: Any, *headers: tuple[str, str]) -> Script:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    async def script(exchange: Exchange, begun: asyncio.Event) -> None:
        await exchange.reply(status, body, JSON, *headers)

    return script


def error(message: str, **members: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "error", **members}}


async def silence(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.gone()


async def reset(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.reset()


async def no_content(exchange: Exchange, begun: asyncio.Event) -> None:
    """A stream that opens, says who speaks, and then nothing."""
    await exchange.start(200, SSE)
    await exchange.chunk(chunk(""))
    await exchange.gone()


async def half_a_body(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{")
    await exchange.cut()


async def body_that_stops(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{")
    await exchange.gone()


async def stall(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.start(200, SSE)
    await exchange.chunk(chunk(TEXT[:9]))
    await begun.wait()
    await exchange.gone()


async def cut(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.start(200, SSE)
    await exchange.chunk(chunk(TEXT[:9]))
    await begun.wait()
    await exchange.cut()


async def broken(exchange: Exchange, begun: asyncio.Event, rest: bytes) -> None:
    """The beginning of a stream, then something else."""
    await exchange.start(200, SSE)
    await exchange.chunk(chunk(TEXT[:9]))
    await begun.wait()
    await exchange.chunk(rest)
    await exchange.end()


async def bad_line(exchange: Exchange, begun: asyncio.Event) -> None:
    await streamed(exchange, chunk(TEXT[:9]) + b"data: {nope\n\n" + chunk(TEXT[9:]), END)


async def bad_lines(exchange: Exchange, begun: asyncio.Event) -> None:
    await broken(exchange, begun, b'data: {"id": "c1", "cho\n\ndata: {"id\n\n')


async def error_inside(exchange: Exchange, begun: asyncio.Event) -> None:
    await broken(exchange, begun, b'data: {"error": {"message": "boom", "type": "server_error"}}\n\n')


async def error_first(exchange: Exchange, begun: asyncio.Event) -> None:
    await streamed(exchange, b'data: {"error": {"message": "boom", "type": "server_error"}}\n\n')


async def page(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.reply(200, b"<html><body>Welcome to the proxy</body></html>", ("content-type", "text/html"))


async def wrong_schema(exchange: Exchange, begun: asyncio.Event) -> None:
    if is_stream(exchange):
        await streamed(exchange, chunk(WRONG[:9]), chunk(WRONG[9:]), END)
    else:
        await exchange.reply(200, answer(WRONG), JSON)


def both(name: str, script: Script) -> Fault:
    return Fault(name, script, script)


FAULTS = [
    Fault("connection refused", None, None, "closed port"),
    Fault("DNS failure", None, None, "no such host"),
    Fault("TLS failure", healthy, healthy, "unknown authority"),
    both("connection reset", reset),
    both("429 with retry-after", refused(429, error("slow down"), ("retry-after-ms", "50"))),
    both("429 without retry-after", refused(429, error("slow down"))),
    both("429, credit used up", refused(429, error("no credit", code="insufficient_quota"))),
    both("500", refused(500, error("boom"))),
    both("503", refused(503, error("busy"))),
    both("401, our key refused", refused(401, error("who are you"))),
    Fault("slow first token", silence, no_content, hangs=True),
    Fault("stall mid-stream", body_that_stops, stall, hangs=True),
    Fault("cut mid-stream", half_a_body, cut),
    Fault("malformed SSE line", None, bad_line),
    Fault("truncated JSON", refused(200, b'{"id": "c1", "cho'), bad_lines),
    Fault("error inside a stream", refused(200, error("boom", code="server_error")), error_inside),
    Fault("error first in a stream", None, error_first),
    both("wrong content type", page),
    both("empty body", refused(200, b"")),
    both("content filter", refused(400, error("filtered", code="content_filter"))),
    both("context too long", refused(400, error("too long", code="context_length_exceeded"))),
    both("bad request", refused(400, error("temperature must be less", code="invalid_request"))),
    both("wrong schema", wrong_schema),
]
