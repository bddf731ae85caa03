"""The bytes of HTTP/1.1 messages (RFC 9112), without I/O: request heads out, response heads and bodies in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Literal, Protocol

from headgate.errors import MalformedOutput
from headgate.providers.headers import refuse_injection

MAX_HEAD_BYTES = 128 * 1024
"""Longest status line and headers taken; also the longest trailers."""

_MAX_LINE_BYTES = 16 * 1024
"""Longest chunk size with its extensions, longest trailer."""
_MAX_SIZE_DIGITS = 15
_HEX = b"0123456789abcdefABCDEF"


_name = itemgetter(0)
_sent_before: set[str] = set()
"""Header names found to be in order, so that each is looked at once."""
_MAX_NAMES = 1000
_LENGTHLESS = frozenset({"GET", "HEAD", "DELETE", "CONNECT"})  # an empty body needs no length with these


def request_head(method: str, target: str, authority: str, headers: tuple[tuple[str, str], ...], length: int) -> bytes:
    """Request line and headers, the empty line included.

    Raises:
        BadRequest: a header holds a line break or a character that is none of a header; names the header.
    """
    size = "" if not length and method in _LENGTHLESS else f"content-length: {length}\r\n"
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    one_line_each = lines.count("\n") == lines.count("\r") == len(headers)
    if not (one_line_each and lines.isascii() and "\0" not in lines and _sent_before.issuperset(map(_name, headers))):
        refuse_injection(headers)
        if len(_sent_before) < _MAX_NAMES:
            _sent_before.update(map(_name, headers))
    return f"{method} {target} HTTP/1.1\r\nhost: {authority}\r\n{size}{lines}\r\n".encode("latin-1")


class Headers(Mapping[str, str]):
    """Response headers, looked up in the raw head as they are asked for: most of them never are.

    Names are lower-case. Of a repeated header the first value.
    """

    __slots__ = ("_head", "_lower")

    def __init__(self, head: str) -> None:
        """`head` is the status line and the header lines, without the empty line."""
        self._head = head
        self._lower = head.lower()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]  # narrower: no other default
        start = self._lower.find(f"\n{name}:")
        if start < 0:
            return default
        start += len(name) + 2
        end = self._head.find("\r", start)
        return self._head[start : end if end >= 0 else None].strip(" \t")

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return f"\n{name}:" in self._lower

    def __iter__(self) -> Iterator[str]:
        lines = self._lower.split("\r\n")[1:]
        return iter(dict.fromkeys(line.partition(":")[0] for line in lines))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        first = self.get(name)
        if first is None or self._lower.count(f"\n{name}:") == 1:
            return [] if first is None else [first]
        pairs = (line.partition(":") for line in self._head.split("\r\n")[1:])
        return [value.strip(" \t") for key, _, value in pairs if key.lower() == name]


class Head:
    """A response's status line and headers."""

    __slots__ = ("headers", "keeps_open", "status")

    def __init__(self, raw: bytes) -> None:
        """Read a head, its empty line cut off.

        Raises:
            MalformedOutput: it is not the head of an HTTP/1 response.
        """
        status = raw[9:12]
        if raw[:7] != b"HTTP/1." or raw[8:9] != b" " or not status.isdigit() or raw[12:13] not in (b" ", b"\r", b""):
            raise MalformedOutput("the vendor's response does not begin with an HTTP/1 status line")
        text = raw.decode("latin-1")
        if text.count("\n") != text.count("\r\n") or "\r\n " in text or "\r\n\t" in text or "\0" in text:
            raise MalformedOutput("the headers of the vendor's response are broken")
        self.status = int(status)
        self.headers = Headers(text)
        connection = (self.headers.get("connection") or "").lower()
        self.keeps_open = "keep-alive" in connection if raw[7:8] == b"0" else "close" not in connection


class Body(Protocol):
    """Tells a response's body from what surrounds it on the wire."""

    done: bool
    """The body's end was seen."""
    reusable: bool
    """The connection can carry another exchange once the body is done."""

    def feed(self, data: bytes) -> bytes:
        """The content in `data`; may be empty.

        Raises:
            MalformedOutput: the framing is broken.
        """
        ...

    def end(self) -> bool:
        """The connection has ended; whether the body is whole."""
        ...


def body_of(head: Head, method: str) -> Body:
    """How the body behind a head is framed (RFC 9112, section 6.3).

    Raises:
        MalformedOutput: it contradicts itself, or is framed in a way we do not know.
    """
    headers = head.headers
    if method == "HEAD" or head.status in (204, 304):
        return SizedBody(0)
    coding = headers.get("transfer-encoding")
    lengths = headers.all("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or len(headers.all("transfer-encoding")) > 1:
            raise MalformedOutput(f"the vendor's response has the unknown transfer encoding '{coding[:40]}'")
        return ChunkedBody(reusable=not lengths)  # both headers: an intermediary may have read it differently
    if not lengths:
        return OpenBody()
    length = lengths[0]
    if not (length.isascii() and length.isdigit() and len(length) < 16) or any(each != length for each in lengths):
        raise MalformedOutput("the vendor's response has a broken content-length")
    return SizedBody(int(length))


class SizedBody:
    """A body of known length."""

    __slots__ = ("done", "left", "reusable")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0
        self.reusable = True

    def feed(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left <= 0:
            self.done = True
            if self.left < 0:  # more than announced: what follows belongs to no request of ours
                self.reusable = False
                data = data[: self.left]
                self.left = 0
        return data

    def end(self) -> bool:
        return self.done


class OpenBody:
    """A body that lasts as long as its connection."""

    __slots__ = ("done", "reusable")

    def __init__(self) -> None:
        self.done = False
        self.reusable = False

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bool:
        self.done = True
        return True


class ChunkedBody:
    """A body in chunks (RFC 9112, section 7.1). Chunk extensions and trailers are read and left out."""

    __slots__ = ("_left", "_line", "_line_of", "_trailer_bytes", "done", "reusable")

    def __init__(self, reusable: bool = True) -> None:
        self.done = False
        self.reusable = reusable
        self._left = 0
        """Bytes of the current chunk still to come."""
        self._line = b""
        """A line that has begun."""
        self._line_of: Literal["size", "chunk end", "trailer"] = "size"
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> bytes:
        if self._line:
            data = self._line + data
            self._line = b""
        pieces: list[bytes] = []
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            stop = data.find(b"\r\n", at)
            if stop < 0:
                self._line = data[at:]
                at = end
                if len(self._line) > _MAX_LINE_BYTES:
                    raise MalformedOutput("the vendor's response has an endless line between its chunks")
            else:
                self._take_line(data[at:stop])
                at = stop + 2
        if at < end:  # more than the body: it belongs to no request of ours
            self.reusable = False
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def end(self) -> bool:
        return self.done

    def _take_line(self, line: bytes) -> None:
        if self._line_of == "size":
            digits = line.partition(b";")[0].strip(b" \t")
            if not 0 < len(digits) <= _MAX_SIZE_DIGITS or digits.strip(_HEX):
                raise MalformedOutput("a chunk of the vendor's response has no size")
            self._left = int(digits, 16)
            self._line_of = "chunk end" if self._left else "trailer"
        elif self._line_of == "chunk end":
            if line:
                raise MalformedOutput("a chunk of the vendor's response is longer than it says")
            self._line_of = "size"
        else:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > MAX_HEAD_BYTES:
                raise MalformedOutput("the trailers of the vendor's response are too long")
            self.done = not line
