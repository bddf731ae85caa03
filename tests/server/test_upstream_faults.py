"""What a vendor does wrong reaches the client as an error in its own dialect, and never more than that."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from serving import Response, Serving
from upstream import Exchange, Upstream, unused_port

CONFIG = """
providers:
  vendor: {{kind: openai_compatible, base_url: "{url}/v1", api_key: sk-vendor-secret}}
  dead: {{kind: openai_compatible, base_url: "http://127.0.0.1:{dead}/v1", api_key: sk-vendor-secret}}
models:
  chat:
    targets: [vendor/gpt-4o-mini]
    timeout: {{connect_s: 2, total_s: 2, first_token_s: 1, stall_s: 0.4}}
    retry: {{attempts: 1}}
    breaker: {{min_calls: 1000}}
  dead: {{targets: [dead/gpt-4o-mini], retry: {{attempts: 1}}}}
"""

MESSAGES = [{"role": "user", "content": "Hello"}]
PATHS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "chat", "messages": MESSAGES},
    "/v1/responses": {"model": "chat", "input": "Hello"},
    "/v1/messages": {"model": "chat", "max_tokens": 10, "messages": MESSAGES},
}


def chunk(text: str | None = None, stop: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": stop}
    document = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [choice],
    }
    return b"data: " + json.dumps(document).encode() + b"\n\n"


SSE = ("content-type", "text/event-stream")
JSON = ("content-type", "application/json")


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def serving(upstream: Upstream) -> AsyncIterator[Serving]:
    async with Serving(CONFIG.format(url=upstream.url, dead=unused_port())) as serving:
        yield serving


def check_is_an_error(path: str, response: Response) -> str:
    """Check an error's shape, and that it gives nothing away; its text."""
    assert b"sk-vendor-secret" not in response.body
    assert b"Traceback" not in response.body
    assert b".py" not in response.body
    error = response.json["error"]
    assert isinstance(error["message"], str)
    assert isinstance(error["type"], str)
    if path == "/v1/messages":
        assert response.json["type"] == "error"
    return error["message"]


def whole(status: int, body: bytes, *headers: tuple[str, str]) -> Callable[[Exchange], Awaitable[None]]:
    async def script(exchange: Exchange) -> None:
        await exchange.reply(status, body, *headers)

    return script


