"""How a stream passes, as it passes."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from time import monotonic

from headgate.observing.kept import Room, size_of
from headgate.telemetry.otel.names import DURATION_BUCKETS_S
from headgate.types import Chunk, Frame


class Rhythm:
    """When the chunks of one stream passed."""

    __slots__ = ("_last", "counts", "first", "highest", "lowest", "total")

    def __init__(self) -> None:
        self._last = 0.0
        self.first: Frame | None = None
        """Its first frame."""
        self.counts = [0] * (len(DURATION_BUCKETS_S) + 1)
        """Of times between one chunk and the next."""
        self.total = 0.0
        self.lowest = inf
        self.highest = -inf

    def passed(self, chunk: Chunk) -> None:
        """Take note of a chunk."""
        now = monotonic()
        if self.first is None:
            self.first = chunk[0]
        else:
            gap = now - self._last
            self.counts[bisect_left(DURATION_BUCKETS_S, gap)] += 1
            self.total += gap
            self.lowest, self.highest = min(self.lowest, gap), max(self.highest, gap)
        self._last = now


class Kept(Rhythm):
    """The same, and its frames from the first on, as long as there is room for them. Gives that back when nobody holds
    it any more.
    """

    __slots__ = ("_most", "_room", "complete", "frames", "size")

    def __init__(self, room: Room, most: int) -> None:
        """`room` is for all streams, `most` are the bytes that this one may take of it."""
        super().__init__()
        self._room = room
        self._most = most
        self.size = 0
        """Bytes of memory."""
        self.frames: list[Frame] = []
        self.complete = True
        """There was room for all of them."""

    def passed(self, chunk: Chunk) -> None:
        super().passed(chunk)
        if not self.complete:
            return
        size = size_of(chunk)
        if self.size + size > self._most or not self._room.take(size):
            self.complete = False
            return
        self.size += size
        self.frames += chunk

    def let_go(self) -> None:
        """Give back what it holds."""
        self._room.give(self.size)
        self.size, self.frames, self.complete = 0, [], False

    def __del__(self) -> None:
        self.let_go()
