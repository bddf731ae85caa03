"""Calls over replicas, and what came of them by those who made and answered them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, Protocol

from accuracy.plan import FEATURES, TIERS, leaves_after
from billing import Billed
from cluster import Key, Replica, request
from resilience.client import Outcome


class Answering(Protocol):
    """A vendor, as far as it can tell what it did."""

    @property
    def bill(self) -> list[Billed]: ...


class Place(Protocol):
    """Replicas over one database."""

    @property
    def replicas(self) -> list[Replica]: ...

    async def rows(self, statement: str) -> Sequence[Any]:
        """Rows of its database."""
        ...

    async def settled(self) -> None:
        """Wait until nothing is under way and the database has everything."""
        ...

    def later(self, seconds: int) -> AbstractAsyncContextManager[Replica]:
        """One more process over the same database, at a later time."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """One call as its client knows it."""

    mark: str
    id: str
    """What the answer said it was; empty where none came."""
    model: str
    key: str
    tags: tuple[str, str]
    """`feature` and `tier`."""
    stream: bool
    seconds: float
    fate: str
    """`ok`, `failed`, `left` by the client, or `lost` where the replica died."""
    status: int
    """As the client was told it; 0 where it was not."""
    cost_usd: str | None
    """As the answer said it."""


@dataclass
class Truth:
    """A run."""

    from_s: int = 0
    until_s: int = 0
    keys: Sequence[Key] = ()
    sent: list[Sent] = field(default_factory=list[Sent])


async def play(place: Place, keys: Sequence[Key], calls: int, rate: float, *, prefix: str = "c") -> Truth:
    """Make `calls` calls, `rate` of them a second whether or not earlier ones are answered."""
    truth = Truth(from_s=int(time()), keys=keys)
    start = monotonic()
    under_way = set[asyncio.Task[None]]()

    async def one(number: int) -> None:
        truth.sent.append(await _call(place, keys, number, f"{prefix}-{model_of(number)}-{number}"))

    for number in range(calls):
        wait_s = start + number / rate - monotonic()
        if wait_s > 0 or number % 32 == 0:
            await asyncio.sleep(max(0.0, wait_s))
        task = asyncio.create_task(one(number))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    await place.settled()
    truth.until_s = int(time()) + 1
    return truth


def model_of(number: int) -> str:
    return "vector" if number % 20 == 19 else "plain" if number % 5 < 2 else "chat"


async def _call(place: Place, keys: Sequence[Key], number: int, mark: str) -> Sent:
    replica = place.replicas[number % len(place.replicas)]
    key, model = keys[number // 4 % len(keys)], model_of(number)
    tags = FEATURES[number // 16 % len(FEATURES)], TIERS[number // 7 % len(TIERS)]
    stream = number % 3 == 0 and model != "vector"
    leave = leaves_after(mark) if stream and model == "chat" else float("inf")
    path, body = "/v1/embeddings", {"model": model, "input": mark}
    if model != "vector":
        path = "/v1/chat/completions"
        body = {"model": model, "messages": [{"role": "user", "content": mark}], "max_tokens": 40}
        body |= {"stream": True} if stream else {}
    told = {"x-headgate-tags": f"feature={tags[0]},tier={tags[1]}"}
    sent = request(replica.port, "POST", path, body, key.key, told, stream=stream)
    outcome = await replica.client.call(sent, leave_bytes=leave)
    return Sent(
        mark,
        outcome.headers.get("x-headgate-request-id", ""),
        model,
        key.id,
        tags,
        stream,
        outcome.seconds,
        _fate(outcome),
        outcome.status,
        _cost(outcome),
    )


def _fate(outcome: Outcome) -> str:
    if outcome.ok:
        return "ok"
    if outcome.what in ("left", "TimeoutError"):
        return "left"
    return "lost" if outcome.status == 0 else "failed"


def _cost(outcome: Outcome) -> str | None:
    """What the answer said it cost: in its headers, or of a stream in its last comment."""
    if not outcome.stream or outcome.status != 200:
        return outcome.headers.get("x-headgate-cost-usd")
    told = outcome.body.rpartition(b": headgate ")[2].partition(b"\n")[0]
    return json.loads(told).get("cost_usd") if told.startswith(b"{") else None
