"""Beginning counters anew when Redis has lost them: the ledger is the truth, Redis a copy of its sums.

Every replica brings what it has settled into the database, then stops writing there, and carries what it has set aside
over to the empty Redis. Once all have said so, what the database has and what was carried is all there is: counters are
begun from it, and everybody goes on. Until then nothing is reserved. Where something was left out, of a replica that
came too late or had died, all begin again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from headgate.errors import StoreUnavailable
from headgate.ledger.seeds import LedgerSeeds
from headgate.storage.records import Limit
from headgate.storage.redis_counters import RedisCounters
from headgate.store import NOW_US, Store

T = TypeVar("T")

log = logging.getLogger("headgate")

GONE_US = 6_000_000
"""A replica that has not been heard of for so long is not waited for: what it knows is in its journal."""

LOOK_S = 0.2
"""How often is looked whether all have carried over what they have."""

WATCH_S = 1.0
"""How often is looked whether Redis still has what it had."""

BRIEFLY_S = 0.01

PATIENCE_S = 1.0
"""How long a call waits for counters to be begun anew."""


class Rebuild:
    """What one replica does about it. Gives counters their beginnings, once those are known."""

    def __init__(self, store: Store, counters: RedisCounters) -> None:
        self._store = store
        self._counters = counters
        self._seeds = LedgerSeeds(store.database, store.caught_up)
        self._space = ""
        """The one that has all that this process knows of."""
        self._ready = asyncio.Event()
        self._asked = asyncio.Event()
        counters.on_new_space = self._lost

    @property
    def unsettled(self) -> bool:
        """Whether Redis has not heard of all that this process has settled."""
        return self._counters.unsent > 0

    # ── where counters begin ──

    async def spent(self, counter: str) -> int:
        await self._wait()
        return (await self._sums([counter])).get(counter, 0)

    async def used(self, organisation: str, subject: str, metric: str, start_us: int, end_us: int) -> int:
        await self._wait()
        return await self._seeds.used(organisation, subject, metric, start_us, end_us)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._ready.wait()
        except TimeoutError:
            raise StoreUnavailable("the counters of limits and budgets are being begun anew") from None

    # ── taking part ──

    def _lost(self) -> None:
        self._ready.clear()
        self._asked.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            self._asked.clear()
            try:
                await self._take_part()
            except StoreUnavailable as error:
                log.debug("counters cannot be begun anew yet: %s", error.message)
                await asyncio.sleep(LOOK_S)
            except Exception:
                log.exception("counters cannot be begun anew, it is tried again")
                await asyncio.sleep(WATCH_S)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WATCH_S):
                        await self._asked.wait()

    async def _take_part(self) -> None:
        """See to it that the space there is now has all that this process knows of."""
        counters = self._counters
        space = (await counters.link.connect()).id
        ready = await counters.is_ready(space=space)
        if space == self._space:
            if not ready:
                counters.emptied()
            return
        late = ready or not await self._rebuild(space)
        if late and (counters.link.spaces > 1 or counters.owes):
            await counters.abandon(space=space)
            return
        if late:
            await counters.acknowledge(self._store.id, space=space)  # there was nothing yet to bring
        if counters.space == space:
            self._space = space
            self._ready.set()

    async def _rebuild(self, space: str) -> bool:
        """Carry over what this process has, and wait until all have, and counters stand on it. Whether it was in time.

        Raises:
            StoreUnavailable: a store is away, or the space is another by now.
        """
        counters, store = self._counters, self._store
        await self._stop_writing()
        try:
            if counters.space != space:
                raise StoreUnavailable("Redis was started again or emptied meanwhile")
            carried = counters.carry_held()
            await self._again(space, counters.flush)
            if not await self._again(space, partial(counters.join, store.id, space=space)):
                return False
            while not await self._again(space, partial(self._agreed, space)):  # noqa: ASYNC110 - by others
                await asyncio.sleep(LOOK_S)
            # Before what is settled from now on is in the database too, and would be counted twice.
            await self._again(space, partial(self._seed, carried, space))
        finally:
            store.writer.resume()
        log.info("counters are begun anew from the ledger")
        return True

    async def _stop_writing(self) -> None:
        """Let the database have all that counters stand on, and no more of it until all replicas agree."""
        writer, ledger = self._store.writer, self._store.ledger
        while True:
            await self._store.caught_up()
            await writer.pause()
            if writer.has(ledger.charged_to) and not ledger.waiting:
                return
            writer.resume()
            await asyncio.sleep(BRIEFLY_S)

    async def _agreed(self, space: str) -> bool:
        """Whether all replicas have carried over what they have; the first that sees it says so."""
        counters = self._counters
        if await counters.is_ready(space=space):
            return True
        if not await self._living() <= await counters.acknowledged():
            return False
        await counters.set_ready(space=space)
        return True

    async def _living(self) -> set[str]:
        rows = await self._store.database.fetch(
            f"SELECT id FROM replicas WHERE seen_us >= {NOW_US} - CAST($1 AS bigint)",  # noqa: S608
            GONE_US,
        )
        return {row[0] for row in rows} | {self._store.id}

    async def _seed(self, ends: Mapping[str, int], space: str) -> None:
        """Begin counters, given with the ends of their periods."""
        limits = [counter for counter in ends if counter.startswith("l:")]
        values = {counter: await self._counted(counter, ends[counter]) for counter in limits}
        sums = await self._sums([counter for counter in ends if counter not in values])
        for counter, ends_us in ends.items():
            value = values.get(counter, sums.get(counter, 0))
            await self._counters.seed(counter, value, ends_us, space=space)

    async def _counted(self, counter: str, ends_us: int) -> int:
        """What the ledger says of a limit's counter (`limits/claims.py`)."""
        _, limit_id, rest = counter.split(":", 2)
        subject, metric, start_s = rest.rsplit(":", 2)
        limit = self._store.directory.get(Limit, limit_id)
        if limit is None:
            return 0
        seeds = LedgerSeeds(self._store.database, _nothing)
        return await seeds.used(limit.organisation, subject, metric, int(start_s) * 1_000_000, ends_us)

    async def _sums(self, counters: Sequence[str]) -> dict[str, int]:
        """What has been settled of budgets."""
        if not counters:
            return {}
        rows = await self._store.database.fetch(
            "SELECT counter, picodollars FROM spend WHERE counter = ANY(CAST($1 AS text[]))", list(counters)
        )
        return dict(rows)

    async def _again(self, space: str, step: Callable[[], Awaitable[T]]) -> T:
        """Do something as soon as the stores let it.

        Raises:
            StoreUnavailable: the space is another by now.
        """
        while True:
            try:
                return await step()
            except StoreUnavailable as error:
                if self._counters.space != space:
                    raise
                log.debug("counters cannot be begun anew yet: %s", error.message)
                await asyncio.sleep(LOOK_S)

    # ── of the dead ──

    async def settle(self, owner: str) -> None:
        """Settle what a process that died had set aside, at what the ledger has by now. What that does not know was
        never sent.
        """
        while True:
            try:
                await self._store.forget(owner)
                await self._settle(owner)
            except StoreUnavailable as error:
                log.debug("what %s had set aside cannot be settled yet: %s", owner, error.message)
                await asyncio.sleep(LOOK_S)
            else:
                return

    async def _settle(self, owner: str) -> None:
        counters = self._counters
        space = (await counters.link.connect()).id
        ready = await counters.is_ready(space=space)
        known = owner in await counters.acknowledged()
        holders = await counters.holders(owner)
        if ready and known:
            costs = await self._costs(holders)
            for holder in holders:
                # A call's own limits stay as they were reserved: it may have been made.
                await counters.adopt(holder, owner, costs.get(holder, 0) if "-" in holder else None)
        elif ready or known or holders:
            await counters.abandon(space=space)

    async def _costs(self, attempts: Sequence[str]) -> dict[str, int | None]:
        rows = await self._store.database.fetch(
            "SELECT id, cost_picodollars FROM ledger WHERE id = ANY(CAST($1 AS text[]))", list(attempts)
        )
        return dict(rows)


async def _nothing() -> None:
    """The ledger has what it is to have."""
