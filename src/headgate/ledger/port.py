"""Where ledger rows go."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from headgate.storage.records import LedgerRow


class Ledger(Protocol):
    """Takes a row per attempt. Synchronous: settling must work on a task that has been cancelled."""

    def open(self, row: LedgerRow) -> None:
        """Keep what is to stand for an attempt if this process dies before it is settled.

        Raises:
            OSError: it cannot be kept; the attempt is not to be made.
        """
        ...

    def record(self, row: LedgerRow) -> None:
        """Keep a row. The same id again changes nothing.

        Raises:
            OSError: it cannot be kept yet; it is tried again with the next one.
        """
        ...

    def void(self, attempt_id: str) -> None:
        """Forget what was opened: the attempt was never made. Never raises."""
        ...

    def rows(self, call_id: str) -> Sequence[LedgerRow]:
        """The rows of one call still held, in the order they were settled."""
        ...

    @property
    def writable(self) -> bool:
        """Whether rows can be kept now."""
        ...


class MemoryLedger:
    """Holds the latest rows of one process, up to `capacity`; older ones are forgotten."""

    writable = True

    def __init__(self, capacity: int = 1000) -> None:
        self._rows: deque[LedgerRow] = deque(maxlen=capacity)
        self._ids: set[str] = set()

    def open(self, row: LedgerRow) -> None:
        """Nothing of this ledger outlives its process."""

    def void(self, attempt_id: str) -> None:
        """Nothing was opened."""

    def record(self, row: LedgerRow) -> None:
        self.remember(row)

    def remember(self, row: LedgerRow) -> bool:
        """Keep a row; whether it is a new one."""
        rows, ids = self._rows, self._ids
        if row.id in ids:
            return False
        if len(rows) == rows.maxlen:
            ids.discard(rows[0].id)
        rows.append(row)
        ids.add(row.id)
        return True

    def rows(self, call_id: str) -> Sequence[LedgerRow]:
        return [row for row in self._rows if row.call_id == call_id]

    def __len__(self) -> int:
        return len(self._rows)
