"""The journal: where a record is kept the moment it is made, until the database has it.

One line is one `write`, which a killed process does not take with it; a power failure takes at most the last
`fsync_ms`. What is written is read back from the file when it is drained (`storage/writer.py`), so a database that is
away costs disk and no memory.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from errno import ENOSPC
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, Protocol

import msgspec

from headgate.storage.segments import (
    Owner,
    Record,
    Segment,
    encode,
    fdatasync,
    open_segment,
    read,
    set_aside,
    sync_folder,
)

log = logging.getLogger("headgate.storage")

SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment that has grown to this is followed by another."""

ROOM_BYTES = 256 * 1024
"""What has to fit on a disk that was full before it is used again."""

OPENED = b"o"
VOIDED = b"v"
OWN = (OPENED, VOIDED)
"""The journal's own kinds: what stands for a record that may never come, and that it will not."""

LEDGER = b"l"
"""The kind that takes the place of what was opened."""

MEMORY_BATCH = 500

Position = tuple[int, int]
"""How far something has come: the number of a segment and a place in it."""


class Batch(NamedTuple):
    """Records on their way into the database."""

    records: Sequence[Record]
    """Without the journal's own."""
    damaged: Sequence[bytes]
    """Lines that could not be read."""
    end: Position
    segment: Segment | None = None


class Source(Protocol):
    """What can be drained into a database. `read`, `release` and `set_aside` block, and are called one at a time."""

    appended: int
    """Records there have ever been."""

    @property
    def end(self) -> Position:
        """Where the next record will be."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where what others have left may be; None where nothing lasts."""
        ...

    def read(self) -> Batch | None:
        """The first records that are not released yet; None where there are none."""
        ...

    def release(self, batch: Batch) -> None:
        """Let go of what is in the database."""
        ...

    def set_aside(self, batch: Batch, lines: Sequence[bytes]) -> None:
        """Keep what cannot be brought into the database where it is in nobody's way."""
        ...

    def close(self, *, adopted: bool = False) -> None: ...


