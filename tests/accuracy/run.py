"""Calls over replicas, and what came of them by those who made and answered them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, Protocol

from accuracy.plan import FEATURES, leaves_after
from billing import Vendor
from cluster import Key, Replica, request
from resilience.client import Outcome


class Place(Protocol):
    """Replicas over one database."""

    @property
    def replicas(self) -> list[Replica]: ...

    @property
    def vendor(self) -> Vendor: ...

    async def rows(self, statement: str) -> Sequence[Any]:
        """Rows of its database."""
        ...

    async def settled(self) -> None:
        """Wait until nothing is under way and the database has everything."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """One call as its client knows it."""

    mark: str
    model: str
    key: str
    feature: str
    stream: bool
    seconds: float
    fate: str
    """`ok`, `failed`, `left` by the client, or `lost` where the replica died."""
    status: int
    """As the client was told it; 0 where it was not."""


@dataclass
class Truth:
    """A run."""

    from_s: int = 0
    until_s: int = 0
    sent: list[Sent] = field(default_factory=list)


async def play(place: Place, keys: Sequence[Key], calls: int, rate: float, *, prefix: str = "c") -> Truth:
    """Make `calls` calls, `rate` of them a second whether or not earlier ones are answered."""
    truth = Truth(from_s=int(time()))
    start = monotonic()
    tasks: list[asyncio.Task[Sent]] = []
    for number in range(calls):
        wait_s = start + number / rate - monotonic()
        if wait_s > 0 or number % 32 == 0:
            await asyncio.sleep(max(0.0, wait_s))
        tasks.append(asyncio.create_task(_call(place, keys, number, f"{prefix}{number}")))
    truth.sent = list(await asyncio.gather(*tasks))
    await place.settled()
    truth.until_s = int(time()) + 1
    return truth


async def _call(place: Place, keys: Sequence[Key], number: int, mark: str) -> Sent:
    replica = place.replicas[number % len(place.replicas)]
    key, feature = keys[number // 4 % len(keys)], FEATURES[number // 16 % len(FEATURES)]
    model = "plain" if number % 5 < 2 else "chat"
    stream = number % 3 == 0
    leave = leaves_after(mark) if stream else float("inf")
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": mark}], "max_tokens": 40}
    body |= {"stream": True} if stream else {}
    sent = request(
        replica.port,
        "POST",
        "/v1/chat/completions",
        body,
        key.key,
        {"x-headgate-tags": f"feature={feature}"},
        stream=stream,
    )
    outcome = await replica.client.call(sent, leave_bytes=leave)
    return Sent(mark, model, key.id, feature, stream, outcome.seconds, _fate(outcome), outcome.status)


def _fate(outcome: Outcome) -> str:
    if outcome.ok:
        return "ok"
    if outcome.what in ("left", "TimeoutError"):
        return "left"
    return "lost" if outcome.status == 0 else "failed"
