"""Keeping what passes, as much as there is room for, to look at its shape afterwards."""

from __future__ import annotations

import asyncio

from headgate import dialects
from headgate.shadow.shape import Shape, stream_shape, whole_shape
from headgate.types import Chunk, Payload

MOST_BYTES = 1024 * 1024
"""Longest answer whose shape is looked at."""

ROOM_BYTES = 64 * 1024 * 1024
"""What one process keeps for all shadows together: requests that wait, and answers that pass."""

LARGE_BYTES = 16 * 1024
"""From here on an answer is read in a thread: the calls of others do not wait for it."""


class Room:
    """A number of bytes, taken and given back."""

    def __init__(self, size: int = ROOM_BYTES) -> None:
        self.free = size

    def take(self, size: int) -> bool:
        """Take so many bytes; False where there are not as many."""
        if size > self.free:
            return False
        self.free -= size
        return True

    def give(self, size: int) -> None:
        self.free += size


class Kept:
    """One answer, whole or as far as it has passed. Gives its room back when it was looked at or is let go."""

    __slots__ = ("_chunks", "_payload", "_room", "_size", "complete")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0
        self._chunks: list[Chunk] = []
        self._payload: Payload | None = None
        self.complete = True
        """Nothing had to be let go of."""

    def whole(self, payload: Payload) -> None:
        if self._fits(len(payload.encode())):
            self._payload = payload

    def piece(self, chunk: Chunk) -> None:
        """A piece of a stream. Costs the stream no more than this look at its size."""
        if self.complete and self._fits(sum([len(frame.data) for frame in chunk])):
            self._chunks.append(chunk)

    async def shape(self, dialect: str) -> Shape | None:
        """What it looks like; None where not all of it was kept, or it cannot be read. Lets go of it."""
        payload, chunks, large = self._payload, self._chunks, self._size > LARGE_BYTES
        try:
            if not self.complete or (payload is None and not chunks):
                return None
            codec = dialects.get(dialect)
            look, what = (stream_shape, chunks) if payload is None else (whole_shape, payload)
            return await asyncio.to_thread(look, codec, what) if large else look(codec, what)  # pyright: ignore[reportArgumentType]
        finally:
            self.let_go()

    def let_go(self) -> None:
        self._room.give(self._size)
        self._size, self._chunks, self._payload = 0, [], None

    def _fits(self, size: int) -> bool:
        if self._size + size <= MOST_BYTES and self._room.take(size):
            self._size += size
            return True
        self.let_go()
        self.complete = False
        return False