class Journal:
    """The journal of one process in a folder that others may use too. Written to from one thread.

    Whatever goes wrong, a full disk or a failed sync, appending raises OSError until a new segment could be made and
    synced, which is tried again and again beside it.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, fsync_ms: float = 50.0) -> None:
        """A journal of its own in `folder`, which is made if it is not there.

        Raises:
            OSError: the folder cannot be written.
        """
        self.appended = 0
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._interval_s = fsync_ms / 1000
        self._owner = Owner.new(folder)
        self._numbers = itertools.count()
        try:
            self._segment = self._make()
        except BaseException:
            self._owner.release()
            raise
        self._segments = deque([self._segment])
        """What is not drained, the one being written last."""
        self._following: Segment | None = None
        """A segment that is ready to be the next."""
        self._full = deque[Segment]()
        """Segments to be synced for the last time and closed."""
        self._opened: dict[str, bytes] = {}
        """The lines of what is open, written again into each new segment."""
        self._error: OSError | None = None
        self._reading: tuple[Segment, int] | None = None
        self._folder_synced = False
        self._over = threading.Event()
        self._syncing = threading.Lock()
        """Held by who syncs."""
        self._draining = threading.Lock()
        """Held by who reads, or lets go of what was read: one whose task was cancelled may still be at it."""
        self._keeper = threading.Thread(target=self._keep, name="headgate-journal", daemon=True)
        self._keeper.start()

    # ── the request path ──

    def append(self, kind: bytes, payload: bytes, closes: str = "") -> None:
        """Write a record: `kind` is one letter, `payload` a JSON object on one line. `closes` is the id of what was
        opened before it.

        Raises:
            OSError: it is not written, nor any part of it.
        """
        self._write(encode(kind, payload))
        self.appended += 1
        if closes:
            self._opened.pop(closes, None)

    def open(self, id: str, payload: bytes) -> None:
        """Write what becomes a ledger row if this process ends without another word on `id`.

        Raises:
            OSError: as of `append`.
        """
        line = encode(OPENED, payload)
        self._write(line)
        self._opened[id] = line

    def void(self, id: str) -> None:
        """Write that what was opened has come to nothing.

        Raises:
            OSError: as of `append`.
        """
        if id in self._opened:
            self._write(encode(VOIDED, msgspec.json.encode({"id": id})))
            self._opened.pop(id, None)

    @property
    def owner(self) -> str:
        """Who writes it: a name that no other process has, before or after."""
        return self._owner.name

    @property
    def broken(self) -> OSError | None:
        """Why nothing can be written; None where something can."""
        return self._error if self._following is None else None

    def _write(self, line: bytes) -> None:
        segment = self._segment
        size = len(line)
        if self._error is not None or segment.written + size > segment.limit:
            segment = self._next()
        try:
            written = os.write(segment.fd, line)
        except OSError as error:
            self._error = error
            raise
        if written != size:
            self._undo(segment)
        segment.written += size

    def _undo(self, segment: Segment) -> None:
        """Take away the beginning of a line that did not fit."""
        self._error = OSError(ENOSPC, os.strerror(ENOSPC), str(segment.path))
        with contextlib.suppress(OSError):  # then it is a damaged line at the end of a segment that is left
            os.ftruncate(segment.fd, segment.written)
        raise OSError(*self._error.args)

    def _next(self) -> Segment:
        """The segment to write to: a new one, or the same where that has nothing yet."""
        segment, following, error = self._segment, self._following, self._error
        self._following = None
        if following is not None and following.number < segment.number:  # another was made while it was
            _take_away(following)
            following = None
        if following is None:
            if error is not None:
                raise OSError(*error.args)
            if not segment.written:
                return segment
            following = self._make()
        try:
            _write_whole(following, b"".join(self._opened.values()))
            following.limit = following.written + self._segment_bytes
        except OSError as failure:
            self._error = failure
            _take_away(following)
            raise
        self._segment, self._error = following, None
        self._segments.append(following)
        segment.full = True
        self._full.append(segment)
        return following

    def _make(self) -> Segment:
        number = next(self._numbers)
        segment = Segment(self._owner.path(number), number, self._segment_bytes)
        self._folder_synced = False
        return segment

    # ── beside it ──

    def _keep(self) -> None:
        told = False
        while not self._over.wait(self._interval_s):
            self._prepare()
            self._sync()
            broken = self.broken
            if broken is not None and not told:
                log.error("the journal in %s cannot be written: %s", self._folder, broken)
            elif told and broken is None:
                log.warning("the journal in %s can be written again", self._folder)
            told = broken is not None

    def _sync(self) -> None:
        """Let what was written outlast a power failure."""
        with self._syncing:
            try:
                if not self._folder_synced:
                    self._folder_synced = True
                    sync_folder(self._folder)
            except OSError as error:
                self._error = error
            while self._full:
                segment = self._full.popleft()
                self._try_sync(segment)
                os.close(segment.fd)
            self._try_sync(self._segment)

    def _try_sync(self, segment: Segment) -> None:
        try:
            _sync(segment)
        except OSError as error:
            self._error = error

    def _prepare(self) -> None:
        """Have another segment ready before this one is full, or where this one cannot be written any more."""
        broken, segment = self._error is not None, self._segment
        half_full = segment.limit - segment.written < self._segment_bytes // 2
        if self._following is not None or not (broken or half_full):
            return
        try:
            following = self._make()
        except OSError:
            return
        try:
            if broken:
                _try_out(following)
        except OSError:
            _take_away(following)
        else:
            self._following = following

    # ── draining ──

    @property
    def end(self) -> Position:
        segment = self._segment
        return segment.number, segment.written

    @property
    def folder(self) -> Path | None:
        return self._folder

    def read(self) -> Batch | None:
        with self._draining:
            while True:
                segment = self._segments[0]
                full, written = segment.full, segment.written  # in this order: to one that is full nothing is added
                if segment.drained < written:
                    found = read(self._descriptor(segment), segment.drained, written, but=OWN)
                    return Batch(found.records, found.damaged, (segment.number, found.end), segment)
                if not full:
                    return None
                self._retire(segment)

    def release(self, batch: Batch) -> None:
        assert batch.segment is not None
        batch.segment.drained = batch.end[1]

    def set_aside(self, batch: Batch, lines: Sequence[bytes]) -> None:
        assert batch.segment is not None
        path = set_aside(batch.segment.path, lines)
        log.error("%d records of the journal cannot be stored, they are in %s", len(lines), path)

    def close(self, *, adopted: bool = False) -> None:
        """Let go of the journal. What is not drained, or open, is for the next process that starts. That hears of its
        owner in any case where it is to be `adopted`.
        """
        if self._over.is_set():
            return
        self._over.set()
        self._keeper.join()
        self._sync()
        self._error = OSError("the journal is closed")
        following, self._following = self._following, None
        if following is not None:
            _take_away(following)
        with self._draining:
            self._stop_reading()
            for segment in self._segments:
                if segment.drained == segment.written and not (self._opened and segment is self._segment):
                    segment.path.unlink(missing_ok=True)
        os.close(self._segment.fd)
        self._owner.release(adopted=adopted)

    def _descriptor(self, segment: Segment) -> int:
        if self._reading is None or self._reading[0] is not segment:
            self._stop_reading()
            self._reading = segment, open_segment(segment.path)
        return self._reading[1]

    def _stop_reading(self) -> None:
        if self._reading is not None:
            os.close(self._reading[1])
            self._reading = None

    def _retire(self, segment: Segment) -> None:
        """Take away a segment whose records are all in the database. What is open is in the next one by now, and has to
        be there after a power failure too.
        """
        with self._syncing:
            _sync(self._segment)
        self._stop_reading()
        segment.path.unlink(missing_ok=True)
        self._segments.popleft()


class MemoryJournal:
    """A journal for a database that does not last either. Holds what is not drained."""

    broken: OSError | None = None
    folder: Path | None = None

    def __init__(self) -> None:
        self.appended = 0
        self.owner = token_hex(8)
        self._released = 0
        self._records = deque[Record]()

    def append(self, kind: bytes, payload: bytes, closes: str = "") -> None:
        self._records.append((kind, payload))
        self.appended += 1

    def open(self, id: str, payload: bytes) -> None:
        """Nothing outlives this process."""

    def void(self, id: str) -> None:
        """Nothing was opened."""

    @property
    def end(self) -> Position:
        return 0, self.appended

    def read(self) -> Batch | None:
        records = list(itertools.islice(self._records, MEMORY_BATCH))
        return Batch(records, [], (0, self._released + len(records))) if records else None

    def release(self, batch: Batch) -> None:
        for _ in batch.records:
            self._records.popleft()
        self._released += len(batch.records)

    def set_aside(self, batch: Batch, lines: Sequence[bytes]) -> None:
        log.error("%d records cannot be stored, and are lost", len(lines))

    def close(self, *, adopted: bool = False) -> None: ...


def _sync(segment: Segment) -> None:
    written = segment.written
    if segment.synced < written:
        fdatasync(segment.fd)
        segment.synced = written


def _write_whole(segment: Segment, data: bytes) -> None:
    """Begin a segment."""
    if data and os.write(segment.fd, data) != len(data):
        raise OSError(ENOSPC, os.strerror(ENOSPC), str(segment.path))
    segment.written = len(data)


def _try_out(segment: Segment) -> None:
    """Whether there is room in a segment, on a disk that works. Empty lines are nothing to whoever reads them."""
    _write_whole(segment, b"\n" * ROOM_BYTES)
    fdatasync(segment.fd)
    os.ftruncate(segment.fd, 0)
    segment.written = 0


def _take_away(segment: Segment) -> None:
    with contextlib.suppress(OSError):
        segment.path.unlink()
    os.close(segment.fd)
