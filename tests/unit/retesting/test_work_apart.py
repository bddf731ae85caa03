"""Work on an event loop of its own, with calls on the gateway's."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from headgate.errors import Overloaded
from headgate.evals.models import EVALUATING
from headgate.library import call_of
from headgate.retesting import apart
from headgate.retesting.apart import Apart, Handle
from headgate.types import Call, Reply

ANSWER = Reply(target="sim/a")


def call() -> Call:
    return call_of("chat", {"model": "a", "messages": []}, EVALUATING)


async def test_work_is_in_a_thread_and_its_calls_are_not():
    main, places = threading.get_ident(), list[bool]()

    async def ask(_: Call) -> Reply:
        places.append(threading.get_ident() == main)
        return ANSWER

    async def work(handle: Handle) -> int:
        places.append(threading.get_ident() == main)
        replies = await asyncio.gather(*(handle(call()) for _ in range(20)))
        return len(replies)

    assert await Apart(ask, work).run() == 20
    assert places == [False, *([True] * 20)]


async def test_what_it_raises_is_raised_where_it_is_waited_for():
    async def work(handle: Handle) -> None:
        raise LookupError("this")

    with pytest.raises(LookupError, match="this"):
        await Apart(_never, work).run()


async def test_what_is_given_up_ends_with_its_calls():
    begun, ended = asyncio.Event(), list[str]()

    async def ask(_: Call) -> Reply:
        begun.set()
        try:
            return await _never(_)
        finally:
            ended.append("call")

    over = threading.Event()

    async def work(handle: Handle) -> None:
        try:
            await handle(call())
        finally:
            over.set()

    task = asyncio.create_task(Apart(ask, work).run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(over.wait, 5)
    assert ended == ["call"]


async def test_nobody_waits_for_work_that_waits_for_nothing():
    stop = threading.Event()

    async def work(handle: Handle) -> None:
        stop.wait(5)  # holds up its own loop

    task = asyncio.create_task(Apart(_never, work).run())
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    stop.set()


async def test_users_calls_go_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apart, "AGAIN_S", 0.001)
    refusals: Any = iter([Overloaded("busy"), Overloaded("busy"), None])

    async def ask(_: Call) -> Reply:
        if error := next(refusals):
            raise error
        return ANSWER

    async def work(handle: Handle) -> Reply:
        return await handle(call())

    assert await Apart(ask, work).run() is ANSWER

    monkeypatch.setattr(apart, "PATIENT_S", 0.0)
    refusals = iter([Overloaded("busy")])
    with pytest.raises(Overloaded):
        await Apart(ask, work).run()


async def _never(_: Call) -> Reply:
    await asyncio.Event().wait()
    return ANSWER
