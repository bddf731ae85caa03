"""Upstream URLs taken apart."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from headgate.errors import BadRequest


class Origin(NamedTuple):
    """Where connections are interchangeable."""

    host: str
    port: int
    secure: bool


class Address(NamedTuple):
    """A URL taken apart."""

    origin: Origin
    authority: str
    target: str


@lru_cache(maxsize=4096)
def parse_url(url: str) -> Address:
    """Take an absolute http or https URL apart.

    Raises:
        BadRequest: it is none, carries credentials, or a character that would end the request line.
    """
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise BadRequest("The upstream URL holds a space, a control or a non-ASCII character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadRequest(f"The upstream URL is not valid: {error}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise BadRequest("The upstream URL must be http:// or https:// with a host and without credentials.")
    secure = parts.scheme == "https"
    host = parts.hostname
    target = parts.path or "/"
    if parts.query:
        target = f"{target}?{parts.query}"
    authority = bracketed(host) if port is None else f"{bracketed(host)}:{port}"
    return Address(Origin(host, port or (443 if secure else 80), secure), authority, target)


def bracketed(host: str) -> str:
    """A host as it stands in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host
