"""What every transport does, shown against a real server that says exactly the bytes a test wants, on both loops."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from certificates import Authority
from headgate.errors import (
    BadRequest,
    ConfigError,
    ConnectionFailed,
    DnsFailed,
    MalformedOutput,
    Timeout,
    TlsFailed,
)
from headgate.providers.aiohttp import AiohttpTransport
from headgate.providers.http1 import Http1Transport
from headgate.providers.transport import HttpRequest, HttpResponse, Transport, TransportOptions
from upstream import Exchange, Upstream, head, unused_port

KINDS: dict[str, Callable[[TransportOptions], Transport]] = {
    "http1": Http1Transport,
    "aiohttp": AiohttpTransport,
}
AT_ONCE_S = 0.1
"""How soon a cancelled or closed exchange has to be off the wire."""
MB = 1024 * 1024


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Callable[[TransportOptions], Transport]:
    return KINDS[request.param]


@pytest.fixture
async def transport(kind: Callable[[TransportOptions], Transport]) -> AsyncIterator[Transport]:
    made = kind(TransportOptions())
    yield made
    await made.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def post(url: str, body: bytes = b"{}", **headers: str) -> HttpRequest:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest(method="POST", url=url, headers=(("accept-encoding", "identity"), *pairs), body=body)


async def whole(transport: Transport, request: HttpRequest, limit: int = 64 * MB) -> tuple[int, bytes]:
    """Status and body of one complete exchange."""
    response = await transport.send(request)
    try:
        return response.status, await response.read(limit)
    finally:
        await response.close()


async def soon(event: asyncio.Event) -> float:
    """Seconds until the event."""
    begun = time.perf_counter()
    await asyncio.wait_for(event.wait(), 5)
    return time.perf_counter() - begun


# ── what goes out and what comes back ──


async def test_method_path_headers_and_body_arrive_as_given(transport: Transport) -> None:
    async with Upstream() as upstream:
        request = post(
            f"{upstream.url}/v1/a%20b?x=1&y=%2F", b'{"a": 1}', x_api_key="k", content_type="application/json"
        )
        await whole(transport, request)
    received = upstream.requests[0]
    assert (received.method, received.target, received.body) == ("POST", "/v1/a%20b?x=1&y=%2F", b'{"a": 1}')
    assert received.header("host") == f"127.0.0.1:{upstream.port}"
    assert received.header("x-api-key") == "k"
    assert received.header("accept-encoding") == "identity"
    assert received.header("content-type") == "application/json"


async def test_nothing_is_sent_that_was_not_asked_for(transport: Transport) -> None:
    async with Upstream() as upstream:
        await whole(transport, post(upstream.url))
    allowed = {"host", "content-length", "accept-encoding"}
    assert {name for name, _ in upstream.requests[0].headers} <= allowed


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_request_without_a_body_announces_none(transport: Transport, method: str) -> None:
    async with Upstream() as upstream:
        await whole(transport, HttpRequest(method=method, url=upstream.url, headers=()))
    assert upstream.requests[0].method == method
    assert upstream.requests[0].header("content-length") in (None, "0")


async def test_status_and_headers_come_back_lower_cased_and_the_first_of_repeated_ones(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.reply(429, b"no", ("Retry-After", "7"), ("X-Twice", "1"), ("x-twice", "2"), ("X-Empty", ""))

    async with Upstream(script) as upstream:
        response = await transport.send(post(upstream.url))
        assert response.status == 429
        headers = response.headers
        assert headers["retry-after"] == "7" and headers.get("retry-after") == "7"
        assert headers["x-twice"] == "1"
        assert headers["x-empty"] == ""
        assert headers.get("absent") is None and "absent" not in headers and "x-empty" in headers
        assert set(headers) == {"content-length", "retry-after", "x-twice", "x-empty"}
        assert await response.read(100) == b"no"
        await response.close()


@pytest.mark.parametrize("size", [0, 1, 65_536, 20 * MB])
async def test_bodies_of_any_size_pass_both_ways(transport: Transport, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]

    async def echo(exchange: Exchange) -> None:
        await exchange.reply(200, exchange.request.body)

    async with Upstream(echo) as upstream:
        assert await whole(transport, post(upstream.url, body)) == (200, body)
    assert upstream.requests[0].body == body


async def test_a_chunked_body_comes_as_it_arrives(transport: Transport) -> None:
    more = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"data: 1\n\n")
        await more.wait()
        await exchange.chunk(b"data: 2\n\n")
        await exchange.end()

    async with Upstream(script) as upstream:
        response = await transport.send(post(upstream.url))
        pieces = response.chunks()
        assert await anext(pieces) == b"data: 1\n\n"
        more.set()
        assert b"".join([piece async for piece in pieces]) == b"data: 2\n\n"
        await response.close()


async def test_a_body_cut_into_single_bytes_is_put_together(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        whole = (
            head(200, ("transfer-encoding", "chunked")) + b"3;ext=1\r\nabc\r\n0A\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\n"
        )
        for byte in whole:
            await exchange.send(bytes([byte]))

    async with Upstream(script) as upstream:
        assert await whole(transport, post(upstream.url)) == (200, b"abc0123456789")


async def test_a_body_without_length_lasts_until_the_connection_ends(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(head(200) + b"all of it")
        await exchange.cut()

    async with Upstream(script) as upstream:
        assert await whole(transport, post(upstream.url)) == (200, b"all of it")


async def test_informational_responses_are_passed_over(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
        await exchange.reply(200, b"real")

    async with Upstream(script) as upstream:
        assert await whole(transport, post(upstream.url)) == (200, b"real")


# ── connections ──


async def test_a_connection_is_used_again_after_a_complete_body(transport: Transport) -> None:
    async with Upstream() as upstream:
        for _ in range(5):
            await whole(transport, post(upstream.url))
        assert upstream.connections == 1


async def test_parallel_requests_have_connections_of_their_own(transport: Transport) -> None:
    everybody = asyncio.Barrier(8)

    async def script(exchange: Exchange) -> None:
        await everybody.wait()
        await exchange.reply(200, exchange.request.body)

    async with Upstream(script) as upstream:
        bodies = [str(number).encode() for number in range(8)]
        answers = await asyncio.gather(*(whole(transport, post(upstream.url, body)) for body in bodies))
        assert [body for _, body in answers] == bodies


async def test_a_connection_the_vendor_closed_while_idle_is_not_used(transport: Transport) -> None:
    closed = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.reply()
        await exchange.cut()
        closed.set()

    async with Upstream(script) as upstream:
        await whole(transport, post(upstream.url))
        await closed.wait()
        for _ in range(10):  # the end of the connection is on its way through the loop
            await asyncio.sleep(0)
        assert (await whole(transport, post(upstream.url)))[0] == 200
        assert upstream.connections == 2


async def test_a_request_on_its_way_is_never_sent_twice(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        if len(upstream.requests) == 1:
            await exchange.reply()
        else:
            await exchange.cut()

    async with Upstream(script) as upstream:
        await whole(transport, post(upstream.url))
        with pytest.raises(ConnectionFailed):
            await whole(transport, post(upstream.url))
        assert len(upstream.requests) == 2


async def test_connection_close_is_honoured(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, b"{}", ("Connection", "close"))
        await exchange.gone()

    async with Upstream(script) as upstream:
        await whole(transport, post(upstream.url))
        await whole(transport, post(upstream.url))
        assert upstream.connections == 2


# ── failures, told apart ──


async def test_a_refused_connection(transport: Transport) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        await transport.send(post(f"http://127.0.0.1:{unused_port()}"))
    assert type(caught.value) is ConnectionFailed


async def test_a_name_without_an_address(transport: Transport) -> None:
    with pytest.raises(DnsFailed):
        await transport.send(post("http://nobody.invalid/v1"))


async def test_no_handshake_within_connect_s(kind: Callable[[TransportOptions], Transport]) -> None:
    hasty, patient = kind(TransportOptions(connect_s=0.05)), kind(TransportOptions(connect_s=60))
    async with Upstream(speak=_say_nothing) as upstream:
        request = post(upstream.url.replace("http", "https"))
        with pytest.raises(Timeout):
            await hasty.send(request)
        with pytest.raises(Timeout):
            await patient.send(msgspec.structs.replace(request, connect_s=0.05))
    await hasty.close()
    await patient.close()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_connection_that_ends_before_a_response(transport: Transport, how: str) -> None:
    async with Upstream(lambda exchange: getattr(exchange, how)()) as upstream:
        with pytest.raises(ConnectionFailed):
            await transport.send(post(upstream.url))


@pytest.mark.parametrize("raw", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"<html>\r\n\r\n"])
async def test_what_is_not_http_is_malformed(transport: Transport, raw: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(raw)
        await exchange.cut()

    async with Upstream(script) as upstream:
        with pytest.raises(MalformedOutput):
            await transport.send(post(upstream.url))


async def test_endless_headers_are_refused(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(10_000):
            await exchange.send(b"x-%d: %s\r\n" % (number, b"y" * 1000))
        await exchange.gone()

    async with Upstream(script) as upstream:
        with pytest.raises(MalformedOutput):
            await transport.send(post(upstream.url))


@pytest.mark.parametrize("how", ["cut", "reset"])
@pytest.mark.parametrize("framing", ["content-length", "chunked", "between chunks"])
async def test_a_cut_body_is_never_taken_for_a_whole_one(transport: Transport, framing: str, how: str) -> None:
    first = {
        "content-length": head(200, ("content-length", "100")) + b"begin",
        "chunked": head(200, ("transfer-encoding", "chunked")) + b"a\r\nbegin",
        "between chunks": head(200, ("transfer-encoding", "chunked")) + b"5\r\nbegin\r\n",
    }[framing]
    read = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.send(first)
        await read.wait()
        await getattr(exchange, how)()

    async with Upstream(script) as upstream:
        response = await transport.send(post(upstream.url))
        pieces = response.chunks()
        assert await anext(pieces) == b"begin"
        read.set()
        with pytest.raises(ConnectionFailed):
            await anext(pieces)
        await response.close()


async def test_broken_chunk_sizes_are_malformed(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(head(200, ("transfer-encoding", "chunked")) + b"-5\r\nhello\r\n0\r\n\r\n")
        await exchange.gone()

    async with Upstream(script) as upstream:
        with pytest.raises((MalformedOutput, ConnectionFailed)):
            await whole(transport, post(upstream.url))


async def test_a_body_longer_than_the_limit_is_refused(transport: Transport) -> None:
    async with Upstream(lambda exchange: exchange.reply(200, b"x" * 1001)) as upstream:
        response = await transport.send(post(upstream.url))
        with pytest.raises(MalformedOutput):
            await response.read(1000)
        await response.close()


async def test_an_endless_body_is_refused_at_the_limit(transport: Transport) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.start()
        while True:
            await exchange.chunk(b"x" * 65_536)

    async with Upstream(script) as upstream:
        response = await transport.send(post(upstream.url))
        with pytest.raises(MalformedOutput):
            await response.read(MB)
        await response.close()


# ── failures that may cost something ──


async def _ssh(exchange: Exchange) -> None:
    await exchange.send(b"SSH-2.0-OpenSSH\r\n\r\n")
    await exchange.cut()


async def _half_a_head(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nx-a: ")
    await exchange.cut()


async def _unreadable(exchange: Exchange) -> None:
    await exchange.reply(200, b"?", ("content-encoding", "br"))


async def _unreadable_refusal(exchange: Exchange) -> None:
    await exchange.reply(500, b"?", ("content-encoding", "br"))


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    ("script", "billed"),
    [
        (Exchange.cut, True),
        (Exchange.reset, True),
        (_ssh, True),
        (_half_a_head, True),
        (_unreadable, True),
        (_unreadable_refusal, False),
    ],
    ids=["cut", "reset", "not http", "half a head", "unreadable", "unreadable refusal"],
)
async def test_what_a_vendor_was_given_it_may_bill_unless_it_said_no(
    kind: Callable[[TransportOptions], Transport],
    authority: Authority,
    script: Callable[[Exchange], Awaitable[None]],
    billed: bool,
    secure: bool,
) -> None:
    transport = kind(TransportOptions(ca_file=str(authority.ca_file)))
    async with Upstream(script, tls=authority.server() if secure else None) as upstream:
        with pytest.raises((ConnectionFailed, MalformedOutput)) as caught:
            await transport.send(post(upstream.url))
    assert len(upstream.requests) == 1
    assert caught.value.may_be_billed is billed
    await transport.close()


@pytest.mark.parametrize("where", ["closed port", "no such host", "no tls", "unknown authority"])
async def test_what_never_got_to_a_vendor_it_cannot_bill(
    transport: Transport, authority: Authority, where: str
) -> None:
    async with Upstream(speak=_answer_in_plain_text) as plain, Upstream(tls=authority.server()) as foreign:
        url = {
            "closed port": f"http://127.0.0.1:{unused_port()}",
            "no such host": "http://nobody.invalid",
            "no tls": plain.url.replace("http", "https"),
            "unknown authority": foreign.url,
        }[where]
        with pytest.raises(ConnectionFailed) as caught:
            await transport.send(post(url))
    assert not caught.value.may_be_billed


async def test_a_request_that_is_known_to_be_cut_short_cannot_be_billed() -> None:
    async def broken_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.transport.abort()

    transport = Http1Transport(TransportOptions())
    async with Upstream(speak=broken_off) as upstream:
        with pytest.raises(ConnectionFailed) as caught:
            await transport.send(post(upstream.url, bytes(32 * MB)))
    assert not caught.value.may_be_billed
    await transport.close()


async def test_a_certificate_that_is_refused_costs_nothing(authority: Authority) -> None:
    """With a server over OpenSSL alone: asyncio's does not send the alert."""
    context = authority.server(ask_client=True)

    def refuse(listening: socket.socket) -> None:
        accepted, _ = listening.accept()
        with context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as secured:
            with pytest.raises(ssl.SSLError):
                secured.do_handshake()
            while os.read(secured.fileno(), 65_536):  # until the client has closed: unread bytes would make it a reset
                pass

    transport = Http1Transport(TransportOptions(ca_file=str(authority.ca_file)))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = asyncio.create_task(asyncio.to_thread(refuse, listening))
        with pytest.raises(TlsFailed) as caught:
            await transport.send(post(f"https://127.0.0.1:{listening.getsockname()[1]}"))
        await server
    assert not caught.value.may_be_billed
    await transport.close()


