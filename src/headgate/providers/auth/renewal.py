"""A credential that expires: held, renewed ahead of its end, by one fetch at a time and off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from headgate.clock import Clock
from headgate.errors import UpstreamAuth

T = TypeVar("T")

_RETRY_S = 10.0
"""After a renewal that failed while the old credential still works: the next try, not before."""


class Lease(msgspec.Struct, Generic[T], frozen=True):
    """A credential and how long it can be used."""

    value: T
    renew_us: int
    """From then on a new one is fetched, in the background."""
    expires_us: int
    """From then on it is of no use."""


class Renewal(Generic[T]):
    """Keeps a lease fresh. `fetch` may block: it runs in a thread."""

    def __init__(self, provider: str, fetch: Callable[[], Lease[T]], clock: Clock) -> None:
        self._provider = provider
        self._fetch = fetch
        self._clock = clock
        self._lease: Lease[T] | None = None
        self._fetching: asyncio.Task[Lease[T]] | None = None
        self._retry_us = 0

    @property
    def current(self) -> T | None:
        """The credential in use, None before the first."""
        return self._lease.value if self._lease is not None else None

    async def get(self) -> T:
        """A credential that works now.

        Raises:
            UpstreamAuth: none can be had; says why.
        """
        lease = self._lease
        now = self._clock.now_us()
        if lease is not None and now < lease.expires_us:
            if now >= lease.renew_us and now >= self._retry_us and self._fetching is None:
                self._begin()
            return lease.value
        fetching = self._fetching or self._begin()
        try:
            return (await asyncio.shield(fetching)).value  # the others who wait outlive a cancelled one
        except UpstreamAuth:
            raise
        except Exception as error:  # the vendors' libraries raise what they like
            raise UpstreamAuth(f"no credential for the provider '{self._provider}': {_first_line(error)}") from error

    def _begin(self) -> asyncio.Task[Lease[T]]:
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._fetch))
        self._fetching = task
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[Lease[T]]) -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is None:
            self._lease = task.result()
        else:
            self._retry_us = self._clock.now_us() + round(_RETRY_S * 1_000_000)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:500]
