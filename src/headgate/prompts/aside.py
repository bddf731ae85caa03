"""Rendering that takes long, beside other calls: in threads, a few at a time, since others need threads and the
interpreter too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from headgate.errors import Overloaded

MAX_AT_ONCE = 2

MAX_WAITING = 64

T = TypeVar("T")


class Aside:
    """The renderings of one process that take long."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0

    async def __call__(self, work: Callable[[], T]) -> T:
        """Do some work in a thread. Its place is taken until that is over, also where nobody waits for it any more.

        Raises:
            Overloaded: too many wait for a place.
        """
        if self._waiting >= MAX_WAITING:
            raise Overloaded("More prompts that take long to render were asked for than are rendered; try again.")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        doing = asyncio.ensure_future(asyncio.to_thread(work))
        doing.add_done_callback(self._over)
        return await asyncio.shield(doing)

    def _over(self, done: asyncio.Future[Any]) -> None:
        self._places.release()
        if not done.cancelled():
            done.exception()  # whoever asked may be gone
