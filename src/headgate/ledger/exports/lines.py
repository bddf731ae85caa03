"""JSON Lines (https://jsonlines.org): one object per row."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headgate.ledger.exports.columns import plain
from headgate.storage.records import LedgerRow


class Lines:
    """Money stands in decimal strings, so that no reader makes a float of it; what is not known is null."""

    media_type = "application/jsonl"
    suffix = "jsonl"

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode_lines

    def feed(self, rows: Iterable[LedgerRow]) -> bytes:
        return self._encode([plain(row) for row in rows])

    def close(self) -> bytes:
        return b""
