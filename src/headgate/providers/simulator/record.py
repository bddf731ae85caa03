"""The simulator's own bill: what was asked, by whom, what it used, and how much of it was delivered."""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from headgate.types import Usage

KEPT = 20_000
"""Requests kept one by one; the totals count all of them."""

NOTHING = Usage()


class Row(msgspec.Struct):
    """One request. Under way until it is completed or interrupted."""

    id: str
    path: str
    dialect: str
    operation: str
    model: str
    key: str
    stream: bool
    status: int = 200
    fault: str | None = None
    rule: int | None = None
    """Number of the script's rule that served it."""
    usage: Usage = NOTHING
    """What a vendor would bill: of an answer that did not get through, the output delivered so far."""
    delivered_tokens: int = 0
    """Output tokens handed to the network."""
    outcome: str = "open"
    """open, complete, disconnected, or the fault that ended it."""

    def complete(self) -> None:
        """All of the answer went out."""
        self.outcome = "complete"

    def leave(self) -> None:
        """The client went away before the end, or a time-out did its work."""
        self.interrupt("timeout" if self.fault == "timeout" else "disconnected")

    def interrupt(self, why: str) -> None:
        """The answer ended early: only what was delivered is billed."""
        self.outcome = why
        delivered = self.delivered_tokens
        reasoning = min(self.usage.reasoning_tokens, delivered)
        self.usage = replace(self.usage, output_tokens=delivered, reasoning_tokens=reasoning)


class Record:
    """The rows since it was cleared."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque()
        self._settled: dict[tuple[str, str, str], dict[str, int]] = {}
        self._dropped = 0

    def add(self, row: Row) -> None:
        """Take up a request; the row may still change until it falls out of those kept."""
        self._rows.append(row)
        if len(self._rows) > KEPT:
            self._dropped += 1
            _count(self._settled, self._rows.popleft())

    def clear(self) -> None:
        self._rows.clear()
        self._settled.clear()
        self._dropped = 0

    def shown(self) -> dict[str, Any]:
        """Totals by model, dialect and key, and the newest requests one by one."""
        totals = {key: dict(counts) for key, counts in self._settled.items()}
        for row in self._rows:
            _count(totals, row)
        return {
            "totals": [
                {"model": model, "dialect": dialect, "key": key, **counts}
                for (model, dialect, key), counts in sorted(totals.items())
            ],
            "requests": [{**asdict(row), "usage": asdict(row.usage)} for row in self._rows],
            "dropped": self._dropped,
        }


def _count(totals: dict[tuple[str, str, str], dict[str, int]], row: Row) -> None:
    counts = totals.setdefault((row.model, row.dialect, row.key), {})
    counts["requests"] = counts.get("requests", 0) + 1
    counts["complete"] = counts.get("complete", 0) + (row.outcome == "complete")
    counts["delivered_tokens"] = counts.get("delivered_tokens", 0) + row.delivered_tokens
    for name, value in asdict(row.usage).items():
        counts[name] = counts.get(name, 0) + value


def shown_key(key: str) -> str:
    """A key as the record shows it: whole where it begins with `sim-`, else as a fingerprint, for it may be real."""
    if not key or key.startswith("sim-"):
        return key
    return f"sha256:{sha256(key.encode('utf-8', 'replace')).hexdigest()[:12]}"
