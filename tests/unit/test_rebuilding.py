"""When Redis has lost its counters they are begun anew from the ledger and from what is set aside: exactly, or all again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import headgate.rebuilding as module
import services
from headgate.clock import SystemClock
from headgate.config import Config
from headgate.config.schema import JournalConfig, StorageConfig
from headgate.errors import StoreUnavailable
from headgate.limits.seeding import Seeder
from headgate.rebuilding import Rebuild
from headgate.storage.counters import Claim, Granted
from headgate.storage.journal import Journal
from headgate.storage.records import Limit
from headgate.storage.redis_counters import RedisCounters
from headgate.store import Store
from journals import die
from ledger_rows import row
from waiting import eventually

BUDGET = "b:budget_1:key:k:0"
CEILING = 1_000


class Replica:
    """One process, as far as counters have to do with it."""

    def __init__(self, store: Store, redis_url: str) -> None:
        self.store = store
        self.counters = RedisCounters(redis_url, SystemClock(), store.id)
        self.rebuild = Rebuild(store, self.counters)
        self._seeder = Seeder(self.counters, self.rebuild)
        self._granted: dict[str, Granted] = {}
        store.begin(self.rebuild)

    async def reserve(self, attempt: str, amount: int = 10, *, opened: bool = True) -> Granted:
        """Set an amount aside, as an attempt does."""

        async def spent(position: int) -> int:
            return await self.rebuild.spent(BUDGET)

        outcome = await self._seeder.reserve(attempt, [claim(amount)], spent)
        assert isinstance(outcome, Granted)
        self._granted[attempt] = outcome
        if opened:
            self.store.ledger.open(charged(attempt, amount, code="interrupted"))
        return outcome

    def settle(self, attempt: str, cost: int, amount: int = 10) -> None:
        self.store.ledger.record(charged(attempt, cost))
        self.counters.settle(attempt, [claim(amount)], self._granted[attempt], [cost])

    async def total(self) -> int | None:
        """What the counter stands at."""
        await self.counters.flush()
        return (await self.counters.read([BUDGET]))[0]

    async def ready(self) -> None:
        """Wait until counters can be begun."""
        await eventually(lambda: self._is_ready())

    async def _is_ready(self) -> bool:
        return self.counters.space != "" and self.rebuild._ready.is_set() and await self.counters.is_ready()

    async def die(self) -> None:
        """What is left is its journal, and what it has in Redis."""
        store = self.store
        tasks = [*store._tasks, *([store._adopted] if store._adopted else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(store.writer._journal, Journal)
        die(store.writer._journal)
        link = self.counters.link
        link._waiting.clear()
        link._closed = True
        link.renew("killed")
        if self.counters._timer is not None:
            self.counters._timer.cancel()
        await store.database.close()

    async def close(self) -> None:
        await self.counters.close()
        await self.store.close()


def claim(amount: int) -> Claim:
    return Claim(BUDGET, amount, CEILING, "period")


def charged(attempt: str, cost: int, **more: Any) -> Any:
    return row(id=attempt, call_id=attempt.partition("-")[0], cost_picodollars=cost, charged=(BUDGET,), **more)


Start = Callable[[str], Awaitable[Replica]]


@pytest.fixture
async def start(
    tmp_path: Path, postgres_url: str, private_redis: services.Redis, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Start]:
    """Starts a replica with a journal in the folder of that name."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "WATCH_S", 0.05)
    started: list[Replica] = []

    async def start(folder: str) -> Replica:
        storage = StorageConfig(
            database=postgres_url, connections=3, journal=JournalConfig(folder=str(tmp_path / folder))
        )
        config = Config(storage=storage)
        replica = Replica(await Store.open(config, SystemClock()), private_redis.url())
        started.append(replica)
        return replica

    yield start
    for replica in started:
        if not replica.counters.link._closed:
            await replica.close()


def started_again(redis: services.Redis) -> None:
    redis.kill()
    redis.start()


async def spend(replica: Replica, attempt: str, cost: int) -> None:
    await replica.reserve(attempt)
    replica.settle(attempt, cost)


async def test_counters_begin_with_what_is_settled_and_what_is_set_aside(start: Start, private_redis: services.Redis):
    a, b = await start("a"), await start("b")
    await spend(a, "a1-0", 3)
    await spend(b, "b1-0", 4)
    await a.reserve("a2-0")
    await b.reserve("b2-0")
    assert await a.total() == 3 + 4 + 10 + 10
    started_again(private_redis)
    await asyncio.gather(a.ready(), b.ready())
    granted = await a.reserve("a3-0")
    assert granted.totals == [3 + 4 + 10 + 10 + 10]
    for replica, attempt in ((a, "a2-0"), (a, "a3-0"), (b, "b2-0")):
        replica.settle(attempt, 1)
        await replica.counters.flush()
    assert await a.total() == await b.total() == 3 + 4 + 1 + 1 + 1


