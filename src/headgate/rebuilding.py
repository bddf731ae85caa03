"""Beginning counters anew when Redis has lost them: the ledger is the truth, Redis a copy of its sums.

Every replica brings what it has settled into the database, then stops writing there, and carries what it has set aside
over to the empty Redis. Once all have said so, what the database has and what was carried is all there is: counters are
begun from it, and everybody goes on. Until then nothing is reserved.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.ledger import LedgerSeeds
from headgate.storage.records import LedgerRow
from headgate.storage.redis_counters import RedisCounters
from headgate.store import Store

T = TypeVar("T")

log = logging.getLogger("headgate")

GONE_US = 6_000_000
"""A replica that has not been heard of for so long is not waited for: what it knows is in its journal."""

LOOK_S = 0.2
"""How often is looked whether all have carried over what they have."""

PATIENCE_S = 1.0
"""How long a call waits for it."""


class Rebuild:
    """What one replica does about it. Gives counters their beginnings, once that is known."""

    def __init__(self, store: Store, counters: RedisCounters, clock: Clock) -> None:
        self._store = store
        self._counters = counters
        self._clock = clock
        self._seeds = LedgerSeeds(store.database, store.caught_up)
        self._ready = asyncio.Event()
        self._asked = asyncio.Event()
        counters.on_new_space = self._lost

    # ── where counters begin ──

    async def spent(self, counter: str) -> int:
        await self._wait()
        rows = await self._store.database.fetch("SELECT picodollars FROM spend WHERE counter = $1", counter)
        return rows[0][0] if rows else 0

    async def used(self, organisation: str, subject: str, metric: str, start_us: int, end_us: int) -> int:
        await self._wait()
        return await self._seeds.used(organisation, subject, metric, start_us, end_us)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._ready.wait()
        except TimeoutError:
            raise StoreUnavailable("the counters of limits and budgets are being begun anew") from None

    # ── carrying over ──

    def _lost(self) -> None:
        self._ready.clear()
        self._asked.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._asked.clear()
            if await self._again(self._counters.is_ready):
                self._ready.set()
            else:
                await self._rebuild()
            await self._asked.wait()

    async def _rebuild(self) -> None:
        counters, store = self._counters, self._store
        space = counters.space
        await self._again(self._stop_writing)
        try:
            counters.carry_held()
            await counters.flush()
            while counters.space == space:
                if await self._again(self._agreed, space):
                    break
                await asyncio.sleep(LOOK_S)
        finally:
            store.writer.resume()
        if counters.space == space:
            self._ready.set()
            log.info("counters are begun anew from the ledger")
        else:
            self._asked.set()

    async def _agreed(self, space: str) -> bool:
        """Whether all replicas have carried over what they have; the first that sees it says so."""
        counters = self._counters
        await counters.acknowledge(self._store.id, space=space)
        if not await counters.is_ready() and await self._living() <= await counters.acknowledged():
            await counters.set_ready(space=space)
        return await counters.is_ready()

    async def _again(self, step: Callable[..., Awaitable[T]], *arguments: str) -> T:
        """Do something as soon as the stores let it."""
        while True:
            try:
                return await step(*arguments)
            except StoreUnavailable as error:
                log.debug("counters cannot be begun anew yet: %s", error.message)
                await asyncio.sleep(LOOK_S)

    async def _stop_writing(self) -> None:
        """Let the database have all that counters stand on, and no more of it until all replicas agree."""
        writer = self._store.writer
        while True:
            await writer.drain()
            await writer.pause()
            if not writer.backlog:
                return
            writer.resume()

    async def _living(self) -> set[str]:
        since_us = self._clock.now_us() - GONE_US
        rows = await self._store.database.fetch("SELECT id FROM replicas WHERE seen_us >= $1", since_us)
        return {row[0] for row in rows} | {self._store.id}

    async def settle(self, rows: Sequence[LedgerRow]) -> None:
        """Settle what processes that died had set aside, at what their journals say."""
        for row in rows:
            await self._again(partial(self._counters.adopt, row.id, None, row.cost_picodollars))
