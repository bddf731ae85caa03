"""The ledger of a gateway that keeps what it settles: rows go into the journal, which is drained into a database."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from headgate.ledger.port import MemoryLedger
from headgate.ledger.table import encode
from headgate.storage.journal import LEDGER, VOIDED, Position
from headgate.storage.records import LedgerRow

log = logging.getLogger("headgate.ledger")

MOST_WAITING = 20_000
"""Rows that are held while the journal cannot be written. The oldest are lost beyond that."""


class Appendable(Protocol):
    """A journal as it is written to."""

    @property
    def broken(self) -> OSError | None: ...

    @property
    def end(self) -> Position: ...

    def append(self, kind: bytes, payload: bytes, closes: str = "") -> None: ...

    def open(self, id: str, payload: bytes) -> None: ...

    def void(self, id: str) -> None: ...


class JournalledLedger:
    """Writes rows to a journal, and remembers the latest `capacity` of them.

    What cannot be written waits in memory, and is written before whatever comes next.
    """

    def __init__(self, journal: Appendable, capacity: int = 1000) -> None:
        self.lost = 0
        """Rows that had to be given up."""
        self.charged_to: Position = (-1, 0)
        """Up to where the journal has rows that count for budgets."""
        self._journal = journal
        self._latest = MemoryLedger(capacity) if capacity else None
        self._waiting = deque[tuple[bytes, bytes, str]]()
        """Kind, payload and attempt."""

    def open(self, row: LedgerRow) -> None:
        if self._waiting:
            self.flush()
        self._journal.open(row.id, encode(row))

    def record(self, row: LedgerRow) -> None:
        if self._latest is not None and not self._latest.remember(row):
            return
        payload = encode(row)
        try:
            if self._waiting:
                self.flush()
            self._journal.append(LEDGER, payload, row.id)
            if row.charged:
                self.charged_to = self._journal.end
        except OSError:
            self._wait(LEDGER, payload, row.id)
            raise

    def void(self, attempt_id: str) -> None:
        try:
            if self._waiting:
                self.flush()
            self._journal.void(attempt_id)
        except OSError as error:
            self._wait(VOIDED, b"", attempt_id)
            log.warning("the journal cannot be written, that %s came to nothing waits: %s", attempt_id, error)

    def rows(self, call_id: str) -> Sequence[LedgerRow]:
        return self._latest.rows(call_id) if self._latest is not None else []

    @property
    def writable(self) -> bool:
        if self._waiting:
            try:
                self.flush()
            except OSError:
                return False
        return self._journal.broken is None

    @property
    def waiting(self) -> int:
        """What the journal does not have yet."""
        return len(self._waiting)

    def flush(self) -> None:
        """Write what is waiting.

        Raises:
            OSError: it still has to wait.
        """
        waiting = self._waiting
        while waiting:
            kind, payload, attempt_id = waiting[0]
            if kind == VOIDED:
                self._journal.void(attempt_id)
            else:
                self._journal.append(kind, payload, attempt_id)
                self.charged_to = self._journal.end
            waiting.popleft()

    def taken(self) -> Sequence[tuple[bytes, bytes]]:
        """The rows that are waiting, as records, for somebody else to keep."""
        rows = [(kind, payload) for kind, payload, _ in self._waiting if kind == LEDGER]
        self._waiting.clear()
        return rows

    def _wait(self, kind: bytes, payload: bytes, attempt_id: str) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1
            log.error("too much waits for the journal, a row is lost")
        self._waiting.append((kind, payload, attempt_id))
