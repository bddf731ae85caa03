"""Where ledger rows go."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from headgate.storage.records import LedgerRow


class Ledger(Protocol):
    """Takes a row per attempt. Synchronous: settling must work on a task that has been cancelled."""

    def record(self, row: LedgerRow) -> None:
        """Keep a row. The same id again changes nothing.

        Raises:
            OSError: it cannot be kept; the caller lets no answer out unbilled.
        """
        ...

    def rows(self, call_id: str) -> Sequence[LedgerRow]:
        """The rows of one call still held, in the order they were settled."""
        ...


class MemoryLedger:
    """Holds the latest rows of one process, up to `capacity`; older ones are forgotten."""

    def __init__(self, capacity: int = 1000) -> None:
        self._rows: deque[LedgerRow] = deque(maxlen=capacity)
        self._ids: set[str] = set()

    def record(self, row: LedgerRow) -> None:
        rows, ids = self._rows, self._ids
        if row.id in ids:
            return
        if len(rows) == rows.maxlen:
            ids.discard(rows[0].id)
        rows.append(row)
        ids.add(row.id)

    def rows(self, call_id: str) -> Sequence[LedgerRow]:
        return [row for row in self._rows if row.call_id == call_id]

    def __len__(self) -> int:
        return len(self._rows)
