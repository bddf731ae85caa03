"""Cutting a vendor's byte stream into frames, wherever the network cut it before."""

from __future__ import annotations

from typing import Protocol

import msgspec

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
    a space, several data lines, unknown fields ignored.

    It differs from the standard in two things. An event that lacks its final blank line at the end of the stream is
    kept, since some vendors leave it out. An event with blank data is none: proxies send it to keep a connection up.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._first = True
        self._after_cr = False

    def feed(self, data: bytes) -> Chunk:
        if self._first:
            data = bytes(self._held) + data
            self._held.clear()
            if _BOM.startswith(data):  # nothing yet, or part of a BOM
                self._held += data
                return []
            self._first = False
            data = data.removeprefix(_BOM)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if self._held:
            completes = b"\n\n" in data or (data.startswith(b"\n") and self._held.endswith(b"\n"))
            if not completes:
                self._hold(data)
                return []
            data = bytes(self._held) + data
            self._held.clear()
        *blocks, rest = data.split(b"\n\n")
        if rest:
            self._hold(rest)
        frames: Chunk = []
        for block in blocks:
            frame = _parse(block)
            if frame is not None:
                frames.append(frame)
        return frames

    def close(self) -> Chunk:
        rest = bytes(self._held)
        self._held.clear()
        frame = _parse(rest)
        if frame is None or not (rest.endswith(b"\n") or _is_whole(frame.data)):
            return []
        return [frame]

    def _with_lf(self, data: bytes) -> bytes:
        """`data` with CRLF and CR as LF. A CR at its end ends the line; an LF that follows belongs to it."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > MAX_FRAME_BYTES:
            self._held.clear()
            raise MalformedOutput(f"a stream event is longer than {MAX_FRAME_BYTES} bytes")


def _is_whole(data: bytes) -> bool:
    """Whether the data of a line without its end is all there, as far as one can tell."""
    if data == b"[DONE]":
        return True
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _parse(block: bytes) -> Frame | None:
    """One event's lines as a frame; None for comments and empty events."""
    if block.startswith(b"data: ") and b"\n" not in block:
        data = block[6:]
        return None if not data or data.isspace() else Frame(data, None, block + b"\n\n")
    if not block:
        return None
    event: str | None = None
    lines: list[bytes] = []
    has_comment = False
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            lines.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
        elif not name and line:
            has_comment = True
    data = b"\n".join(lines)
    if not data or data.isspace():
        return None
    clean = not has_comment and not block.startswith(b"\n") and not block.endswith(b"\n")
    return Frame(data, event, block + b"\n\n" if clean else None)
