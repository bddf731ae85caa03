"""What the request path has to tell the log, told so that nobody fills a disk by being refused."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

from headgate.audit.leaves import storable
from headgate.audit.sink import KIND, encode
from headgate.clock import Clock
from headgate.storage.records import AuditRecord

Append = Callable[[bytes, bytes], None]
"""`Journal.append`: a record's kind and the record. Raises OSError."""

_WINDOW_S = 60.0
_MOST_ACTIONS = 20
_MOST_CHARACTERS = 256

Detail = str | int | bool | None


class Recorder:
    """Makes the records of what was refused: singly at first, then as one count a minute.

    Each address has `per_address` single records a minute and all together `per_minute`, which also bounds what is
    remembered. Never waits, and never raises: a caller without a key is refused whether or not that can be written.
    """

    def __init__(self, append: Append, clock: Clock, *, per_address: int = 10, per_minute: int = 60) -> None:
        self._append = append
        self._clock = clock
        self._per_address = per_address
        self._per_minute = per_minute
        self._begun = clock.monotonic()
        self._begun_us = clock.now_us()
        self._single = 0
        self._by_address: Counter[str] = Counter()
        """Of those addresses alone that have a single record."""
        self._counted: Counter[str] = Counter()
        """By action, what has no record of its own."""
        self.lost = 0
        """Records that could not be written. They are in the next count."""

    def refused(
        self,
        action: str,
        *,
        address: str | None,
        organisation: str = "",
        actor: str = "unknown",
        subject: str = "",
        detail: dict[str, Detail] | None = None,
    ) -> None:
        """Somebody was refused. `action` is a word of the program's, `login.failed`; the others may be the caller's.
        `organisation` is empty where nobody knows it.
        """
        self.tick()
        source = (address or "")[:_MOST_CHARACTERS]
        known = self._by_address.get(source, 0)
        if known >= self._per_address or self._single >= self._per_minute:
            if source in self._by_address:
                self._by_address[source] += 1
            self._count(action)
            return
        self._single += 1
        self._by_address[source] = known + 1
        self._write(
            AuditRecord(
                id=audit_id(),
                at_us=self._clock.now_us(),
                organisation=organisation,
                actor=actor[:_MOST_CHARACTERS],
                address=source or None,
                action=action,
                subject=subject[:_MOST_CHARACTERS],
                outcome="denied",
                detail={name: _cut(value) for name, value in (detail or {}).items()},
            )
        )

    def tick(self) -> None:
        """Tell the count of a minute that is over. To be called now and then, for when nobody is refused any more."""
        if self._clock.monotonic() - self._begun >= _WINDOW_S:
            self.flush()

    def flush(self) -> None:
        """Tell the count, over or not, and begin another minute."""
        counted, busiest = self._counted, self._by_address.most_common(1)
        begun_us = self._begun_us
        self._begun, self._begun_us = self._clock.monotonic(), self._clock.now_us()
        self._single = 0
        self._counted = Counter()
        self._by_address = Counter()
        if not counted:
            return
        detail: dict[str, Detail] = {"count": counted.total(), "since_us": begun_us, **counted}
        if busiest and busiest[0][1] > self._per_address:
            detail |= {"busiest_address": busiest[0][0], "busiest_count": busiest[0][1]}
        record = AuditRecord(
            id=audit_id(),
            at_us=self._begun_us,
            organisation="",
            actor="unknown",
            action="refusals.counted",
            outcome="denied",
            detail=detail,
        )
        if not self._written(record):
            self._counted, self._begun_us = counted, begun_us

    def record(self, record: AuditRecord) -> None:
        """A record that has to be one of its own, whatever their number: a blocked call of a caller with a key.

        Raises:
            OSError: it cannot be written.
        """
        self._append(KIND, encode(storable(record)))

    def _write(self, record: AuditRecord) -> None:
        if not self._written(record):
            self._count(record.action)

    def _written(self, record: AuditRecord) -> bool:
        try:
            self.record(record)
        except OSError:
            self.lost += 1
            return False
        return True

    def _count(self, action: str) -> None:
        if action not in self._counted and len(self._counted) >= _MOST_ACTIONS:
            action = "other"
        self._counted[action] += 1


def audit_id() -> str:
    """The id of a new record: `aud_` and 24 hexadecimal digits."""
    return f"aud_{os.urandom(12).hex()}"


def _cut(value: Detail) -> Detail:
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value
