"""How targets are doing, for people and their tools."""

from __future__ import annotations

from math import inf
from time import monotonic

import msgspec

from headgate.routing.breaker import State
from headgate.routing.target import Target


class TargetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One target, now."""

    target: str
    breaker: State
    rests_s: float | None
    """For how long it is not called; 0 where it is, None where nobody knows."""
    failure_rate: float
    in_flight: int
    limit: int
    """Most calls under way there at a time, as things are."""
    waiting: int
    whole_ms: float
    """What whole answers take lately; 0 where there were none."""
    first_token_ms: float


def status_of(target: Target) -> TargetStatus:
    now = monotonic()
    ready_at = target.ready_at(now)
    return TargetStatus(
        target=target.name,
        breaker=target.breaker.state,
        rests_s=None if ready_at == inf else round(max(0.0, ready_at - now), 3),
        failure_rate=round(target.breaker.failure_rate, 4),
        in_flight=target.limiter.in_flight,
        limit=int(target.limiter.limit),
        waiting=target.limiter.waiting,
        whole_ms=round(target.whole.at(now) * 1000, 3),
        first_token_ms=round(target.first_token.at(now) * 1000, 3),
    )
