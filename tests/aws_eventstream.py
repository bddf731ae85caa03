"""Writes AWS binary event streams, to test what reads them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message with string headers."""
    return raw_message(b"".join(string_header(name, value) for name, value in headers.items()), payload)


def raw_message(headers: bytes, payload: bytes) -> bytes:
    """One message around a block of headers that is written already."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def string_header(name: str, value: str) -> bytes:
    return (
        struct.pack(">B", len(name)) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
    )


def event(name: str, payload: bytes) -> bytes:
    """An event as Bedrock sends it."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, payload)


def exception(name: str, payload: bytes) -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, payload)
