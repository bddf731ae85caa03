"""Comparisons on their way from the journal into the table `comparisons`, and back out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from headgate.storage.database import Database, Transaction
from headgate.storage.inserting import insertions
from headgate.storage.records import Comparison

KIND = b"c"
"""Of the journal's records."""

KEPT_US = 31 * 86_400 * 1_000_000
"""How long comparisons are kept: long enough for a decision, and the table does not grow for ever."""

PRUNE_US = 3600 * 1_000_000
"""How often those that are older are looked for."""

COLUMNS = Comparison.__struct_fields__
_LISTED = ", ".join(COLUMNS)
_ASKED = "comparisons WHERE organisation = $1 AND model = $2 AND at_us >= $3 AND at_us < $4"
_NEWEST = "ORDER BY at_us DESC, id DESC"

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Comparison).decode


class ComparisonSink:
    """Stores comparisons, each id once, and deletes those that are too old."""

    kind = KIND

    def __init__(self) -> None:
        self._pruned_us = 0

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        rows = [_decode(payload) for payload in payloads]
        await transaction.fetch_each(insertions("comparisons", COLUMNS, [astuple(row) for row in rows]))
        newest = max(row.at_us for row in rows)
        if newest - self._pruned_us >= PRUNE_US:
            await transaction.execute("DELETE FROM comparisons WHERE at_us < $1", newest - KEPT_US)
            self._pruned_us = newest


async def comparisons(
    database: Database, organisation: str, model: str, from_us: int, until_us: int, most: int, shadow: str | None = None
) -> list[Comparison]:
    """The newest comparisons of a model with one shadow made between two moments, at most so many: with the latest
    shadow where none is named.
    """
    asked = (organisation, model, from_us, until_us)
    if shadow is None:
        latest = await database.fetch(f"SELECT shadow FROM {_ASKED} {_NEWEST} LIMIT 1", *asked)  # noqa: S608
        if not latest:
            return []
        [(shadow,)] = latest
    statement = f"SELECT {_LISTED} FROM {_ASKED} AND shadow = $5 {_NEWEST} LIMIT $6"  # noqa: S608
    found = await database.fetch(statement, *asked, shadow, most)
    return await asyncio.to_thread(_read, found)


def _read(rows: Sequence[Sequence[Any]]) -> list[Comparison]:
    return [Comparison(**dict(zip(COLUMNS, row, strict=True))) for row in rows]
