"""How many calls may be under way at a target, and who waits for a place.

The limit is adaptive: additive increase, multiplicative decrease (Chiu and Jain, 1989), on the signs of overload a
target gives. What it is seen to serve (J. Little, "A Proof for the Queuing Formula L = λW") bounds the decrease from
below, and twice that from above, so that a limit that was far too high is right at once. By the same law a call is
refused that would be answered too late. Those who wait are served key by key in turn, so that one busy client does not
keep others out, and are refused at once where their turn would come too late.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from time import monotonic

from headgate.errors import Overloaded
from headgate.routing.config import QueueConfig
from headgate.routing.latency import drifted

CUT = 0.75
"""What a sign of overload leaves of the limit."""

RECENT = 0.1
"""Weight of the newest call in the share of those that are signs of overload."""

MANY = 0.3
"""That share from which on the limit is cut: a vendor that fails one call in ten is a bad one, not one that is full."""

SPAN_S = 4.0
"""Length of the two spans over which answers are counted, the one under way and the one before."""

HURRIED = 8.0
"""A call that has more than so many times what calls take lately is not in such a hurry that a queue could matter."""

SEEN = 20
"""Answers there must have been in two spans to go by their rate."""

FORGET_S = 60.0
"""Time without a cut after which the limit is what it was at first."""

LEAST = 4.0
"""What the limit never goes below: less could not show that a target has recovered."""

IN_TIME = 1.25
"""How many times its usual length a call must have before its deadline when its turn comes: a place that is taken for
an answer nobody waits for any more is lost to those who still do.
"""


class Limiter:
    """Places at one target."""

    __slots__ = (
        "_answers",
        "_before",
        "_cut_at",
        "_max",
        "_norm_s",
        "_pressure",
        "_span",
        "_waiting",
        "_well_at",
        "_woken",
        "asleep",
        "in_flight",
        "limit",
        "service_s",
    )

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
        self._norm_s = 0.0
        """What a call that goes well takes on the whole, from beginning to end."""
        self._span = 0
        self._answers = 0
        """Answers in the span under way."""
        self._before = 0
        self._well_at = 0.0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By key, in the order of their turns."""
        self.asleep = 0
        """How many wait for the target to be rested."""
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

    def went_well(self, now: float, seconds: float) -> None:
        """Note an answer that took so long, and take a little more where the limit is what holds calls back."""
        self._pressure *= 1.0 - RECENT
        self._norm_s = drifted(self._norm_s, seconds, now - self._well_at)
        self._well_at = now
        span = int(now / SPAN_S)
        if span != self._span:
            self._turn_over(span)
        self._answers += 1
        if self.limit < self._max and self.in_flight >= self.limit * 0.5:
            self.limit = min(self._max, self.limit + 1.0 / self.limit)
            if now - self._cut_at > FORGET_S:
                self.limit = self._max

    def overloaded(self, began: float, now: float) -> None:
        """Take less where such signs are no rarity: a call that began at `began` was one. Those of a burst cut once."""
        self._pressure += (1.0 - self._pressure) * RECENT
        if self._pressure < MANY or began < self._cut_at:
            return
        served = self._rate(now) * self._norm_s
        cut = min(min(self.limit, self.in_flight) * CUT, 2.0 * served)
        self.limit = min(self._max, max(LEAST, served, cut))
        self._cut_at = now

    def forgive(self) -> None:
        """Begin anew: the target is back."""
        self.limit = self._max
        self._pressure = 0.0

    def _rate(self, now: float) -> float:
        """Answers a second lately."""
        span = int(now / SPAN_S)
        if span != self._span:
            self._turn_over(span)
        return (self._answers + self._before) / (SPAN_S + now % SPAN_S)

    def _turn_over(self, span: int) -> None:
        if span < self._span:
            return
        self._before = self._answers if span == self._span + 1 else 0
        self._span, self._answers = span, 0

    def too_late(self, now: float, deadline: float) -> bool:
        """Whether a call sent now would be answered after its deadline, as far as can be told: calls queue up at the
        target, and those before it take longer than it has.
        """
        left_s = deadline - now
        if left_s >= HURRIED * self.service_s or self._answers + self._before < SEEN:
            return False
        rate = self._rate(now)
        return self.in_flight > 2.0 * rate * self._norm_s and IN_TIME * self.in_flight > rate * left_s

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
            raise full(target, expected_s)
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(place)
        try:
            async with asyncio.timeout(patience_s):
                await place
        except TimeoutError:
            self._withdraw(key, place)
            raise full(target, self.expected_wait_s()) from None
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


def full(target: str, wait_s: float) -> Overloaded:
    """The error of a call whose turn would come too late."""
    return Overloaded(f"'{target}' has no room for this call in time; try again.", retry_after_s=max(1.0, wait_s))
