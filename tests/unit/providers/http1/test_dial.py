"""A host with several addresses is reached through whichever answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from headgate.providers.http1 import dial
from headgate.providers.http1.connection import Connection
from upstream import Upstream

Resolve = Callable[..., None]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Give a name the addresses a test wants."""

    def set_addresses(*addresses: str) -> None:
        async def getaddrinfo(self: Any, host: str, port: int, **options: Any) -> list[Any]:
            if host != "many.test":
                return await asyncio.to_thread(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            families = {True: socket.AF_INET6, False: socket.AF_INET}
            return [(families[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", getaddrinfo)

    return set_addresses


async def test_an_address_that_refuses_is_followed_by_the_next(resolve: Resolve) -> None:
    resolve("127.0.0.9", "127.0.0.1")
    async with Upstream() as upstream:
        connection = await dial.open_connection("many.test", upstream.port)
        assert connection.usable
        connection.abort()


async def test_an_address_that_hangs_is_overtaken_and_given_up(
    resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve("::1", "127.0.0.1")
    given_up = asyncio.Event()
    dial_one = dial._dial

    async def hang_on_ipv6(address: str, port: int) -> Connection:
        if ":" not in address:
            return await dial_one(address, port)
        try:
            return await asyncio.Future[Connection]()
        finally:
            given_up.set()

    monkeypatch.setattr(dial, "_dial", hang_on_ipv6)
    monkeypatch.setattr(dial, "HEAD_START_S", 0.001)
    async with Upstream() as upstream:
        connection = await dial.open_connection("many.test", upstream.port)
        await asyncio.wait_for(given_up.wait(), 5)
        connection.abort()


async def test_where_every_address_fails_the_first_failure_is_told(resolve: Resolve) -> None:
    resolve("127.0.0.8", "127.0.0.9")
    with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.8"):
        await dial.open_connection("many.test", 9)


async def test_families_take_turns(resolve: Resolve) -> None:
    resolve("::1", "::2", "::3", "127.0.0.1")
    assert await dial._addresses("many.test", 80) == ["::1", "127.0.0.1", "::2", "::3"]


async def test_cancelling_cancels_every_attempt(resolve: Resolve, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve("127.0.0.8", "127.0.0.9")
    begun: list[str] = []
    ended: list[str] = []
    both = asyncio.Event()

    async def hang(address: str, port: int) -> Connection:
        begun.append(address)
        if len(begun) == 2:
            both.set()
        try:
            return await asyncio.Future[Connection]()
        finally:
            ended.append(address)

    monkeypatch.setattr(dial, "_dial", hang)
    monkeypatch.setattr(dial, "HEAD_START_S", 0.001)
    opening = asyncio.create_task(dial.open_connection("many.test", 9))
    await asyncio.wait_for(both.wait(), 5)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await asyncio.sleep(0)
    assert sorted(ended) == ["127.0.0.8", "127.0.0.9"]
