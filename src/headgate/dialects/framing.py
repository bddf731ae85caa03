"""Cutting a vendor's byte stream into frames, wherever the network cut it before."""

from __future__ import annotations

from typing import Protocol

from headgate.errors import MalformedOutput
from headgate.types import Chunk, Frame

MAX_FRAME_BYTES = 32 * 1024 * 1024
"""Longest single event taken: an image as base64 fits, an endless line does not."""

_BOM = b"\xef\xbb\xbf"


class Framer(Protocol):
    """Cuts a byte stream into frames. One per stream."""

    def feed(self, data: bytes) -> Chunk:
        """The frames that `data` completes; may be empty.

        Raises:
            MalformedOutput: a frame is longer than `MAX_FRAME_BYTES`, or its framing is broken.
        """
        ...

    def close(self) -> Chunk:
        """A last frame that lacked its end, if it is whole enough to be read."""
        ...


class SseFramer:
    """Server-sent events (WHATWG HTML, section 9.2): LF, CRLF or CR, a leading BOM, comments, `data:` with or without
    a space, several data lines, unknown fields ignored. More lenient than the standard in one thing: an event that
    lacks its final blank line at the end of the stream is kept, since some vendors leave it out.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._first = True

    def feed(self, data: bytes) -> Chunk:
        if self._first:
            data = self._buffer + data
            if _BOM.startswith(data):  # nothing yet, or part of a BOM
                self._buffer = data
                return []
            self._buffer = b""
            self._first = False
            data = data.removeprefix(_BOM)
        buffer = self._buffer + data if self._buffer else data
        if b"\r" in buffer:
            held = buffer.endswith(b"\r")  # the LF of a CRLF may be in the next read
            buffer = (buffer[:-1] if held else buffer).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            *blocks, rest = buffer.split(b"\n\n")
            self._buffer = rest + b"\r" if held else rest
        else:
            *blocks, self._buffer = buffer.split(b"\n\n")
        if len(self._buffer) > MAX_FRAME_BYTES:
            raise MalformedOutput(f"a stream event is longer than {MAX_FRAME_BYTES} bytes")
        frames: Chunk = []
        for block in blocks:
            frame = _parse(block)
            if frame is not None:
                frames.append(frame)
        return frames

    def close(self) -> Chunk:
        rest = self._buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._buffer = b""
        return [frame for block in rest.split(b"\n\n") if (frame := _parse(block)) is not None]


def _parse(block: bytes) -> Frame | None:
    """One event's lines as a frame; None for comments and empty events."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return Frame(block[6:], None, block + b"\n\n")
    event: str | None = None
    data: list[bytes] = []
    has_comment = False
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
        elif not name and line:
            has_comment = True
    if not data:
        return None
    clean = not has_comment and not block.startswith(b"\n")
    return Frame(b"\n".join(data), event, block + b"\n\n" if clean else None)