async def truncated(exchange: Exchange) -> None:
    await exchange.send(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{"id": ')
    await exchange.cut()


async def never(exchange: Exchange) -> None:
    await exchange.gone()


async def reset(exchange: Exchange) -> None:
    await exchange.reset()


async def garbage(exchange: Exchange) -> None:
    await exchange.send(b"\x00\x01\x02 nonsense\r\n\r\n")
    await exchange.cut()


BOMB = gzip.compress(b" " * 300 * 1024 * 1024)

FAULTS: dict[str, tuple[Callable[[Exchange], Awaitable[None]], int]] = {
    "html error page": (whole(502, b"<html><body>Bad Gateway</body></html>", ("content-type", "text/html")), 502),
    "html with status 200": (whole(200, b"<html>hello</html>", ("content-type", "text/html")), 502),
    "empty body": (whole(200, b"", JSON), 502),
    "not json": (whole(200, b"{nope", JSON), 502),
    "json of another shape": (whole(200, b'{"choices": 5}', JSON), 502),
    "an array": (whole(200, b"[]", JSON), 502),
    "deeply nested": (whole(200, b"[" * 100_000, JSON), 502),
    "truncated": (truncated, 502),
    "reset": (reset, 502),
    "not http": (garbage, 502),
    "redirect": (whole(302, b"", ("location", "http://127.0.0.1:1/steal")), 502),
    "compressed bomb": (whole(200, BOMB, JSON, ("content-encoding", "gzip")), 502),
    "server error": (whole(500, b'{"error": {"message": "stack trace at /srv/x.py", "type": "server_error"}}', JSON), 502),
    "overloaded": (whole(503, b'{"error": {"message": "busy", "type": "x"}}', JSON), 503),
    "credential refused": (whole(401, b'{"error": {"message": "Incorrect API key: sk-vendor-secret"}}', JSON), 502),
    "credential echoed": (whole(400, b'{"error": {"message": "bad: sk-vendor-secret", "type": "x"}}', JSON), 400),
    "rate limited": (whole(429, b'{"error": {"message": "slow down", "type": "x"}}', JSON, ("retry-after", "7")), 429),
    "never answers": (never, 504),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_one_error_in_the_clients_dialect(serving: Serving, upstream: Upstream, path: str, fault: str):
    upstream.script, status = FAULTS[fault]
    response = await serving.post(path, PATHS[path])
    assert response.status == status
    check_is_an_error(path, response)
    assert len(upstream.requests) == 1
    assert response.headers["x-headgate-attempts"] == "1"
    if fault == "rate limited":
        assert response.headers["retry-after"] == "7"
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert row.code is not None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_before_any_content_of_a_stream_is_a_plain_error_too(
    serving: Serving, upstream: Upstream, path: str, fault: str
):
    upstream.script, status = FAULTS[fault]
    response = await serving.post(path, {**PATHS[path], "stream": True})
    assert response.status == status
    check_is_an_error(path, response)


@pytest.mark.parametrize("path", PATHS)
async def test_a_vendor_that_cannot_be_reached(serving: Serving, path: str):
    for stream in (False, True):
        response = await serving.post(path, {**PATHS[path], "model": "dead", "stream": stream})
        assert response.status == 502
        check_is_an_error(path, response)


def last_event(path: str, response: Response) -> dict[str, Any]:
    """The error that ends a broken stream, in the form each dialect's SDK understands."""
    events = response.events
    if path == "/v1/messages":
        assert events[-1][0] == "error"
    if path == "/v1/chat/completions":
        assert events[-1][1] != "[DONE]" or len(events) > 1
        data = [data for _, data in events if data != "[DONE]"][-1]
        return json.loads(data)
    return json.loads(events[-1][1])


async def cut_mid_stream(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.start(200, SSE)
    await exchange.chunk(chunk("Hel"))
    await begun.wait()
    await exchange.chunk(chunk("lo"))
    await exchange.cut()


async def ends_without_a_stop(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.start(200, SSE)
    await exchange.chunk(chunk("Hello"))
    await exchange.end()


async def stalls(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.start(200, SSE)
    await exchange.chunk(chunk("Hello"))
    await exchange.gone()


async def error_inside(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.start(200, SSE)
    await exchange.chunk(chunk("Hello"))
    await begun.wait()
    await exchange.chunk(b'data: {"error": {"message": "boom at /srv/x.py", "type": "server_error"}}\n\n')
    await exchange.end()


async def garbage_inside(exchange: Exchange, begun: asyncio.Event) -> None:
    await exchange.start(200, SSE)
    await exchange.chunk(chunk("Hello"))
    await begun.wait()
    await exchange.chunk(b"data: {nope\n\ndata: <html>\n\n")
    await exchange.gone()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "script",
    [cut_mid_stream, ends_without_a_stop, stalls, error_inside, garbage_inside],
    ids=lambda each: each.__name__,
)
async def test_a_stream_that_breaks_after_content_ends_with_an_error_event(
    serving: Serving, upstream: Upstream, path: str, script: Callable[[Exchange, asyncio.Event], Awaitable[None]]
):
    begun = asyncio.Event()
    upstream.script = lambda exchange: script(exchange, begun)
    response = await asyncio.wait_for(serving.post(path, {**PATHS[path], "stream": True}, begun=begun), 5)
    assert response.status == 200
    assert b"Hel" in response.body
    assert b"/srv/x.py" not in response.body
    event = last_event(path, response)
    assert "error" in event or event.get("type") in ("error", "response.failed")
    assert response.summary["attempts"] == 1
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert row.code is not None
    assert row.usage_source == "estimated"
    assert row.usage.total_output_tokens > 0


@pytest.mark.parametrize("path", PATHS)
async def test_one_malformed_line_is_tolerated(serving: Serving, upstream: Upstream, path: str):
    async def script(exchange: Exchange) -> None:
        await exchange.start(200, SSE)
        await exchange.chunk(chunk("Hel") + b"data: {nope\n\n" + chunk("lo") + chunk(stop="stop") + b"data: [DONE]\n\n")
        await exchange.end()

    upstream.script = script
    response = await serving.post(path, {**PATHS[path], "stream": True})
    assert b"Hel" in response.body
    assert b"lo" in response.body
    assert b"nope" not in response.body
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert row.code is None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_cuts_the_vendor_off_within_100_ms(
    serving: Serving, upstream: Upstream, path: str, stream: bool
):
    began, cut = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        if stream:
            await exchange.start(200, SSE)
            await exchange.chunk(chunk("Hello"))
        began.set()
        await exchange.gone()
        cut.set()

    upstream.script = script
    body = json.dumps({**PATHS[path], "stream": stream}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await began.wait()
    if stream:
        await reader.readuntil(b"\r\n\r\n")
    loop = asyncio.get_running_loop()
    left = loop.time()
    writer.close()
    await asyncio.wait_for(cut.wait(), 1)
    assert loop.time() - left < 0.1
    while serving.gateway.metrics.in_flight:
        await asyncio.sleep(0.01)
    assert serving.gateway.metrics.calls[("chat", "chat", "true" if stream else "false", "cancelled")] == 1


async def test_a_clients_own_deadline_holds(serving: Serving, upstream: Upstream):
    upstream.script = never
    response = await serving.post(
        "/v1/chat/completions", PATHS["/v1/chat/completions"], {"x-headgate-timeout-ms": "50"}
    )
    assert response.status == 504


async def test_a_slow_stream_is_kept_alive_and_its_late_failure_is_an_event(upstream: Upstream):
    config = CONFIG.format(url=upstream.url, dead=unused_port())
    config = config.replace("total_s: 2, first_token_s: 1", "total_s: 5, first_token_s: 0.6")
    upstream.script = never
    async with Serving(config, server="auth: none, keepalive_s: 0.1") as serving:
        response = await serving.post("/v1/messages", {**PATHS["/v1/messages"], "stream": True})
    assert response.status == 200
    assert response.body.count(b": keep-alive\n\n") >= 2
    assert response.events[-1][0] == "error"


@pytest.mark.parametrize("path", PATHS)
async def test_a_vendor_that_never_says_done_is_complete_once_it_has_stopped(
    serving: Serving, upstream: Upstream, path: str
):
    async def script(exchange: Exchange) -> None:
        await exchange.start(200, SSE)
        await exchange.chunk(chunk("Hello") + chunk(stop="stop"))
        await exchange.end()

    upstream.script = script
    response = await serving.post(path, {**PATHS[path], "stream": True})
    if path != "/v1/chat/completions":
        assert response.events[-1][0] in ("message_stop", "response.completed")
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert row.code is None


@pytest.mark.parametrize("ending", ["cut", "reset", "left open"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_complete_stream_is_complete_however_its_connection_ends(
    serving: Serving, upstream: Upstream, path: str, ending: str
):
    begun = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start(200, SSE)
        await exchange.chunk(chunk("Hello"))
        await begun.wait()
        await exchange.chunk(chunk(stop="stop") + b"data: [DONE]\n\n")
        if ending == "cut":
            await exchange.cut()
        elif ending == "left open":
            await exchange.gone()
        else:
            await exchange.reset()

    upstream.script = script
    response = await serving.post(path, {**PATHS[path], "stream": True}, begun=begun)
    assert b"error" not in response.body.lower().replace(b'"error":null', b"")
    if ending != "reset":  # which may overtake what was sent before it
        assert response.events[-1] == ("", "[DONE]") or response.events[-1][0] in (
            "message_stop",
            "response.completed",
        )
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert row.code is None


async def test_an_answer_that_was_cut_is_billed_at_no_less_than_it_can_have_used(serving: Serving, upstream: Upstream):
    upstream.script = truncated
    response = await serving.post("/v1/chat/completions", PATHS["/v1/chat/completions"])
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert (row.usage_source, row.usage.input_tokens > 0) == ("estimated", True)


async def test_a_whole_answer_without_usage_is_estimated_as_a_stream_without_it_is(
    serving: Serving, upstream: Upstream
):
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}  # fmt: skip
    upstream.script = whole(200, json.dumps(answer).encode(), JSON)
    response = await serving.post("/v1/chat/completions", PATHS["/v1/chat/completions"])
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert (response.status, row.usage_source) == (200, "estimated")


async def test_a_clients_refused_request_is_no_attempt(serving: Serving, upstream: Upstream):
    response = await serving.post("/v1/messages", {**PATHS["/v1/messages"], "messages": [{"role": "x", "content": 1}]})
    assert response.status == 400
    assert response.headers["x-headgate-attempts"] == "0"
    assert serving.gateway.ledger.rows(response.headers["x-headgate-request-id"]) == []
