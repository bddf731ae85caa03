"""A server of four workers, or four replicas of one, over PostgreSQL and Redis; or one process over SQLite."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cluster import CONFIG, SETTLE_S, Billing, Cluster, Key, Replica
from resilience.client import Client, Request

BUDGET_USD = "1000000"
"""Of the first key, for as long as there is."""

TEAMS = ("north", "south")

MODELS = (
    CONFIG.replace("models:\n", '  c: {kind: openai, base_url: "VENDOR", api_key: sk-c}\nmodels:\n')
    .replace("  plain:\n    targets: [a/m-a]", "  plain:\n    targets: [c/m-a]")
    .replace(
        "prices:",
        "  vector: {targets: [c/m-b], retry: {attempts: 1}}\ntelemetry: {calls: {most_per_s: 100000}}\nprices:",
    )
)
"""All calls are listed. `plain` has a target of its own: that of `chat` rests at times, after it has limited a call, and calls
wait for it.
"""

SLOW = MODELS.replace("after_s: 0.15", "after_s: 0.75")
"""For vendors that answer in hundreds of milliseconds."""


async def made(first: Replica, count: int) -> list[Key]:
    """Keys of two teams and of none, two of them of a project, one with a budget."""

    async def ask(path: str, body: Any) -> Any:
        outcome = await first.ask("POST", f"/admin/{path}", body)
        assert outcome.status == 201, outcome.body
        return json.loads(outcome.body)

    teams = [(await ask("teams", {"name": name}))["id"] for name in TEAMS]
    project = (await ask("projects", {"name": "atlas", "team": teams[0]}))["id"]
    keys: list[Key] = []
    for number in range(count):
        fields: dict[str, Any] = {"team": teams[number % 3]} if number % 3 < 2 else {}
        fields |= {"project": project} if number in (0, 3) else {}
        fields |= {"budget_usd": BUDGET_USD, "budget_period": "total"} if number == 0 else {}
        told = await ask("keys", {"name": f"k{number}", **fields})
        keys.append(Key(told["id"], told["key"]))
    return keys


async def known(replica: Replica, key: Key) -> None:
    """Wait until whichever worker of a server answers lets a key in."""
    seen = 0
    while seen < 24:
        client = Client(replica.port)  # on a connection of its own: the kernel deals them out
        head = f"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1:{replica.port}\r\nauthorization: Bearer {key.key}\r\n\r\n"
        outcome = await client.call(Request(head.encode()))
        await client.close()
        seen = seen + 1 if outcome.status == 200 else 0
        await asyncio.sleep(0 if seen else 0.05)


class Shared(Cluster):
    """Replicas over PostgreSQL and Redis, or one with several workers."""

    models = MODELS

    async def rows(self, statement: str) -> Sequence[Any]:
        return [tuple(row) for row in await self.sql(statement)]

    async def keys(self, count: int) -> list[Key]:
        keys = await made(self.replicas[0], count)
        for replica in self.replicas:
            await known(replica, keys[-1])
        return keys

    @asynccontextmanager
    async def later(self, seconds: int) -> AsyncIterator[Replica]:
        """One more process over the same database, at a later time."""
        replica = Replica(f"later{seconds}", self.folder, self._text, program=_at(seconds))
        try:
            await replica.start()
            yield replica
        finally:
            await replica.kill()


class Slow(Shared):
    models = SLOW


def _at(seconds: int) -> Sequence[str]:
    return (sys.executable, str(Path(__file__).with_name("later.py")), str(seconds))


class Single:
    """One process over SQLite."""

    def __init__(self, folder: Path, vendor: Billing, models: str = SLOW) -> None:
        self.vendor = vendor
        self.folder = folder
        self._database = folder / "accuracy.db"
        self._text = Cluster.text_of(
            vendor, f'storage: {{database: "sqlite:///{self._database}", journal: {{folder: JOURNAL}}}}\n', models
        )
        self.replicas = [Replica("single", folder, self._text)]

    async def __aenter__(self) -> Self:
        await self.replicas[0].start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.replicas[0].kill()

    async def rows(self, statement: str) -> Sequence[Any]:
        with sqlite3.connect(f"file:{self._database}?mode=ro", uri=True) as database:
            found = database.execute(statement).fetchall()
        database.close()
        return found

    async def keys(self, count: int) -> list[Key]:
        return await made(self.replicas[0], count)

    @asynccontextmanager
    async def later(self, seconds: int) -> AsyncIterator[Replica]:
        """The same process, started again at a later time: one at a time may have the file."""
        if self.replicas[0].running:
            await self.replicas[0].stop()
        replica = Replica(f"later{seconds}", self.folder, self._text, program=_at(seconds))
        try:
            await replica.start()
            yield replica
        finally:
            await replica.stop()

    async def settled(self) -> None:
        end = time.monotonic() + SETTLE_S
        before, calm = -1, 0
        while calm < 3:
            assert time.monotonic() < end, "it does not come to rest"
            await asyncio.sleep(0.3)
            [(count,)] = await self.rows("SELECT count(*) FROM ledger")
            metrics = await self.replicas[0].metrics()
            busy = self.vendor.under_way() or "\nheadgate_calls_in_flight 0.0" not in metrics
            calm = calm + 1 if not busy and count == before else 0
            before = count
