"""Four replicas over PostgreSQL and Redis, or one over SQLite, with the same vendor behind them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from billing import Vendor
from cluster import SETTLE_S, Cluster, Key, Replica


class Shared(Cluster):
    """Replicas over PostgreSQL and Redis."""

    async def rows(self, statement: str) -> Sequence[Any]:
        return [tuple(row) for row in await self.sql(statement)]

    async def keys(self, count: int) -> list[Key]:
        """Keys of two teams, and of none."""
        teams = [(await self.admin("POST", "/admin/teams", {"name": name}))["id"] for name in ("north", "south")]
        made = [
            await self.key(f"k{number}", known=False, **({"team": teams[number % 3]} if number % 3 < 2 else {}))
            for number in range(count)
        ]
        for key in made:
            await self.known(key.key)
        return made


class Single:
    """One process over SQLite."""

    def __init__(self, folder: Path, vendor: Vendor) -> None:
        self.vendor = vendor
        self._database = folder / "accuracy.db"
        text = Cluster.text_of(
            vendor, f'storage: {{database: "sqlite:///{self._database}", journal: {{folder: JOURNAL}}}}\n'
        )
        self.replicas = [Replica("single", folder, text)]

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
        made: list[Key] = []
        for number in range(count):
            outcome = await self.replicas[0].ask("POST", "/admin/keys", {"name": f"k{number}"})
            told = json.loads(outcome.body)
            made.append(Key(told["id"], told["key"]))
        return made

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
