"""Checkpoints in a file beside the database, so that whoever changes the one has to change the other.

One JSON object a line, `{"at": "2026-01-02T03:04:05.678901Z", "note": "…"}`, only ever added to.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Malformed

if sys.platform != "win32":
    from fcntl import LOCK_EX, flock

_TAIL_BYTES = 512 * 1024
"""More than the longest line."""

log = logging.getLogger("headgate.audit")


class _Line(msgspec.Struct, frozen=True):
    note: str
    at: datetime | None = None


class Entry(NamedTuple):
    """A line of the file. Nobody has checked who signed it."""

    line: int
    note: str | None
    """None where the line is damaged."""


class CheckpointFile:
    """The file, as the process that writes it has it. Several may write the same."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def last(self) -> str | None:
        """The last note; None where there is none.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return _last(file.fileno())
        except FileNotFoundError:
            return None

    def append(self, checkpoint: Checkpoint, at_us: int) -> None:
        """Add a checkpoint, on the disk when this returns, unless it or a later one is there already.

        Raises:
            OSError: it cannot be written.
        """
        line = msgspec.json.encode(_Line(checkpoint.note, datetime.fromtimestamp(at_us / 1_000_000, UTC))) + b"\n"
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            if sys.platform != "win32":
                flock(descriptor, LOCK_EX)
            self._mend(descriptor)
            last = _last(descriptor)
            if last is not None and Checkpoint.read(last).size >= checkpoint.size:
                return
            before = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, before)
                raise OSError(f"{self.path}: there is no room for a checkpoint")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _mend(self, descriptor: int) -> None:
        """Take away a line that a power failure cut off. The database has its checkpoint."""
        tail = _tail(descriptor)
        if not tail or tail.endswith(b"\n"):
            return
        size = os.fstat(descriptor).st_size
        cut = len(tail) - (tail.rfind(b"\n") + 1)
        log.warning("%s: its last line was cut off and is taken away, %d bytes", self.path, cut)
        try:
            os.ftruncate(descriptor, size - cut)
        except OSError:  # a file that may only be added to
            os.write(descriptor, b"\n")


def entries(path: Path) -> Iterator[Entry]:
    """The lines of a checkpoint file, or the one note that a file is.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(1)
        if first != b"{":
            text = (first + file.read(_TAIL_BYTES)).decode("utf-8", "replace")
            if text:
                yield Entry(1, text)
            return
        file.seek(0)
        for number, line in enumerate(iter(lambda: file.readline(_TAIL_BYTES), b""), 1):
            yield Entry(number, _note(line) if line.endswith(b"\n") else None)


def _last(descriptor: int) -> str | None:
    for line in reversed(_tail(descriptor).split(b"\n")):
        note = _note(line)
        if note is not None:
            return note
    return None


def _tail(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, max(size - _TAIL_BYTES, 0), os.SEEK_SET)
    return os.read(descriptor, _TAIL_BYTES)


def _note(line: bytes) -> str | None:
    """The note of a line that holds one in the form of a checkpoint."""
    try:
        note = msgspec.json.decode(line, type=_Line).note
        Checkpoint.read(note)
    except (msgspec.DecodeError, UnicodeError, Malformed):
        return None
    return note
