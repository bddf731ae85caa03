"""Where ledger rows go."""

from __future__ import annotations

from collections import OrderedDict
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
        self._capacity = capacity
        self._rows: OrderedDict[str, LedgerRow] = OrderedDict()

    def record(self, row: LedgerRow) -> None:
        if row.id in self._rows:
            return
        self._rows[row.id] = row
        if len(self._rows) > self._capacity:
            self._rows.popitem(last=False)

    def rows(self, call_id: str) -> Sequence[LedgerRow]:
        return [row for row in self._rows.values() if row.call_id == call_id]

    def __len__(self) -> int:
        return len(self._rows)
