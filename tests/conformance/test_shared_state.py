"""Every implementation of the shared state behaves alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

import services
from headgate.clock import ManualClock
from headgate.storage.redis_link import RedisLink
from headgate.storage.redis_state import RedisState
from headgate.storage.state import MemoryState, SharedState
from redis_clock import age


class Store:
    """Shared state, and the way to let time pass for it."""

    def __init__(self, state: SharedState, advance: Callable[[float], Awaitable[None]]) -> None:
        self.state = state
        self.advance = advance


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        clock = ManualClock()

        async def advance(seconds: float) -> None:
            clock.advance(seconds)

        yield Store(MemoryState(clock), advance)
        return
    server = services.redis()
    server.flush()
    link = RedisLink(server.url())
    yield Store(RedisState(link), lambda seconds: age(link, seconds))
    await link.close()


async def test_what_was_put_can_be_got_until_its_time_is_over(store: Store):
    assert await store.state.get("a") is None
    await store.state.put("a", b"1", 100)
    assert await store.state.get("a") == b"1"
    await store.advance(50)
    assert await store.state.get("a") == b"1"
    await store.advance(50)
    assert await store.state.get("a") is None


async def test_putting_again_replaces_the_value_and_its_time(store: Store):
    await store.state.put("a", b"1", 100)
    await store.advance(90)
    await store.state.put("a", b"2", 100)
    await store.advance(90)
    assert await store.state.get("a") == b"2"


async def test_replacing_needs_the_value_to_be_what_one_thinks_it_is(store: Store):
    assert await store.state.replace("a", None, b"1", 100)
    assert not await store.state.replace("a", None, b"2", 100)
    assert not await store.state.replace("a", b"0", b"2", 100)
    assert await store.state.replace("a", b"1", b"2", 100)
    assert await store.state.get("a") == b"2"


async def test_replacing_renews_the_time(store: Store):
    await store.state.put("a", b"1", 100)
    await store.advance(90)
    assert await store.state.replace("a", b"1", b"1", 100)
    await store.advance(90)
    assert await store.state.get("a") == b"1"
    await store.advance(10)
    assert await store.state.get("a") is None


async def test_a_value_whose_time_is_over_counts_as_absent_for_replacing(store: Store):
    await store.state.put("a", b"1", 100)
    await store.advance(110)
    assert not await store.state.replace("a", b"1", b"2", 100)
    assert await store.state.replace("a", None, b"2", 100)


async def test_an_empty_value_is_not_an_absent_one(store: Store):
    await store.state.put("a", b"", 100)
    assert await store.state.get("a") == b""
    assert not await store.state.replace("a", None, b"1", 100)
    assert not await store.state.replace("b", b"", b"1", 100)
    assert await store.state.replace("a", b"", b"\x00\xff\r\n", 100)
    assert await store.state.get("a") == b"\x00\xff\r\n"


async def test_deleting_what_is_not_there_is_fine(store: Store):
    await store.state.delete("a")
    await store.state.put("a", b"1", 100)
    await store.state.delete("a")
    assert await store.state.get("a") is None
