"""Fetching the documents of configured identity providers. No URL of a request or of a token gets here."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import jiter
import msgspec

from headgate.access.addresses import is_loopback
from headgate.errors import ConnectionFailed, MalformedOutput, Timeout
from headgate.providers.transport import HttpRequest, Transport, TransportOptions
from headgate.types import JSON

TIME_S = 10.0
"""Longest time for one document, the connection included."""

MAX_BYTES = 512 * 1024


class UrlError(ValueError):
    """The URL is not one we would ask."""


class Fetcher:
    """Gets JSON documents over https. Plain http goes to this machine only, and only where `loopback` is set: what a
    provider elsewhere says must not make us ask what listens here.

    It follows no redirect, keeps no cookie and reads no more than `MAX_BYTES` in `TIME_S`.
    """

    def __init__(self, ca_file: str | None = None, *, loopback: bool = False) -> None:
        """Raises ConfigError where `ca_file` cannot be used."""
        from headgate.providers.http1 import Http1Transport  # most gateways never ask an identity provider

        self._transport: Transport = Http1Transport(TransportOptions(ca_file=ca_file, pool_size=4))
        self._loopback = loopback

    async def get(self, url: str) -> JSON:
        """The document at a URL.

        Raises:
            UrlError: it is neither https nor on this machine.
            UpstreamError: it cannot be had, or is no JSON object.
        """
        return await self._ask(HttpRequest(method="GET", url=url, headers=(("accept", "application/json"),)))

    async def post(self, url: str, form: bytes, headers: tuple[tuple[str, str], ...] = ()) -> JSON:
        """The answer to a form. Raises as `get`."""
        kind = (("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json"))
        return await self._ask(HttpRequest(method="POST", url=url, headers=(*kind, *headers), body=form))

    async def close(self) -> None:
        await self._transport.close()

    async def _ask(self, request: HttpRequest) -> JSON:
        check_url(request.url, loopback=self._loopback)
        try:
            async with asyncio.timeout(TIME_S):
                response = await self._transport.send(request)
                try:
                    body = await response.read(MAX_BYTES)
                finally:
                    await response.close()
        except TimeoutError:
            raise Timeout(f"{_shown(request.url)} did not answer within {TIME_S:g} s") from None
        if response.status != 200:
            raise ConnectionFailed(f"{_shown(request.url)} answered {response.status}{_reason(body)}")
        try:
            tree = jiter.from_json(body)
        except ValueError as error:
            raise MalformedOutput(f"{_shown(request.url)} did not answer JSON: {error}") from None
        if type(tree) is not dict:
            raise MalformedOutput(f"{_shown(request.url)} did not answer a JSON object")
        return tree


def check_url(url: str, *, loopback: bool) -> None:
    """Raise `UrlError` for a URL that is neither https nor, where that is allowed, http to this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UrlError("is no URL") from None
    if not host or "@" in parts.netloc or parts.fragment:
        raise UrlError("is no URL of a host, without user and fragment")
    if parts.scheme == "https" or (parts.scheme == "http" and loopback and is_loopback(host)):
        return
    raise UrlError("must be https")


def _shown(url: str) -> str:
    return url.partition("?")[0][:200]


class _Failure(msgspec.Struct):
    """An error as OAuth 2.0 tells it (RFC 6749, section 5.2)."""

    error: str = ""


def _reason(body: bytes) -> str:
    try:
        error = msgspec.json.decode(body, type=_Failure).error
    except msgspec.DecodeError:
        return ""
    return f" ({error[:100]})" if error.isascii() and error.isprintable() and error else ""