async def test_what_is_settled_while_others_are_waited_for_counts_once(start: Start, private_redis: services.Redis):
    a, b = await start("a"), await start("b")
    await a.reserve("a1-0")
    await b.reserve("b1-0")
    await b.store.writer.pause()  # it cannot say that it has brought everything
    b.store.ledger.record(charged("b0-0", 2))
    started_again(private_redis)
    await eventually(a.counters.acknowledged)
    a.settle("a1-0", 5)
    with pytest.raises(StoreUnavailable):
        await a.reserve("a2-0")
    b.store.writer.resume()
    await asyncio.gather(a.ready(), b.ready())
    await a.store.writer.drain()
    await b.store.writer.drain()
    assert (await b.reserve("b2-0")).totals == [2 + 5 + 10 + 10]


async def test_calls_that_no_budget_pays_for_hold_nothing_up(start: Start, private_redis: services.Redis):
    a = await start("a")
    await spend(a, "a1-0", 3)
    busy = True

    async def others() -> None:
        for number in range(100_000):
            a.store.ledger.record(row(id=f"free{number}-0"))
            if number % 20 == 0:
                await asyncio.sleep(0.001)
            if not busy:
                break

    task = asyncio.create_task(others())
    started_again(private_redis)
    async with asyncio.timeout(5):
        await a.ready()
    assert (await a.reserve("a2-0")).totals == [13]
    busy = False
    await task


async def test_a_replica_that_comes_too_late_makes_all_begin_again(
    start: Start, private_redis: services.Redis, monkeypatch: pytest.MonkeyPatch
):
    a, b = await start("a"), await start("b")
    await spend(a, "a1-0", 3)
    await b.reserve("b1-0")
    await b.store.writer.pause()
    b.store.ledger.record(charged("b0-0", 2))
    monkeypatch.setattr(module, "GONE_US", 0)  # nobody is waited for
    started_again(private_redis)
    await a.ready()
    assert (await a.reserve("a2-0")).totals == [13], "what b knows is missing"
    monkeypatch.undo()
    early = a.counters.space
    b.store.writer.resume()

    async def another() -> bool:
        return early != a.counters.space == b.counters.space

    await eventually(another)
    await asyncio.gather(a.ready(), b.ready())
    assert (await a.reserve("a3-0")).totals == [3 + 2 + 10 + 10 + 10]


async def test_a_new_replica_that_comes_too_late_disturbs_nobody(start: Start, monkeypatch: pytest.MonkeyPatch):
    """Replicas that start together: one has counters ready while another, with nothing to bring, is about to join."""
    monkeypatch.setattr(module, "GONE_US", 0)  # nobody is waited for
    about_to, others = asyncio.Event(), asyncio.Event()
    stop_writing = Rebuild._stop_writing

    async def held_up(rebuild: Rebuild) -> None:
        await stop_writing(rebuild)
        if not about_to.is_set():
            about_to.set()
            await others.wait()

    monkeypatch.setattr(Rebuild, "_stop_writing", held_up)
    b = await start("b")
    await about_to.wait()
    a = await start("a")
    await a.ready()
    await spend(a, "a1-0", 3)
    space = a.counters.space
    others.set()
    await b.ready()
    assert b.counters.space == a.counters.space == space
    assert (await b.reserve("b1-0")).totals == [13]


async def test_an_emptied_redis_is_noticed_by_those_who_do_nothing(start: Start, private_redis: services.Redis):
    a, b = await start("a"), await start("b")
    await spend(a, "a1-0", 3)
    before = b.counters.space
    private_redis.flush()

    async def another() -> bool:
        return b.counters.space != before and await b._is_ready()

    await eventually(another)
    await a.ready()
    assert (await b.reserve("b1-0")).totals == [13]