async def test_garbage_inside_tls_is_no_refusal(authority: Authority) -> None:
    async def script(exchange: Exchange) -> None:
        raw = socket.socket(fileno=os.dup(exchange.writer.get_extra_info("socket").fileno()))
        with raw:
            raw.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await exchange.gone()

    transport = Http1Transport(TransportOptions(ca_file=str(authority.ca_file)))
    async with Upstream(script, tls=authority.server()) as upstream:
        with pytest.raises(ConnectionFailed) as caught:
            await transport.send(post(upstream.url))
    assert type(caught.value) is ConnectionFailed
    assert caught.value.may_be_billed
    await transport.close()


# ── cancelling and closing ──


async def test_cancelling_before_the_headers_cuts_the_connection_at_once(transport: Transport) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def script(exchange: Exchange) -> None:
        asked.set()
        await exchange.gone()
        gone.set()

    async with Upstream(script) as upstream:
        call = asyncio.create_task(transport.send(post(upstream.url)))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await soon(gone) < AT_ONCE_S


async def test_cancelling_inside_the_body_and_closing_cuts_the_connection_at_once(transport: Transport) -> None:
    gone = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"one")
        await exchange.gone()
        gone.set()

    async def read_all(response: HttpResponse) -> None:
        async for piece in response.chunks():
            assert piece == b"one"
            reading.set()

    reading = asyncio.Event()
    async with Upstream(script) as upstream:
        response = await transport.send(post(upstream.url))
        reader = asyncio.create_task(read_all(response))
        await reading.wait()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await response.close()
        assert await soon(gone) < AT_ONCE_S


