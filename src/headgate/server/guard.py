"""What is checked on a request's headers, before its body is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from headgate.errors import BadRequest, Forbidden, PayloadTooLarge, UnsupportedMediaType

LOOPBACK_HOSTS = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})


class Guard:
    """Refuses requests a browser was tricked into sending, and bodies that are too large or of a wrong kind."""

    def __init__(self, hosts: Iterable[str], max_body_bytes: int) -> None:
        self._hosts = LOOPBACK_HOSTS | {
            (f"[{host}]" if ":" in host and not host.startswith("[") else host).lower().encode() for host in hosts
        }
        self._max_body_bytes = max_body_bytes
        self._known_hosts: set[bytes] = set()

    def check_origin(self, headers: Mapping[bytes, bytes]) -> None:
        """Check `Host` (against DNS rebinding) and `Origin` (against cross-site requests).

        Raises:
            Forbidden: one of them is foreign.
        """
        host = headers.get(b"host", b"")
        if host not in self._known_hosts:
            if _name(host) not in self._hosts:
                raise Forbidden(
                    f"The Host '{host.decode('latin-1')[:200]}' is not served here. List it under server.hosts."
                )
            if len(self._known_hosts) < 1000:
                self._known_hosts.add(host)
        origin = headers.get(b"origin")
        if origin is not None and _name(_netloc(origin)) not in self._hosts:
            raise Forbidden(f"The Origin '{origin.decode('latin-1')[:200]}' is not allowed here.")

    def check_body(self, headers: Mapping[bytes, bytes], multipart: bool) -> None:
        """Check what the headers say about the body.

        Raises:
            UnsupportedMediaType: neither JSON nor, where that is taken, multipart; or compressed.
            PayloadTooLarge: longer than the server takes.
            BadRequest: `content-length` is not a number.
        """
        content_type = headers.get(b"content-type", b"")
        if content_type != b"application/json":
            kind = content_type.partition(b";")[0].strip().lower()
            if kind != b"application/json" and not (multipart and kind == b"multipart/form-data"):
                wanted = "application/json" + (" or multipart/form-data" if multipart else "")
                shown = content_type.decode("latin-1")[:200] or "nothing"
                raise UnsupportedMediaType(f"The content-type must be {wanted}, not {shown}.")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise UnsupportedMediaType("Compressed request bodies are not taken; send identity encoding.")
        length = headers.get(b"content-length")
        if length is not None:
            if not length.isdigit():
                raise BadRequest("content-length is not a number.")
            if int(length) > self._max_body_bytes:
                raise too_large(self._max_body_bytes)


_ONCE = (
    b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"authorization",
    b"x-api-key", b"x-headgate-key", b"origin",
)  # fmt: skip


def check_repeated(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a request in which two readers could see two different values.

    Raises:
        BadRequest: a header that decides something is there twice (RFC 9112, section 3.2).
    """
    names = [name for name, _ in headers]
    for name in _ONCE:
        if names.count(name) > 1:
            raise BadRequest(f"The header '{name.decode()}' is there more than once.")


def too_large(limit_bytes: int) -> PayloadTooLarge:
    limit_mb = limit_bytes / 1024 / 1024
    return PayloadTooLarge(f"The body is larger than {limit_mb:g} MB. server.max_body_mb sets the limit.")


_NETLOC = re.compile(rb"(\[[0-9a-f:.]+\]|[^:\[\]/?#@\s]+)(?::[0-9]{1,5})?")


def _name(netloc: bytes) -> bytes:
    """The host of `host:port`, lower-case; IPv6 addresses keep their brackets. Empty where it is not of that form."""
    match = _NETLOC.fullmatch(netloc.lower())
    return match[1] if match else b""


def _netloc(origin: bytes) -> bytes:
    scheme, _, netloc = origin.partition(b"://")
    return netloc if scheme in (b"http", b"https") else b""
