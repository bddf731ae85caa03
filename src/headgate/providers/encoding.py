"""Decompression of what a vendor compressed although `identity` was asked for: incremental and bounded."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from headgate.errors import ConnectionFailed, MalformedOutput

PIECE_BYTES = 256 * 1024
"""Most that is decompressed at once, however small the input: a bomb costs its reader no more memory than this."""

_GZIP = 31  # zlib's window bits for a gzip wrapper
_ZLIB = 15
_RAW = -15


class Inflater:
    """Undoes one `content-encoding` (RFC 9110, section 8.4.1): gzip, or deflate with and without its zlib wrapper."""

    def __init__(self, coding: str) -> None:
        """Raises MalformedOutput for a coding other than gzip and deflate, or more than one."""
        name = coding.strip().lower()
        if name not in ("gzip", "x-gzip", "deflate"):
            raise MalformedOutput(f"the vendor answered in the content encoding '{name[:40]}', asked for was identity")
        self._gzip = name != "deflate"
        self._inflate = zlib.decompressobj(_GZIP) if self._gzip else None
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` decompresses to, in pieces of at most `PIECE_BYTES`, none of them empty.

        Raises:
            MalformedOutput: it is not in the announced encoding.
        """
        while data:
            inflate = self._begin(data)
            self._started = True
            try:
                piece = inflate.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise MalformedOutput(f"the vendor's compressed body is broken: {error}") from None
            if piece:
                yield piece
            if not inflate.eof:
                data = inflate.unconsumed_tail
            elif self._gzip and inflate.unused_data:  # a gzip file may have several members
                data = inflate.unused_data
                self._inflate = zlib.decompressobj(_GZIP)
            else:
                return

    def close(self) -> None:
        """Raises ConnectionFailed where the compressed data has no end."""
        if self._started and self._inflate is not None and not self._inflate.eof:
            raise ConnectionFailed("the vendor's compressed body was cut")

    def _begin(self, data: bytes) -> zlib._Decompress:  # the type's only name
        if self._inflate is None:
            wrapped = data[0] & 0x0F == 8  # RFC 1950: the compression method of a zlib header
            self._inflate = zlib.decompressobj(_ZLIB if wrapped else _RAW)
        return self._inflate


def inflater(coding: str | None) -> Inflater | None:
    """What undoes a `content-encoding`; None where there is nothing to undo.

    Raises:
        MalformedOutput: an encoding we cannot read.
    """
    if not coding or coding.strip().lower() == "identity":
        return None
    return Inflater(coding)