async def test_closing_an_unread_response_cuts_the_connection_and_is_idempotent(transport: Transport) -> None:
    gone = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.gone()
        gone.set()

    async with Upstream(script) as upstream:
        response = await transport.send(post(upstream.url))
        await response.close()
        await response.close()
        assert await soon(gone) < AT_ONCE_S


async def test_reading_slowly_holds_the_vendor_back(transport: Transport) -> None:
    sent = 0

    async def script(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.start()
        for _ in range(2000):
            await exchange.chunk(b"x" * 32_768)
            sent += 32_768
        await exchange.end()

    async with Upstream(script, send_buffer=65_536) as upstream:
        response = await transport.send(post(upstream.url))
        await _standstill(lambda: sent)
        assert sent < 16 * MB, "all of it was read ahead of anybody asking"
        assert len(await response.read(2000 * 32_768)) == 2000 * 32_768
        await response.close()


async def _standstill(count: Callable[[], int]) -> None:
    """Wait until a counter has stopped moving."""
    before = -1
    while before != count():
        before = count()
        await asyncio.sleep(0.1)


# ── what must not happen ──


async def test_a_redirect_is_an_answer_and_no_key_follows_it(transport: Transport) -> None:
    async with Upstream() as elsewhere:

        async def script(exchange: Exchange) -> None:
            await exchange.reply(307, b"moved", ("Location", elsewhere.url + "/steal"))

        async with Upstream(script) as upstream:
            assert await whole(transport, post(upstream.url, x_api_key="secret")) == (307, b"moved")
        assert elsewhere.requests == []


async def test_cookies_are_not_kept(transport: Transport) -> None:
    async with Upstream(lambda exchange: exchange.reply(200, b"{}", ("Set-Cookie", "a=b; Path=/"))) as upstream:
        await whole(transport, post(upstream.url))
        await whole(transport, post(upstream.url))
    assert [request.header("cookie") for request in upstream.requests] == [None, None]


@pytest.mark.parametrize("bad", ["a\r\nx-admin: 1", "a\nb", "a\rb", "a\0b"])
async def test_line_breaks_in_header_values_are_refused_and_not_shown(transport: Transport, bad: str) -> None:
    async with Upstream() as upstream:
        with pytest.raises(BadRequest) as caught:
            await transport.send(post(upstream.url, anthropic_beta=bad))
        assert caught.value.param == "anthropic-beta"
        assert "x-admin" not in caught.value.message
    assert upstream.requests == []


@pytest.mark.parametrize("name", ["x\r\ny", "x: y", "x y", ""])
async def test_broken_header_names_are_refused(transport: Transport, name: str) -> None:
    request = HttpRequest(method="POST", url="http://127.0.0.1:1/", headers=((name, "v"),))
    with pytest.raises(BadRequest):
        await transport.send(request)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a b", "http://127.0.0.1:1/a\r\nx: y", "ftp://127.0.0.1/", "/v1"])
async def test_broken_urls_are_refused(transport: Transport, url: str) -> None:
    with pytest.raises((BadRequest, ConnectionFailed)):
        await transport.send(post(url))


async def test_the_environment_names_no_proxy(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Upstream() as upstream, Upstream() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await whole(transport, post(upstream.url))
    assert len(upstream.requests) == 1
    assert proxy.requests == []


# ── compression nobody asked for ──


def _raw_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", _raw_deflate),
        ("gzip", lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])),
        ("identity", bytes),
    ],
    ids=["gzip", "x-gzip", "zlib", "raw deflate", "two gzip members", "identity"],
)
async def test_a_compressed_body_is_read_all_the_same(
    transport: Transport, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    text = b'{"text": "' + b"hello " * 1000 + b'"}'

    async with Upstream(lambda exchange: exchange.reply(200, compress(text), ("Content-Encoding", coding))) as upstream:
        assert await whole(transport, post(upstream.url)) == (200, text)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "made-up"])
