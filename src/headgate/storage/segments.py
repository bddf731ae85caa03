"""The journal's files: lines of records, each with a checksum of its own, in segments of one owner.

<owner>.lock                     held by who writes the segments, for as long as it lives (flock(2))
<owner>-<number>.journal         lines `<8 hex digits of the rest's CRC-32> <kind> <JSON>\\n`
<owner>-<number>.damaged         lines of it that could not be read, or that the database refused
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Container, Sequence
from pathlib import Path
from secrets import token_hex
from string import ascii_lowercase
from typing import NamedTuple, Self
from zlib import crc32

if sys.platform != "win32":
    from fcntl import LOCK_EX, LOCK_NB, flock

JOURNAL = ".journal"
DAMAGED = ".damaged"
LOCK = ".lock"

BATCH_BYTES = 1024 * 1024
"""How much is read at a time."""

LONGEST_BYTES = 16 * 1024 * 1024
"""A line that is longer is none."""

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

fdatasync = getattr(os, "fdatasync", os.fsync)


Record = tuple[bytes, bytes]
"""One line: its kind, a small letter, and its payload, a JSON object."""


class Stretch(NamedTuple):
    """What one read gave."""

    records: list[Record]
    damaged: list[bytes]
    end: int
    """Where the next one begins."""


_KINDS = {bytes([letter]): crc32(bytes([letter, 32])) for letter in ascii_lowercase.encode()}
"""The checksum of a line's rest begins with its kind's."""


def encode(kind: bytes, payload: bytes) -> bytes:
    """A record as a line."""
    return b"%08x %b %b\n" % (crc32(payload, _KINDS[kind]), kind, payload)


def decode(line: bytes) -> Record | None:
    """The record of a line without its end; None where it is damaged."""
    kind, payload = line[9:10], line[11:]
    if line[:11] != b"%08x %b " % (crc32(payload, _KINDS.get(kind, 0)), kind):
        return None
    return kind, payload


def read(descriptor: int, start: int, end: int, but: Container[bytes] = ()) -> Stretch:
    """The whole lines from `start` on, about `BATCH_BYTES`, without those of the kinds in `but`; what has no end before
    `end` is damaged.

    Raises:
        OSError: the file cannot be read.
    """
    size = BATCH_BYTES
    while True:
        data = os.pread(descriptor, min(size, end - start), start)
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines:
            break
        if len(data) < size or size >= LONGEST_BYTES:
            return Stretch([], [data] if data else [], start + len(data) if data else end)
        size *= 2
    records: list[Record] = []
    damaged: list[bytes] = []
    for line in lines:
        if line[9:10] in but:
            continue
        record = decode(line)
        if record is not None:
            records.append(record)
        elif line:
            damaged.append(line)
    return Stretch(records, damaged, start + len(data) - len(rest))


def set_aside(segment: Path, lines: Sequence[bytes]) -> Path:
    """Keep lines of a segment in a file beside it, on the disk when this returns.

    Raises:
        OSError: they cannot be written.
    """
    path = segment.with_suffix(DAMAGED)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _FLAGS, 0o600)
    try:
        data = b"".join(line + b"\n" for line in lines)
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, data) != len(data):
            os.ftruncate(descriptor, before)
            raise OSError(f"{path}: there is no room for what is damaged")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return path


def sync_folder(folder: Path) -> None:
    """Let the names in a folder outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Segment:
    """A file that is being written, by this process."""

    __slots__ = ("drained", "fd", "full", "limit", "number", "path", "synced", "written")

    def __init__(self, path: Path, number: int, limit: int) -> None:
        """Make the file. It is the first of its name, and its owner's alone.

        Raises:
            OSError: it cannot be made, or there is something of that name.
        """
        self.path = path
        self.number = number
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _FLAGS, 0o600)
        self.limit = limit
        """Bytes after which another one is begun."""
        self.written = 0
        """Bytes of whole lines."""
        self.synced = 0
        """Bytes that outlast a power failure."""
        self.drained = 0
        """Bytes whose records are in the database."""
        self.full = False
        """Whether nothing is added any more."""


class Owner:
    """Who writes a number of segments, or adopts them: one at a time holds its lock."""

    def __init__(self, folder: Path, name: str, descriptor: int) -> None:
        self.folder = folder
        self.name = name
        self._descriptor = descriptor

    @classmethod
    def new(cls, folder: Path) -> Self:
        """A new owner in a folder, which is made if it is not there.

        Raises:
            OSError: the folder cannot be written, or its file system has no locks.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            owner = cls.take(folder, f"{os.getpid()}-{token_hex(8)}")
            if owner is not None:
                return owner

    @classmethod
    def take(cls, folder: Path, name: str) -> Self | None:
        """The owner of that name, if nobody else is it.

        Raises:
            OSError: the lock cannot be made.
        """
        path = folder / f"{name}{LOCK}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            if sys.platform != "win32":
                flock(descriptor, LOCK_EX | LOCK_NB)
            # One that let go has removed the file: what was locked is not what others find under the name.
            if os.fstat(descriptor).st_nlink:
                return cls(folder, name, descriptor)
        except BlockingIOError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    @staticmethod
    def names(folder: Path) -> Sequence[str]:
        """The owners of all segments in a folder, and those that left nothing but a lock."""
        return sorted({_owner(path) for path in folder.iterdir() if path.suffix in (JOURNAL, LOCK)})

    def path(self, number: int) -> Path:
        return self.folder / f"{self.name}-{number:08}{JOURNAL}"

    def segments(self) -> Sequence[Path]:
        """Its segments, from the oldest on. What is no file is none."""
        found = (path for path in self.folder.iterdir() if path.suffix == JOURNAL and _owner(path) == self.name)
        return sorted(filter(_is_file, found))

    def release(self, *, adopted: bool = False) -> None:
        """Let go, and leave the lock to who adopts what is left; with nothing left, nor to be adopted, take it away."""
        try:
            if not adopted and not self.segments():
                (self.folder / f"{self.name}{LOCK}").unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)


def _owner(path: Path) -> str:
    """Whose a file is, by its name."""
    return path.stem if path.suffix == LOCK else path.stem.rpartition("-")[0] or path.stem


def _is_file(path: Path) -> bool:
    """Whether it is a file, and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def open_segment(path: Path) -> int:
    """Open a segment for reading.

    Raises:
        OSError: it cannot be read, or is a link.
    """
    return os.open(path, os.O_RDONLY | _FLAGS)
