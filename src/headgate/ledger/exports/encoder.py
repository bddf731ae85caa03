"""What turns ledger rows into a file, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from headgate.storage.records import LedgerRow

BATCH_ROWS = 1000
"""Rows turned into bytes at once."""


class Encoder(Protocol):
    """Takes rows and gives the file they make, as soon as a piece of it is complete. One per file."""

    media_type: str
    suffix: str

    def feed(self, rows: Iterable[LedgerRow]) -> bytes:
        """The bytes that have become ready; may be none."""
        ...

    def close(self) -> bytes:
        """The rest of the file."""
        ...


def encoded(rows: Iterable[LedgerRow], encoder: Encoder) -> Iterator[bytes]:
    """The file, in pieces, with no more rows held than one piece needs."""
    held = iter(rows)
    while batch := list(islice(held, BATCH_ROWS)):
        if piece := encoder.feed(batch):
            yield piece
    if rest := encoder.close():
        yield rest


async def encoded_batches(batches: AsyncIterable[Sequence[LedgerRow]], encoder: Encoder) -> AsyncIterator[bytes]:
    """The same for rows that come from a database, page by page."""
    async for batch in batches:
        if piece := encoder.feed(batch):
            yield piece
    if rest := encoder.close():
        yield rest
