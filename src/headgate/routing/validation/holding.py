"""Keeping a stream back until it has been looked at."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.types import Chunk, Chunks

MAX_HELD_BYTES = 8 * 1024 * 1024
"""Most that is kept of one stream."""


async def held(chunks: Chunks) -> tuple[list[Chunk], Chunks | None]:
    """The chunks of a stream, and what follows of one that is too long to be kept. A stream that breaks is closed."""
    kept: list[Chunk] = []
    size = 0
    try:
        async for chunk in chunks:
            kept.append(chunk)
            size += sum([len(frame.data) for frame in chunk])
            if size > MAX_HELD_BYTES:
                return kept, chunks
    except BaseException:
        await chunks.aclose()
        raise
    return kept, None


async def replayed(kept: Sequence[Chunk], rest: Chunks | None = None) -> Chunks:
    """A stream again, as it came."""
    try:
        for chunk in kept:
            yield chunk
        if rest is not None:
            async for chunk in rest:
                yield chunk
    finally:
        if rest is not None:
            await rest.aclose()