async def test_an_encoding_we_cannot_read_is_malformed(transport: Transport, coding: str) -> None:
    async with Upstream(lambda exchange: exchange.reply(200, b"?", ("Content-Encoding", coding))) as upstream:
        with pytest.raises(MalformedOutput):
            await whole(transport, post(upstream.url))


async def test_a_bomb_is_refused_at_the_limit(transport: Transport) -> None:
    bomb = gzip.compress(bytes(64 * MB), 1)

    async with Upstream(lambda exchange: exchange.reply(200, bomb, ("Content-Encoding", "gzip"))) as upstream:
        with pytest.raises(MalformedOutput):
            await whole(transport, post(upstream.url), limit=MB)


async def test_a_streamed_bomb_comes_in_small_pieces(transport: Transport) -> None:
    bomb = gzip.compress(bytes(16 * MB), 9)

    async with Upstream(lambda exchange: exchange.reply(200, bomb, ("Content-Encoding", "gzip"))) as upstream:
        response = await transport.send(post(upstream.url))
        sizes = [len(piece) async for piece in response.chunks()]
        await response.close()
    assert sum(sizes) == 16 * MB
    assert max(sizes) <= 256 * 1024


@pytest.mark.parametrize("data", [b"not gzip at all", gzip.compress(b"hello" * 100)[:-12]], ids=["garbage", "cut"])
async def test_broken_compression_is_an_error(transport: Transport, data: bytes) -> None:
    async with Upstream(lambda exchange: exchange.reply(200, data, ("Content-Encoding", "gzip"))) as upstream:
        with pytest.raises((MalformedOutput, ConnectionFailed)):
            await whole(transport, post(upstream.url))


