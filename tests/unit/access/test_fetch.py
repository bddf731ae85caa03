"""Asking identity providers, and nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from certificates import Authority
from headgate.access import fetch
from headgate.access.fetch import Fetcher, UrlError, check_url
from headgate.errors import ConnectionFailed, MalformedOutput, Timeout, TlsFailed
from upstream import Exchange, Upstream


@pytest.mark.parametrize(
    "url", ["https://a.test", "https://a.test:8443/x?y=1", "https://10.0.0.1/x", "https://[::1]/x"]
)
def test_https_is_asked(url: str):
    check_url(url, loopback=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:1", "http://127.1.2.3"])
def test_this_machine_is_asked_in_the_clear_where_that_is_allowed(url: str):
    check_url(url, loopback=True)
    with pytest.raises(UrlError):
        check_url(url, loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test",
        "http://169.254.169.254/latest",
        "http://localhost.a.test",
        "http://127.0.0.1.a.test",
        "http://0.0.0.0/",
        "http://[::ffff:169.254.169.254]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "file:///etc/passwd",
        "gopher://a.test",
        "//a.test",
        "a.test",
        "",
        "https://",
        "https://good@evil.test",
        "https://a.test#x",
        "https://[::1",
        "https://a.test:x",
    ],
)
def test_nothing_else_is_asked(url: str):
    with pytest.raises(UrlError):
        check_url(url, loopback=True)


async def test_a_document_is_fetched():
    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, b'{"a": 1}')

    async with Upstream(script) as upstream:
        fetcher = Fetcher(loopback=True)
        assert await fetcher.get(f"{upstream.url}/x") == {"a": 1}
        assert await fetcher.post(f"{upstream.url}/y", b"b=2", (("authorization", "Basic x"),)) == {"a": 1}
        await fetcher.close()
        assert upstream.requests[1].body == b"b=2"
        assert upstream.requests[1].header("content-type") == "application/x-www-form-urlencoded"


async def test_a_redirect_is_not_followed():
    async def script(exchange: Exchange) -> None:
        await exchange.reply(302, b"", ("location", "/y"))

    async with Upstream(script) as upstream:
        fetcher = Fetcher(loopback=True)
        with pytest.raises(ConnectionFailed, match="302"):
            await fetcher.get(f"{upstream.url}/x?secret=1")
        await fetcher.close()
        assert [request.target for request in upstream.requests] == ["/x?secret=1"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": "invalid_grant"}', "answered 400 (invalid_grant)"),
        (b'{"error": "a\\u001b[2Jb"}', "answered 400"),
        (b"<html>", "answered 400"),
    ],
)
async def test_why_an_identity_provider_refuses_is_told_without_its_own_words(body: bytes, told: str):
    async def script(exchange: Exchange) -> None:
        await exchange.reply(400, body)

    async with Upstream(script) as upstream:
        fetcher = Fetcher(loopback=True)
        with pytest.raises(ConnectionFailed) as caught:
            await fetcher.get(f"{upstream.url}/x?secret=1")
        assert caught.value.message == f"{upstream.url}/x {told}"
        await fetcher.close()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"\xff"])
async def test_what_is_no_json_object_is_refused(body: bytes):
    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, body)

    async with Upstream(script) as upstream:
        fetcher = Fetcher(loopback=True)
        with pytest.raises(MalformedOutput):
            await fetcher.get(upstream.url)
        await fetcher.close()


async def test_an_endless_document_is_not_read_to_its_end():
    async def script(exchange: Exchange) -> None:
        await exchange.start(200)
        while True:
            await exchange.chunk(b" " * 65536)

    async with Upstream(script) as upstream:
        fetcher = Fetcher(loopback=True)
        with pytest.raises(MalformedOutput, match="longer than"):
            await fetcher.get(upstream.url)
        await fetcher.close()


async def test_a_document_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch, "TIME_S", 0.05)

    async def script(exchange: Exchange) -> None:
        await exchange.start(200)
        while True:
            await exchange.chunk(b" ")
            await asyncio.sleep(0.01)

    async with Upstream(script) as upstream:
        fetcher = Fetcher(loopback=True)
        with pytest.raises(Timeout):
            await fetcher.get(upstream.url)
        await fetcher.close()


async def test_whose_certificate_is_not_vouched_for_is_not_believed(tmp_path: Path):
    authority = Authority(tmp_path)

    async def script(exchange: Exchange) -> None:
        await exchange.reply(200, b"{}")

    async with Upstream(script, tls=authority.server()) as upstream:
        url = f"https://127.0.0.1:{upstream.port}/x"
        stranger, friend = Fetcher(), Fetcher(str(authority.ca_file))
        with pytest.raises(TlsFailed):
            await stranger.get(url)
        assert await friend.get(url) == {}
        await stranger.close()
        await friend.close()
