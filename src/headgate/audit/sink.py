"""From the journal into the log."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from headgate.audit.log import AuditLog
from headgate.clock import Clock
from headgate.storage.database import Transaction
from headgate.storage.records import AuditRecord

KIND = b"a"

_SHOWN_CHARACTERS = 4096


class AuditSink:
    """Stores the journal's audit records. Once: it may be handed them again."""

    kind = KIND

    def __init__(self, log: AuditLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        await self._log.append(transaction, [self._record(payload) for payload in payloads])

    def _record(self, payload: bytes) -> AuditRecord:
        try:
            return msgspec.json.decode(payload, type=AuditRecord)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._unread(payload)

    def _unread(self, payload: bytes) -> AuditRecord:
        """What stands for a record this release cannot read: it holds nothing up, and nothing of it is lost."""
        return AuditRecord(
            id=f"unread_{sha256(payload).hexdigest()[:32]}",
            at_us=self._clock.now_us(),
            organisation="",
            actor="system",
            action="audit.unread",
            outcome="failed",
            detail={"payload": payload.decode("utf-8", "replace")[:_SHOWN_CHARACTERS]},
        )


def encode(record: AuditRecord) -> bytes:
    """A record as the journal has it."""
    return msgspec.json.encode(record)