# ── TLS and proxies ──


async def test_an_unknown_authority_is_a_tls_failure(transport: Transport, authority: Authority) -> None:
    async with Upstream(tls=authority.server()) as upstream:
        with pytest.raises(TlsFailed):
            await transport.send(post(upstream.url))
    assert upstream.requests == []


async def test_a_foreign_name_is_a_tls_failure(
    kind: Callable[[TransportOptions], Transport], authority: Authority
) -> None:
    transport = kind(TransportOptions(ca_file=str(authority.ca_file)))
    async with Upstream(tls=authority.server(address="127.0.0.9")) as upstream:
        with pytest.raises(TlsFailed):
            await transport.send(post(upstream.url))
    await transport.close()


async def test_tls_to_a_server_without_it_is_a_tls_failure(transport: Transport) -> None:
    async with Upstream(speak=_answer_in_plain_text) as upstream:
        with pytest.raises(TlsFailed):
            await transport.send(post(upstream.url.replace("http", "https")))


async def _answer_in_plain_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
    await writer.drain()


async def test_an_authority_from_the_configuration_is_trusted(
    kind: Callable[[TransportOptions], Transport], authority: Authority
) -> None:
    transport = kind(TransportOptions(ca_file=str(authority.ca_file)))
    async with Upstream(tls=authority.server()) as upstream:
        for _ in range(3):
            assert await whole(transport, post(upstream.url, b"x" * MB)) == (200, b"{}")
        assert upstream.connections == 1
    await transport.close()


