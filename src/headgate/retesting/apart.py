"""Work with an event loop of its own, in a thread of its own: reading, rendering and grading hold up no call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Any, Generic, TypeVar

from headgate.errors import Overloaded
from headgate.types import Call, Reply

T = TypeVar("T")

Handle = Callable[[Call], Awaitable[Reply]]

PATIENT_S = 30.0
"""How long a call waits for room beside users' calls before its case has no verdict."""

AGAIN_S = 0.5


class Apart(Generic[T]):
    """One piece of work. Its calls are made on the loop it was begun from, where the gateway is; it may be cancelled at
    any time, and nobody waits for its thread, which ends with the process.
    """

    def __init__(self, ask: Handle, work: Callable[[Handle], Awaitable[T]]) -> None:
        self._ask = ask
        self._work = work
        self._calls: set[asyncio.Task[Any]] = set()
        self._given_up = False
        self._own: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        """The loop and task of the thread, once it has them."""

    async def run(self) -> T:
        """What comes of the work, or what it raised."""
        self._main = asyncio.get_running_loop()
        self._done: asyncio.Future[T] = self._main.create_future()
        Thread(target=self._thread, name="headgate-tests", daemon=True).start()
        try:
            return await self._done
        finally:
            self._stop()

    # ── on the loop it was begun from ──

    async def _called(self, call: Call) -> Reply:
        task = asyncio.current_task()
        assert task is not None, "a coroutine that was handed to a loop is a task"
        self._calls.add(task)
        try:
            return await self._patiently(call)
        finally:
            self._calls.discard(task)

    async def _patiently(self, call: Call) -> Reply:
        until = monotonic() + PATIENT_S
        while True:
            try:
                return await self._ask(call)
            except Overloaded:
                if call.account.attempts or monotonic() >= until:
                    raise
            await asyncio.sleep(AGAIN_S)

    def _stop(self) -> None:
        """Give up what is still under way."""
        self._given_up = True
        for task in self._calls:
            task.cancel()
        if self._own is not None:
            loop, task = self._own
            with suppress(RuntimeError):  # it is over
                loop.call_soon_threadsafe(task.cancel)

    def _ended(self, result: T | None, error: BaseException | None) -> None:
        if self._done.done():
            return
        if error is not None:
            self._done.set_exception(error)
        else:
            self._done.set_result(result)  # type: ignore[arg-type]  # there is one where nothing was raised

    # ── in the thread ──

    def _thread(self) -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = asyncio.run(self._whole())
        except asyncio.CancelledError:
            error = RuntimeError("given up")  # nobody waits for it any more
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
            error = raised
        with suppress(RuntimeError):  # that loop is closed
            self._main.call_soon_threadsafe(self._ended, result, error)

    async def _whole(self) -> T:
        task = asyncio.current_task()
        assert task is not None, "asyncio.run makes one"
        self._own = asyncio.get_running_loop(), task
        if self._given_up:
            raise asyncio.CancelledError
        return await self._work(self._handle)

    async def _handle(self, call: Call) -> Reply:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._called(call), self._main))
