"""Upstream URLs taken apart."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
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


_EMBEDDING = tuple(ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
"""IPv6 networks whose addresses stand for IPv4 ones: translation, 6to4, Teredo."""


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet: not of this machine, a private or shared network, a link, a
    group; nor an IPv6 address that stands for one of IPv4.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _EMBEDDING):
            return False
    return found.is_global and not found.is_multicast
