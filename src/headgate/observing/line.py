"""Work beside calls: a few jobs at a time, a few that wait, and the others counted."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from functools import partial
from typing import Generic, Protocol, TypeVar

from headgate.observing.kept import Room

log = logging.getLogger("headgate.observing")


class Job(Protocol):
    """What is to be done after a call."""

    @property
    def organisation(self) -> str: ...

    @property
    def size(self) -> int:
        """Bytes it holds while it waits and is under way, beside the answer that was kept."""
        ...

    def let_go(self) -> None:
        """Let go of the answer that was kept."""
        ...


J = TypeVar("J", bound=Job)


class Line(ABC, Generic[J]):
    """The jobs of one model. Whoever makes one says what a job is, and what becomes of those that are not done."""

    def __init__(self, name: str, room: Room, everybody: set[asyncio.Task[str | None]]) -> None:
        """`name` is for the log; `everybody` has what is under way in all lines of a kind."""
        self.name = name
        self.room = room
        self.concurrency = 1
        self.queue = 0
        self._everybody = everybody
        self._waiting = deque[J]()
        self._under_way: set[asyncio.Task[str | None]] = set()
        self._stopped = False

    @abstractmethod
    async def work(self, job: J) -> str | None:
        """Do a job; why nothing came of it."""

    @abstractmethod
    def drop(self, reason: str, organisation: str) -> None:
        """Count a job that is not done: `queue_full`, `memory`, `stopped`, `defect`, or what `work` said."""

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def offer(self, job: J) -> None:
        """Do a job now or when it is its turn, or count it among those that are not done."""
        reason = self._refusal(job)
        if reason is not None:
            job.let_go()
            self.drop(reason, job.organisation)
        elif len(self._under_way) < self.concurrency:
            self._begin(job)
        else:
            self._waiting.append(job)

    def stop(self) -> None:
        """Do nothing any more, and give up what is under way."""
        self._stopped = True
        while self._waiting:
            self._account(self._waiting.popleft(), "stopped")
        for task in self._under_way:
            task.cancel()

    def _refusal(self, job: J) -> str | None:
        if self._stopped:
            return "stopped"
        if len(self._under_way) >= self.concurrency and len(self._waiting) >= self.queue:
            return "queue_full"
        return None if self.room.take(job.size) else "memory"

    def _begin(self, job: J) -> None:
        task = asyncio.ensure_future(self.work(job))
        self._under_way.add(task)
        self._everybody.add(task)
        task.add_done_callback(partial(self._ended, job))

    def _ended(self, job: J, task: asyncio.Task[str | None]) -> None:
        """Account for a job that is over, also for one that was given up before it began."""
        self._under_way.discard(task)
        self._everybody.discard(task)
        self._account(job, self._outcome(task))
        while self._waiting and len(self._under_way) < self.concurrency:
            self._begin(self._waiting.popleft())

    def _outcome(self, task: asyncio.Task[str | None]) -> str | None:
        if task.cancelled():
            return "stopped"
        error = task.exception()
        if error is None:
            return task.result()
        log.error("%s: a job beside a call failed", self.name, exc_info=error)
        return "defect"

    def _account(self, job: J, dropped: str | None) -> None:
        self.room.give(job.size)
        if dropped is not None:
            job.let_go()
            self.drop(dropped, job.organisation)
