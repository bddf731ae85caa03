"""How a stream passes, as it passes."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from time import monotonic

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
    """The same, and its frames, as long as there is room for them."""

    __slots__ = ("_room", "frames")

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room
        self.frames: list[Frame] = []

    def passed(self, chunk: Chunk) -> None:
        super().passed(chunk)
        if self._room > 0:
            self.frames += chunk
            self._room -= sum(len(frame.data) for frame in chunk)
