"""Browsers that follow: they are told what is new, and let go when they go or read nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from headgate.errors import Overloaded
from headgate.server import following
from headgate.server.following import MOST, Following


async def pieces(*told: bytes) -> AsyncGenerator[list[bytes]]:
    for each in told:
        yield [each]
    while True:
        yield []


async def stays() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def leaves() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def always() -> bool:
    return True


class Client:
    """Takes what is sent, up to a number of pieces; then it reads no more."""

    def __init__(self, reads: int = 100) -> None:
        self.reads = reads
        self.told: list[dict[str, Any]] = []

    async def __call__(self, message: dict[str, Any]) -> None:
        if len(self.told) == self.reads:
            await asyncio.Event().wait()
        self.told.append(message)


async def test_what_is_new_is_told_until_the_client_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "EVERY_S", 0.001)
    client, asked = Client(), 0

    async def still() -> bool:
        nonlocal asked
        asked += 1
        return asked < 3

    await Following().serve(pieces(b"one\n\n", b"two\n\n"), still, [], stays, client)
    assert [each.get("body", b"") for each in client.told] == [b"", b": follows\n\none\n\n", b"two\n\n", b""]
    assert [each.get("more_body", False) for each in client.told] == [False, True, True, False]
    client = Client()
    await Following().serve(pieces(b"one\n\n"), always, [], leaves, client)
    assert len(client.told) == 3


@pytest.mark.parametrize("reads", [1, 2])
async def test_who_reads_nothing_any_more_holds_nothing_up(monkeypatch: pytest.MonkeyPatch, reads: int):
    monkeypatch.setattr(following, "SEND_S", 0.01)
    monkeypatch.setattr(following, "EVERY_S", 0.001)
    serving = Following()
    async with asyncio.timeout(5):
        await serving.serve(pieces(b"one\n\n", b"two\n\n"), always, [], stays, Client(reads))
    assert not serving._gone


async def test_so_many_follow_and_no_more(monkeypatch: pytest.MonkeyPatch):
    serving = Following()
    many = [asyncio.create_task(serving.serve(pieces(), always, [], stays, Client())) for _ in range(MOST)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await serving.serve(pieces(), always, [], stays, Client())
    serving.close()
    async with asyncio.timeout(5):
        await asyncio.gather(*many)
