"""Keeping what passes, as much as there is room for, to look at it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from headgate.types import Chunk, Payload

MOST_BYTES = 8 * 1024 * 1024
"""Most memory an answer takes that is looked at: a stream of about 10,000 pieces, or 1.6 MiB of JSON."""

ROOM_BYTES = 64 * 1024 * 1024
"""Memory one process keeps for all that looks at answers of a kind: for what waits, and answers that pass."""

LARGE_BYTES = 64 * 1024
"""From here on an answer is read in a thread, so that nobody's call waits for it."""

FRAME_BYTES = 256
"""Memory an event of a stream takes, beside its data as it came and as it was cut out of that."""

PARSED = 5
"""Times as much memory as its bytes take, for an answer and what it is once it is parsed."""


_THREAD = ThreadPoolExecutor(1, "headgate-observing")

Found = TypeVar("Found")


async def aside(work: Callable[[], Found]) -> Found:
    """Have work done in the one thread of all that is looked at: those that calls may need are left to them."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, work)


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


def size_of(chunk: Chunk) -> int:
    """Bytes of memory a piece of a stream takes."""
    return sum([2 * len(frame.data) + FRAME_BYTES for frame in chunk])


class Kept:
    """One answer, whole or as far as it has passed. Gives its room back when it was looked at or is let go."""

    __slots__ = ("_chunks", "_payload", "_room", "_size", "complete")

    most = MOST_BYTES
    """Most memory one takes."""
    parsed = PARSED
    """Times as much memory as its bytes take a whole answer is counted for."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0
        self._chunks: list[Chunk] = []
        self._payload: Payload | None = None
        self.complete = True
        """Nothing had to be let go of."""

    def whole(self, payload: Payload) -> None:
        if self._fits(self.parsed * len(payload.encode())):
            self._payload = payload

    def piece(self, chunk: Chunk) -> None:
        """A piece of a stream. Costs the stream no more than this look at its size."""
        if self.complete and self._fits(size_of(chunk)):
            self._chunks.append(chunk)

    @property
    def held(self) -> tuple[Payload | None, Sequence[Chunk]]:
        """What was kept, a whole answer or the pieces of a stream. Whoever looks at it lets go of it afterwards."""
        return self._payload, self._chunks

    @property
    def is_large(self) -> bool:
        """Whether it takes so long to read that it is better read in a thread."""
        return self._size > LARGE_BYTES

    async def read(
        self, whole: Callable[[Payload], Found | None], stream: Callable[[Sequence[Chunk]], Found | None]
    ) -> Found | None:
        """What is found in it, a whole answer or a stream; None where not all of it was kept, or nothing is found. Lets
        go of it.
        """
        payload, chunks, large = self._payload, self._chunks, self.is_large
        try:
            if not self.complete or (payload is None and not chunks):
                return None
            find = partial(stream, chunks) if payload is None else partial(whole, payload)
            return await aside(find) if large else find()
        finally:
            self.let_go()

    def let_go(self) -> None:
        self._room.give(self._size)
        self._size, self._chunks, self._payload = 0, [], None

    def _fits(self, size: int) -> bool:
        if self._size + size <= self.most and self._room.take(size):
            self._size += size
            return True
        self.let_go()
        self.complete = False
        return False