async def test_what_a_dead_process_had_set_aside_is_settled_at_what_the_ledger_says(start: Start):
    a = await start("a")
    await a.ready()
    for attempt in ("settled-0", "told-0", "open-0", "never-0"):
        await a.reserve(attempt, opened=attempt != "never-0")
    await a.counters.seed("l:1:key:k:requests:0", 0, 0)
    requests = [Claim("l:1:key:k:requests:0", 1, 5, "period")]
    assert isinstance(await a.counters.reserve("call", requests), Granted)
    a.settle("settled-0", 3)
    await a.counters.flush()
    a.store.ledger.record(charged("told-0", 4))  # and it dies before Redis hears of it
    await a.die()

    b = await start("a")
    await b.store.caught_up()
    assert await b.total() == 3 + 4 + 10
    assert await b.counters.holders(a.store.id) == []
    assert await b.counters.read(["l:1:key:k:requests:0"]) == [1], "the call may have been made"


async def test_what_died_while_redis_was_away_makes_all_begin_again(
    start: Start, private_redis: services.Redis, monkeypatch: pytest.MonkeyPatch
):
    a, b = await start("a"), await start("b")
    await asyncio.gather(a.ready(), b.ready())
    await spend(b, "b1-0", 3)
    await a.reserve("a1-0")
    a.settle("a1-0", 5)
    await a.reserve("a2-0")
    await a.die()
    monkeypatch.setattr(module, "GONE_US", 0)
    started_again(private_redis)
    await b.ready()
    assert (await b.reserve("b2-0")).totals == [3 + 10], "what a knows is missing"

    early = b.counters.space
    again = await start("a")
    await again.store.caught_up()

    async def another() -> bool:
        return early != b.counters.space == again.counters.space

    await eventually(another)
    await asyncio.gather(again.ready(), b.ready())
    granted = await eventually(lambda: b.reserve("b3-0"))
    assert granted.totals == [3 + 5 + 10 + 10 + 10]


async def test_who_ends_while_redis_hangs_is_settled_for_by_the_next(start: Start, private_redis: services.Redis):
    a = await start("a")
    await a.reserve("a1-0")
    private_redis.pause()
    a.settle("a1-0", 4)
    await a.close()
    private_redis.resume()
    b = await start("a")
    await b.store.caught_up()
    assert await b.total() == 4
    assert await b.counters.holders(a.store.id) == []


async def test_what_was_done_before_redis_was_first_there_makes_all_begin_again(
    start: Start, private_redis: services.Redis
):
    a = await start("a")
    await spend(a, "a1-0", 3)
    private_redis.pause()
    b = await start("b")
    with pytest.raises(StoreUnavailable):
        await b.reserve("b1-0")
    over, under_way = b.counters.owe([claim(0)]), b.counters.owe([claim(0)])
    b.store.ledger.record(charged("b1-0", 7))
    over(7)
    private_redis.resume()
    await asyncio.gather(a.ready(), b.ready())
    b.store.ledger.record(charged("b2-0", 5))
    under_way(5)
    await b.counters.flush()
    await spend(a, "a2-0", 1)
    assert await a.total() == 3 + 7 + 5 + 1


async def test_what_has_died_and_is_adopted_is_waited_for_no_more(start: Start, private_redis: services.Redis):
    a, b = await start("a"), await start("b")
    await spend(a, "a1-0", 3)
    await b.reserve("b1-0")
    await b.die()
    started_again(private_redis)
    again = await start("b")
    async with asyncio.timeout(module.GONE_US / 2e6):
        await asyncio.gather(a.ready(), again.ready())
    await spend(a, "a2-0", 1)
    assert await a.total() == 3 + 10 + 1


async def test_a_limit_by_the_calendar_is_begun_with_what_was_used(start: Start, private_redis: services.Redis):
    a = await start("a")
    limit = Limit(id="lim_1", organisation="default", subject="key:k", per="day", requests=5)
    a.store.directory._snapshot.rows[Limit]["lim_1"] = limit
    day_s = row().started_us // 1_000_000 // 86_400 * 86_400
    counter = f"l:lim_1:key:k:requests:{day_s}"
    ends_us = (day_s + 86_400) * 1_000_000
    claims = [Claim(counter, 1, 5, "period", 0, ends_us)]
    await a.counters.seed(counter, 0, ends_us)
    for call in ("one", "two"):
        granted = await a.counters.reserve(call, claims)
        assert isinstance(granted, Granted)
        a.store.ledger.record(row(id=f"{call}-0", call_id=call, key_id="k", charged=(BUDGET,)))
        a.counters.settle(call, claims, granted, [1])
    await a.counters.reserve("under way", claims)
    started_again(private_redis)
    await a.ready()
    assert await a.counters.read([counter]) == [3]


async def test_replicas_that_have_ended_are_waited_for_no_more(start: Start):
    a, b = await start("a"), await start("b")
    await asyncio.gather(a.ready(), b.ready())
    await a.close()
    assert await b.rebuild._living() == {b.store.id}
