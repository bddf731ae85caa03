"""The default transport: an HTTP/1.1 client of our own over asyncio (RFC 9112), small because it does one thing."""

from headgate.providers.http1.transport import Http1Transport

__all__ = ["Http1Transport"]