async def test_a_client_certificate_is_shown_where_the_server_asks(
    kind: Callable[[TransportOptions], Transport], authority: Authority
) -> None:
    certificate, key = authority.issue("client")
    ours = TransportOptions(ca_file=str(authority.ca_file), client_cert=str(certificate), client_key=str(key))
    async with Upstream(tls=authority.server(ask_client=True)) as upstream:
        transport = kind(ours)
        assert (await whole(transport, post(upstream.url)))[0] == 200
        await transport.close()
        assert upstream.requests[0].client_certificate

        without = kind(TransportOptions(ca_file=str(authority.ca_file)))
        with pytest.raises(ConnectionFailed):
            await whole(without, post(upstream.url))
        await without.close()


@pytest.mark.parametrize(
    "options",
    [
        {"ca_file": "/nowhere/ca.pem"},
        {"client_cert": "/nowhere/client.pem"},
        {"client_key": "/nowhere/client.key"},
        {"proxy": "socks5://127.0.0.1:1"},
        {"proxy": "127.0.0.1:3128"},
    ],
    ids=lambda options: "-".join(options),
)
def test_options_that_cannot_be_used_are_config_errors(
    kind: Callable[[TransportOptions], Transport], options: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        kind(TransportOptions(**options))
    assert next(iter(options)) in caught.value.message


def test_a_ca_file_that_holds_none_is_a_config_error(
    kind: Callable[[TransportOptions], Transport], tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError):
        kind(TransportOptions(ca_file=str(tmp_path / "ca.pem")))


async def test_a_configured_proxy_is_asked_with_the_whole_url(kind: Callable[[TransportOptions], Transport]) -> None:
    async with Upstream() as proxy:
        transport = kind(TransportOptions(proxy=proxy.url.replace("//", "//me:pass%20word@")))
        assert (await whole(transport, post("http://vendor.invalid/v1/x?y=1", x_api_key="k")))[0] == 200
        await transport.close()
    received = proxy.requests[0]
    assert received.target == "http://vendor.invalid/v1/x?y=1"
    assert received.header("host") == "vendor.invalid"
    assert received.header("proxy-authorization") == "Basic bWU6cGFzcyB3b3Jk"


async def test_tls_goes_through_a_tunnel_and_the_proxy_sees_no_key(
    kind: Callable[[TransportOptions], Transport], authority: Authority
) -> None:
    async with Upstream(tls=authority.server()) as upstream:

        async def tunnel(exchange: Exchange) -> None:
            to, port = exchange.request.target.split(":")
            reader, writer = await asyncio.open_connection(to, int(port))
            await exchange.send(head(200))
            pipes = _pipe(exchange.reader, writer), _pipe(reader, exchange.writer)
            await asyncio.gather(*pipes, return_exceptions=True)
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            exchange.finished = True

        async with Upstream(tunnel) as proxy:
            transport = kind(TransportOptions(ca_file=str(authority.ca_file), proxy=proxy.url))
            assert (await whole(transport, post(upstream.url, x_api_key="k")))[0] == 200
            await transport.close()
    assert proxy.requests[0].method == "CONNECT"
    assert proxy.requests[0].header("x-api-key") is None
    assert upstream.requests[0].header("x-api-key") == "k"


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def test_a_proxy_that_refuses_is_a_failed_connection(kind: Callable[[TransportOptions], Transport]) -> None:
    async with Upstream(lambda exchange: exchange.reply(407, b"who are you?")) as proxy:
        transport = kind(TransportOptions(proxy=proxy.url))
        with pytest.raises(ConnectionFailed) as caught:
            await transport.send(post("https://vendor.invalid/v1"))
        assert "407" in caught.value.message
        await transport.close()


async def test_once_drained_no_connection_is_used_twice(transport: Transport) -> None:
    async with Upstream() as upstream:
        for _ in range(2):
            await whole(transport, post(upstream.url))
        assert upstream.connections == 1
        await transport.drain()
        for _ in range(3):
            assert (await whole(transport, post(upstream.url)))[0] == 200
        last = [each.connection for each in upstream.requests[-3:]]
        assert len(set(last)) == 3
