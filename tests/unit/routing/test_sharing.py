"""What one replica finds out about a target, the others know; and none depends on the store for its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from headgate.clock import ManualClock
from headgate.routing.conditions import Conditions
from headgate.routing.config import BreakerConfig, TargetConfig
from headgate.routing.sharing import EVERY_S, KEPT_S, Sharing
from headgate.routing.target import Target
from headgate.storage.state import MemoryState
from virtual_time import now, virtual

CONFIG = BreakerConfig(open_s=600)


class LoopClock(ManualClock):
    """The running loop's time."""

    def monotonic(self) -> float:
        return now()


def store() -> MemoryState:
    return MemoryState(LoopClock())


class Replica:
    """One process that uses a target."""

    def __init__(self, shared: MemoryState, config: BreakerConfig = CONFIG) -> None:
        conditions = Conditions()
        self.target = conditions.borrow("sim/x", 1, lambda: Target(TargetConfig(target="sim/x"), config))
        self.sharing = Sharing(conditions, shared)

    @property
    def state(self) -> str:
        return self.target.breaker.state

    def fail(self) -> None:
        """Fail often enough."""
        self.target.cause = "server_error"
        for _ in range(50):
            self.target.breaker.failed(now(), now())

    def recover(self) -> None:
        """Send a probe that goes well."""
        self.target.breaker.began(now())
        self.target.breaker.succeeded(now(), now(), 0.1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.ensure_future(self.sharing.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def two(shared: MemoryState | None = None) -> AsyncIterator[tuple[Replica, Replica]]:
    shared = store() if shared is None else shared
    one, other = Replica(shared), Replica(shared)
    async with one.running():
        await asyncio.sleep(EVERY_S / 3)
        async with other.running():
            yield one, other


@virtual
async def test_that_a_target_rests_is_heard() -> None:
    async with two() as (one, other):
        one.fail()
        await asyncio.sleep(2 * EVERY_S)
        assert (other.state, other.target.cause) == ("open", "server_error")
        assert other.target.breaker.open_until > now()


@virtual
async def test_that_it_is_back_is_heard() -> None:
    async with two() as (one, other):
        one.fail()
        await asyncio.sleep(2 * EVERY_S)
        other.recover()
        await asyncio.sleep(2 * EVERY_S)
        assert (one.state, other.state) == ("closed", "closed")
        await asyncio.sleep(10 * EVERY_S)
        assert (one.state, other.state) == ("closed", "closed")


@virtual
async def test_a_rest_that_lasts_is_believed_in_for_as_long_as_somebody_sees_it() -> None:
    async with two() as (one, other):
        one.fail()
        await asyncio.sleep(10 * KEPT_S)
        assert (one.state, other.state) == ("open", "open")


@virtual
async def test_a_rest_whose_replica_has_gone_is_believed_in_for_a_while_only() -> None:
    shared = store()
    one, other = Replica(shared), Replica(shared)
    one.fail()
    await one.sharing.exchange(one.target)
    await asyncio.sleep(KEPT_S)
    await other.sharing.exchange(other.target)
    assert other.state == "closed"


@virtual
async def test_a_replica_that_comes_later_hears_it_too() -> None:
    shared = store()
    one = Replica(shared)
    async with one.running():
        one.fail()
        await asyncio.sleep(2 * EVERY_S)
        later = Replica(shared)
        async with later.running():
            await asyncio.sleep(2 * EVERY_S)
            assert later.state == "open"


@virtual
async def test_models_that_judge_a_target_in_another_way_are_not_told() -> None:
    shared = store()
    strict, patient = Replica(shared), Replica(shared, BreakerConfig(open_s=600, slow_s=1.0))
    async with strict.running(), patient.running():
        patient.fail()
        await asyncio.sleep(3 * EVERY_S)
        assert (strict.state, patient.state) == ("closed", "open")


@virtual
async def test_failures_are_forgiven_where_it_is_heard_that_the_target_is_back() -> None:
    async with two() as (one, other):
        one.fail()
        one.target.whole.fail(now(), 10)
        await asyncio.sleep(2 * EVERY_S)
        other.recover()
        await asyncio.sleep(2 * EVERY_S)
        assert one.target.whole.at(now()) == 0


# ── stores that are slow, or away ──


class Slow(MemoryState):
    """Takes its time to answer, so that much happens meanwhile."""

    async def get(self, key: str) -> bytes | None:
        found = await super().get(key)
        await asyncio.sleep(0.5)
        return found

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        await asyncio.sleep(0.5)
        await super().put(key, value, ttl_s)

    async def replace(self, key: str, expected: bytes | None, value: bytes, ttl_s: float) -> bool:
        await asyncio.sleep(0.5)
        return await super().replace(key, expected, value, ttl_s)

    async def delete(self, key: str) -> None:
        await asyncio.sleep(0.5)
        await super().delete(key)


@virtual
async def test_what_opens_while_the_store_answers_stays_open() -> None:
    one = Replica(Slow(LoopClock()))
    hearing = asyncio.ensure_future(one.sharing.exchange(one.target))
    await asyncio.sleep(0.2)
    one.fail()
    await hearing
    assert one.state == "open"
    other = Replica(one.sharing._shared)  # pyright: ignore[reportArgumentType]
    await one.sharing.exchange(one.target)
    await other.sharing.exchange(other.target)
    assert other.state == "open", "and it is told the next time"


@virtual
async def test_what_closes_while_the_store_is_told_that_it_opened_is_told_next() -> None:
    one = Replica(Slow(LoopClock()))
    one.fail()
    telling = asyncio.ensure_future(one.sharing.exchange(one.target))
    await asyncio.sleep(0.2)
    one.recover()
    await telling
    for _ in range(3):
        await one.sharing.exchange(one.target)
        assert one.state == "closed"


@virtual
async def test_who_confirms_a_rest_does_not_bring_it_back_after_its_end() -> None:
    shared = Slow(LoopClock())
    one, other = Replica(shared), Replica(shared)
    one.fail()
    await one.sharing.exchange(one.target)
    await other.sharing.exchange(other.target)
    assert other.state == "open"
    one.recover()
    confirming = asyncio.ensure_future(other.sharing.exchange(other.target))
    await asyncio.sleep(0.3)
    await one.sharing.exchange(one.target)
    await confirming
    for each in (one, other, one):
        await each.sharing.exchange(each.target)
    assert (one.state, other.state) == ("closed", "closed")


class Away(MemoryState):
    async def get(self, key: str) -> bytes | None:
        raise ConnectionError("the store is away")

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        raise ConnectionError("the store is away")


@virtual
async def test_a_store_that_is_away_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    one = Replica(Away(LoopClock()))
    async with one.running() as task:
        with caplog.at_level(logging.WARNING):
            await asyncio.sleep(3.5 * EVERY_S)
            one.fail()
            await asyncio.sleep(3 * EVERY_S)
        assert not task.done()
        assert one.state == "open"
        assert caplog.text.count("the store is away") == 1, "told once"


@virtual
async def test_what_could_not_be_told_is_told_once_the_store_is_back(caplog: pytest.LogCaptureFixture) -> None:
    shared = store()
    one, other = Replica(Away(LoopClock())), Replica(shared)
    one.fail()
    async with one.running(), other.running():
        await asyncio.sleep(3 * EVERY_S)
        one.sharing._shared = shared
        await asyncio.sleep(3 * EVERY_S)
        assert other.state == "open"
