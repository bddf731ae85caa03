"""The AWS binary event stream, cut into frames (`application/vnd.amazon.eventstream`; Smithy 2.0, "Amazon Event
Stream Specification").

A message is `total length, headers length, CRC of these eight bytes, headers, payload, CRC of all before`, all numbers
big-endian, both checks CRC-32. Header `:message-type` says whether it is an event, an exception or an error.
"""

from __future__ import annotations

import struct
import zlib

import msgspec

from headgate.dialects.framing import MAX_FRAME_BYTES
from headgate.errors import MalformedOutput
from headgate.types import Chunk, Frame

EXCEPTION = ":exception:"
"""Prefix of `Frame.event` where the service reported an exception or an error, before its name."""

_PRELUDE = struct.Struct(">III")
_PRELUDE_BYTES = 12
_CHECK_BYTES = 4
_SMALLEST = _PRELUDE_BYTES + _CHECK_BYTES
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type: true, false, byte, short, int, long, timestamp, uuid."""
_BYTES, _STRING = 6, 7
_KNOWN_HEADERS = 64
"""Distinct header blocks remembered per stream; a real one has half a dozen."""


class EventStreamFramer:
    """Cuts an AWS event stream into frames: the event's name is `Frame.event`, its payload `Frame.data`.

    An exception becomes a frame named `:exception:` and its type, an error (which has no payload) likewise, with its
    message as `{"message": …}`. A message that is still incomplete when the stream ends was cut off, and is dropped.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _SMALLEST
        self._known: dict[bytes, dict[str, str]] = {}

    def feed(self, data: bytes) -> Chunk:
        """The frames that `data` completes.

        Raises:
            MalformedOutput: a check sum is wrong, a length impossible, or a message over `MAX_FRAME_BYTES`.
        """
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._needed:
            return []
        frames: Chunk = []
        start = 0
        while len(buffer) - start >= _SMALLEST:
            total, headers_length, check = _PRELUDE.unpack_from(buffer, start)
            if zlib.crc32(buffer[start : start + 8]) != check:
                raise MalformedOutput("the event stream's framing is broken: the check sum of a prelude is wrong")
            if total > MAX_FRAME_BYTES:
                raise MalformedOutput(f"a stream event is longer than {MAX_FRAME_BYTES} bytes")
            if total < _SMALLEST + headers_length:
                raise MalformedOutput("the event stream's framing is broken: an event is shorter than its headers")
            self._needed = total
            if len(buffer) - start < total:
                break
            frames.append(self._frame(bytes(buffer[start : start + total]), headers_length))
            start += total
            self._needed = _SMALLEST
        if start:
            del buffer[:start]
        return frames

    def close(self) -> Chunk:
        self._buffer.clear()
        return []

    def _frame(self, message: bytes, headers_length: int) -> Frame:
        body_end = len(message) - _CHECK_BYTES
        if zlib.crc32(memoryview(message)[:body_end]) != int.from_bytes(message[body_end:], "big"):
            raise MalformedOutput("the event stream's framing is broken: the check sum of an event is wrong")
        payload_start = _PRELUDE_BYTES + headers_length
        headers = self._headers(message[_PRELUDE_BYTES:payload_start])
        payload = message[payload_start:body_end]
        kind = headers.get(":message-type", "event")
        if kind == "exception":
            return Frame(payload, EXCEPTION + headers.get(":exception-type", ""))
        if kind == "error":
            explained = msgspec.json.encode({"message": headers.get(":error-message", "")})
            return Frame(explained, EXCEPTION + headers.get(":error-code", ""))
        return Frame(payload, headers.get(":event-type"))

    def _headers(self, block: bytes) -> dict[str, str]:
        """The headers of a block: a stream repeats few, so each is parsed once."""
        known = self._known.get(block)
        if known is None:
            known = _parse_headers(block)
            if len(self._known) < _KNOWN_HEADERS:
                self._known[block] = known
        return known


def _parse_headers(block: bytes) -> dict[str, str]:
    """The string headers of a block; those of other types are stepped over."""
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name = block[at + 1 : name_end].decode()
            kind = block[name_end]
            at = name_end + 1
            if kind in (_BYTES, _STRING):
                value_start = at + 2
                at = value_start + int.from_bytes(block[at:value_start], "big")
                if kind == _STRING:
                    headers[name] = block[value_start:at].decode()
            else:
                at += _FIXED_SIZES[kind]
    except (IndexError, KeyError, UnicodeDecodeError):
        raise MalformedOutput("the event stream's framing is broken: the headers of an event are malformed") from None
    if at != len(block):
        raise MalformedOutput("the event stream's framing is broken: the headers of an event are cut short")
    return headers
