"""A transport over aiohttp (extra `aiohttp`): a second, independent way to a vendor behind the same port."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

try:
    import aiohttp
    from yarl import URL
except ImportError as error:
    raise ImportError("the aiohttp transport needs its extra: pip install 'headgate[aiohttp]'") from error

from headgate.errors import (
    BadRequest,
    ConnectionFailed,
    DnsFailed,
    HeadgateError,
    MalformedOutput,
    Timeout,
    TlsFailed,
)
from headgate.providers.encoding import Inflater, inflater
from headgate.providers.headers import refuse_injection
from headgate.providers.proxy import Proxy
from headgate.providers.tls import tls_context
from headgate.providers.transport import HttpRequest, TransportOptions

_PIECE_BYTES = 256 * 1024
_UNANSWERED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientResponseError)
"""What breaks off an exchange. A reset is this, however little had been sent by then."""
_UNCONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)
"""Those of them that say there was none yet."""
_NO_DEFAULTS = ("accept", "accept-encoding", "content-type", "user-agent")


class AiohttpTransport:
    """Sends requests through one aiohttp session, from one event loop."""

    def __init__(self, options: TransportOptions) -> None:
        """Raises ConfigError where a file cannot be used or the proxy is not one we can speak to."""
        self._options = options
        self._tls = tls_context(options)
        self._proxy = Proxy.parse(options.proxy) if options.proxy else None
        self._session: aiohttp.ClientSession | None = None
        self._former: aiohttp.ClientSession | None = None
        """The session before draining: its idle connections go with aiohttp's own sweep."""

    async def send(self, request: HttpRequest) -> AiohttpResponse:
        refuse_injection(request.headers)
        session = self._session or self._open()
        headers = request.headers
        if self._proxy is not None and request.url.startswith("http:"):
            headers += self._proxy.headers
        try:
            response = await session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=headers,
                data=io.BytesIO(request.body) if request.body else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=request.connect_s or self._options.connect_s),
                proxy=self._proxy.url if self._proxy is not None else None,
                proxy_headers=dict(self._proxy.headers) if self._proxy is not None else None,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error, request.url) from error
        try:
            return AiohttpResponse(response)
        except MalformedOutput as error:
            error.may_be_billed = response.status < 300
            response.close()
            raise

    async def drain(self) -> None:
        if self._former is None:
            self._former, self._session = self._session or self._open(), None

    async def close(self) -> None:
        for session in (self._session, self._former):
            if session is not None:
                await session.close()
        self._session = self._former = None

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=self._connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_DEFAULTS,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_PIECE_BYTES,
        )
        return self._session

    def _connector(self) -> aiohttp.TCPConnector:
        if self._former is not None:
            return aiohttp.TCPConnector(limit=0, ssl=self._tls, force_close=True)
        return aiohttp.TCPConnector(limit=0, ssl=self._tls, keepalive_timeout=self._options.idle_s)


class AiohttpResponse:
    """One of aiohttp's responses behind our port."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Raises MalformedOutput for a compression we cannot read."""
        self.status: int = response.status
        self._response = response
        self._headers: Mapping[str, str] | None = None
        self._inflater: Inflater | None = inflater(response.headers.get("content-encoding"))

    @property
    def headers(self) -> Mapping[str, str]:
        if self._headers is None:
            headers: dict[str, str] = {}
            for name, value in self._response.headers.items():
                headers.setdefault(name.lower(), value)
            self._headers = headers
        return self._headers

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in self.chunks():
            size += len(piece)
            if size > limit:
                raise MalformedOutput(f"the vendor's answer is longer than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while data := await content.readany():
                if self._inflater is None:
                    yield data
                else:
                    for piece in self._inflater.feed(data):
                        yield piece
        except aiohttp.ClientError as error:
            raise ConnectionFailed(f"the connection broke before the body's end: {error}") from error
        if self._inflater is not None:
            self._inflater.close()

    async def close(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def _failure(error: Exception, url: str) -> HeadgateError:
    """What one of aiohttp's errors is called here."""
    host = url.split("/")[2] if url.count("/") >= 2 else url
    kinds: tuple[tuple[Any, type[HeadgateError]], ...] = (
        (aiohttp.ClientConnectorDNSError, DnsFailed),
        ((aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError), TlsFailed),
        (asyncio.TimeoutError, Timeout),
        (aiohttp.InvalidURL, BadRequest),
        ((aiohttp.ClientConnectionError, OSError), ConnectionFailed),
        (aiohttp.ClientHttpProxyError, ConnectionFailed),
        (aiohttp.ClientPayloadError, ConnectionFailed),
        (aiohttp.ClientResponseError, MalformedOutput),
        (ValueError, BadRequest),
    )
    kind = next((kind for types, kind in kinds if isinstance(error, types)), ConnectionFailed)
    broken_off = isinstance(error, _UNANSWERED) and not isinstance(error, _UNCONNECTED)
    return kind(f"{host}: {error or type(error).__name__}", may_be_billed=broken_off)
