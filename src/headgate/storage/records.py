"""One struct per table. Times are microseconds since the epoch UTC, money is picodollars."""

from __future__ import annotations

import msgspec

from headgate.types import Operation, Usage, UsageSource


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt used and cost. Written once, when the attempt is settled."""

    id: str
    """The attempt's id: recording the same id again changes nothing."""
    call_id: str
    organisation: str
    key_id: str
    model: str
    """The name the client asked for."""
    target: str
    operation: Operation
    cause: str
    started_us: int
    duration_us: int
    status: int
    """The vendor's HTTP status; 0 where none came."""
    code: str | None
    """The error's code; None where the attempt succeeded."""
    usage: Usage
    usage_source: UsageSource
    cost_picodollars: int | None
    """None when the price is unknown: never 0 for not known."""
    streamed: bool
    vendor_request_id: str | None
    tags: tuple[tuple[str, str], ...]
