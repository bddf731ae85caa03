"""Time limits for waiting tasks: one sweep for the whole process instead of a timer per wait.

A limit set by a timer per call costs a heap operation twice per call; a sweep every `TICK_S` over the waits under way
costs a comparison each. The price is that a limit fires up to `TICK_S` late.
"""

from __future__ import annotations

import asyncio
import threading
from math import inf
from time import monotonic
from typing import Any, Protocol

TICK_S = 0.025


class Timed(Protocol):
    """Something the sweep calls when its time has come."""

    due: float
    """Monotonic second, infinity for never. Set to infinity before `fire` is called."""

    def fire(self) -> None: ...


class Watchdog:
    """Cancels the task that is waiting when its time is up: arm it before a wait, disarm it after.

    `absorb` tells its cancellation from any other, so that its owner can turn it into an error of its own. One that
    was ever armed has to be closed.
    """

    __slots__ = ("_sweeper", "due", "fired", "task")

    def __init__(self) -> None:
        self.due = inf
        self.fired = False
        self.task: asyncio.Task[Any] | None = None
        self._sweeper: Sweeper | None = None

    def arm(self, due: float) -> None:
        """Fire at this monotonic second, if the current task is still waiting then."""
        sweeper = self._sweeper
        if sweeper is None:
            sweeper = self._sweeper = sweeper_of_loop()
            sweeper.watch(self)
        self.due = due
        self.task = asyncio.current_task(sweeper.loop)

    def disarm(self) -> None:
        self.due = inf

    def fire(self) -> None:
        self.fired = True
        if self.task is not None:
            self.task.cancel()

    def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.forget(self)
            self._sweeper = None
        self.task = None

    def absorb(self) -> bool:
        """Whether a `CancelledError` just caught is this watchdog's and nobody else's; if so it counts as handled."""
        return self.fired and self.task is not None and self.task.uncancel() == 0


class Sweeper:
    """Looks at everything timed of one event loop, as long as there is anything."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._watched: set[Timed] = set()
        self._scheduled = False

    def watch(self, timed: Timed) -> None:
        self._watched.add(timed)
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_later(TICK_S, self._sweep)

    def forget(self, timed: Timed) -> None:
        self._watched.discard(timed)

    def _sweep(self) -> None:
        now = monotonic()
        for timed in [each for each in self._watched if each.due <= now]:
            timed.due = inf
            timed.fire()
        if self._watched:
            self.loop.call_later(TICK_S, self._sweep)
        else:
            self._scheduled = False


class _Here(threading.local):
    """The sweeper of the loop this thread runs."""

    sweeper: Sweeper | None = None


_here = _Here()


def sweeper_of_loop() -> Sweeper:
    """The sweeper of the running loop.

    CPython 3.11 asks the system for the process id whenever the running loop is looked up; a thread runs one loop at
    a time, so the one found before, if it is running, is the one.
    """
    sweeper = _here.sweeper
    if sweeper is None or not sweeper.loop.is_running():
        sweeper = _here.sweeper = Sweeper(asyncio.get_running_loop())
    return sweeper
