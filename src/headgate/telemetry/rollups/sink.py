"""From the journal into the list of calls, and what calls and attempts come to into the inbox of the sums."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import astuple

from headgate.clock import Clock
from headgate.storage.database import Row, Transaction
from headgate.storage.inserting import insertions
from headgate.storage.records import CallRow, LedgerRow
from headgate.telemetry.calls import KIND
from headgate.telemetry.rollups.cell import Cells, add_attempts, add_calls, encode_cells

T = TypeVar("T", CallRow, LedgerRow)

log = logging.getLogger("headgate.telemetry")

COUNTED = ("request_bytes", "tools")
"""Members of which only sums are kept."""

COLUMNS = tuple(name for name in CallRow.__struct_fields__ if name not in ("owner", "number", *COUNTED))

_decode = msgspec.json.Decoder(list[CallRow]).decode
_json = msgspec.json.Encoder().encode


class CallSink:
    """Stores calls that are to be listed, and counts all: those of each process once, since they are numbered."""

    kind = KIND

    def __init__(self, clock: Clock) -> None:
        self.failed = 0
        """Batches that could not be counted."""
        self._clock = clock

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        rows = await self._new(transaction, [row for payload in payloads for row in _decode(payload)])
        if not rows:
            return
        listed = [_columns(row) for row in rows if row.kept]
        if listed:
            await transaction.fetch_each(insertions("calls", COLUMNS, listed))
        await self._count(transaction, add_calls, rows)

    async def attempts(self, transaction: Transaction, rows: Sequence[LedgerRow]) -> None:
        """Count attempts that the ledger did not have before."""
        await self._count(transaction, add_attempts, rows)

    async def count(self, transaction: Transaction, cells: Cells) -> None:
        """Add to the sums. Whatever goes wrong with that, the records themselves are stored."""
        try:
            encoded = encode_cells(cells)
        except Exception:
            self.failed += 1
            log.exception("what %d cells come to is missing in the sums", len(cells))
            return
        await transaction.execute(_INBOX, encoded)

    async def _count(
        self, transaction: Transaction, add: Callable[[Cells, Sequence[T]], None], rows: Sequence[T]
    ) -> None:
        """Whatever goes wrong here, the records themselves are stored."""
        cells: Cells = {}
        try:
            add(cells, rows)
        except Exception:
            self.failed += 1
            log.exception("%d calls or attempts are missing in the sums", len(rows))
            return
        await self.count(transaction, cells)

    async def _new(self, transaction: Transaction, rows: Sequence[CallRow]) -> Sequence[CallRow]:
        """Those that have not been counted yet, and note that they are now."""
        before: dict[str, int] = {}
        for owner in {row.owner for row in rows}:
            found = await transaction.fetch("SELECT number FROM rollup_marks WHERE owner = $1", owner)
            before[owner] = found[0][0] if found else 0
        marks, new = dict(before), list[CallRow]()
        for row in rows:
            if row.number > marks[row.owner]:
                marks[row.owner] = row.number
                new.append(row)
        now_us = self._clock.now_us()
        for owner, number in marks.items():
            if number > before[owner]:
                await transaction.execute(_MARK, owner, number, now_us)
        return new


_INBOX = "INSERT INTO rollup_inbox (cells) VALUES ($1)"
_MARK = (
    "INSERT INTO rollup_marks (owner, number, at_us) VALUES ($1, $2, $3) "
    "ON CONFLICT (owner) DO UPDATE SET number = excluded.number, at_us = excluded.at_us"
)


def _columns(row: CallRow) -> Row:
    call_id, _, _, *members, tags, events = astuple(row)[: -len(COUNTED)]
    return (call_id, *members, _json(dict(tags)).decode() if tags else "{}", _json(events).decode() if events else "[]")
