"""How many calls may be under way at a target, and who waits for a place.

The limit is adaptive: additive increase, multiplicative decrease (Chiu and Jain, 1989), on the signs of overload a
target gives. Those who wait are served key by key in turn, so that one busy client does not keep others out, and are
refused at once where their turn would come too late.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from time import monotonic

from headgate.errors import Overloaded
from headgate.routing.config import QueueConfig

CUT = 0.75
"""What a sign of overload leaves of the limit."""

RECENT = 0.1
"""Weight of the newest call in the share of those that are signs of overload."""

MANY = 0.3
"""That share from which on the limit is cut: a vendor that fails one call in ten is a bad one, not one that is full."""

LEAST = 4.0
"""What the limit never goes below: less could not show that a target has recovered."""

IN_TIME = 1.25
"""How many times its usual length a call must have before its deadline when its turn comes: a place that is taken for
an answer nobody waits for any more is lost to those who still do.
"""


class Limiter:
    """Places at one target."""

    __slots__ = ("_cut_at", "_max", "_pressure", "_waiting", "_woken", "in_flight", "limit", "service_s")

    def __init__(self, most: int) -> None:
        self.in_flight = 0
        self.limit = float(most)
        """Most calls under way at a time, as things are."""
        self.service_s = 0.0
        """What a call takes lately, from beginning to end; 0 while nothing is known."""
        self._max = float(most)
        self._cut_at = 0.0
        self._pressure = 0.0
        """Share of calls that were signs of overload lately."""
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By key, in the order of their turns."""
        self._woken = 0
        """Those who have a place and have not taken it yet."""

    @property
    def free(self) -> bool:
        return self.in_flight + self._woken <= self.limit - 1.0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def enter(self) -> None:
        self.in_flight += 1

    def leave(self, seconds: float) -> None:
        """Give back a place that was held for so long."""
        self.in_flight -= 1
        held = self.service_s
        self.service_s = held + (seconds - held) * 0.1 if held else seconds
        if self._waiting:
            self.wake()

    def went_well(self) -> None:
        """Take a little more, where the limit is what holds calls back."""
        self._pressure *= 1.0 - RECENT
        if self.limit < self._max and self.in_flight >= self.limit * 0.5:
            self.limit = min(self._max, self.limit + 1.0 / self.limit)

    def overloaded(self, began: float, now: float) -> None:
        """Take less where such signs are no rarity: a call that began at `began` was one. Those of a burst cut once."""
        self._pressure += (1.0 - self._pressure) * RECENT
        if self._pressure >= MANY and began >= self._cut_at:
            self.limit = max(min(LEAST, self._max), min(self.limit, self.in_flight) * CUT)
            self._cut_at = now

    def expected_wait_s(self) -> float:
        """How long one who comes now would wait."""
        return (self.waiting + 1) * self.service_s / self.limit

    async def turn(self, key: str, deadline: float, config: QueueConfig, target: str) -> None:
        """Wait for a place, which the caller then enters without awaiting anything between. Who does not, calls `wake`.

        Raises:
            Overloaded: the turn would come too late, or too many wait.
        """
        patience_s = min(config.wait_s, deadline - monotonic() - self.service_s * IN_TIME)
        expected_s = self.expected_wait_s()
        if self.waiting >= config.length or expected_s > patience_s:
            raise _full(target, expected_s)
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(place)
        try:
            async with asyncio.timeout(patience_s):
                await place
        except TimeoutError:
            self._withdraw(key, place)
            raise _full(target, self.expected_wait_s()) from None
        except BaseException:
            self._withdraw(key, place)
            raise
        self._woken -= 1

    def _withdraw(self, key: str, place: asyncio.Future[None]) -> None:
        """Leave the queue without going; a place that was given meanwhile goes to the next."""
        if place.done() and not place.cancelled():
            self._woken -= 1
            self.wake()
            return
        queue = self._waiting.get(key)
        if queue is not None and place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[key]

    def wake(self) -> None:
        """Give places that are free to those who wait."""
        while self._waiting and self.free:
            key, queue = self._waiting.popitem(last=False)
            place = queue.popleft()
            if queue:
                self._waiting[key] = queue  # the last in the line of keys
            if not place.done():
                self._woken += 1
                place.set_result(None)


def _full(target: str, wait_s: float) -> Overloaded:
    return Overloaded(f"'{target}' has no room for this call in time; try again.", retry_after_s=max(1.0, wait_s))
