"""Counters of one process. Nothing here waits, so that each reservation is one atomic step of the event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf, isinf

from headgate.clock import Clock
from headgate.storage.counters import KEPT_US, SLOTS, Claim, Granted, Outcome, Refused, Unseeded, slot_us, wait_s

LOOKED_AT = 2
"""Counters looked at whenever there is a new one: more than one, so that forgetting keeps up with making."""


class _Window:
    """A sliding window: a ring of slots and their sum."""

    __slots__ = ("amounts", "newest", "total", "width")

    def __init__(self, width: int, slot: int) -> None:
        self.width = width
        self.newest = slot
        self.total = 0
        self.amounts = [0] * SLOTS

    def turn(self, slot: int) -> None:
        """Let go what has slid out when this slot is the newest."""
        amounts = self.amounts
        for each in range(max(self.newest, slot - SLOTS) + 1, slot + 1):
            self.total -= amounts[each % SLOTS]
            amounts[each % SLOTS] = 0
        self.newest = slot

    def wait_s(self, excess: int, now_us: int) -> float:
        """When so much has slid out."""
        first = (self.newest + 1) % SLOTS
        turn_us = (self.newest + 1) * self.width - now_us
        return wait_s(self.amounts[first:] + self.amounts[:first], excess, turn_us, self.width)


class _Sum:
    """A period's counter."""

    __slots__ = ("ends_us", "value")

    def __init__(self, value: int, ends_us: int) -> None:
        self.value = value
        self.ends_us = ends_us


class MemoryCounters:
    """Windows go by the monotonic clock, ends of periods by the wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, int], _Window] = {}
        self._sums: dict[str, _Sum] = {}
        self._leases: dict[str, set[str]] = {}
        """Who holds them, by counter."""
        self._window_round: deque[tuple[str, int]] = deque()
        self._sum_round: deque[str] = deque()

    async def reserve(self, holder: str, claims: Sequence[Claim]) -> Outcome:
        now_us = 0
        totals: list[int] = []
        marks: list[int] = []
        for claim in claims:
            kind, amount, ceiling = claim.kind, claim.amount, claim.ceiling
            if kind == "sliding":
                now_us = now_us or self._now_us()
                window = self._windows.get((claim.counter, claim.window_us))
                if window is None:
                    window = self._new_window(claim, now_us)
                slot = now_us // window.width
                if slot != window.newest:
                    window.turn(slot)
                total = window.total + amount
                if ceiling is not None and total > ceiling:
                    break
                window.total = total
                window.amounts[slot % SLOTS] += amount
                marks.append(slot)
            elif kind == "period":
                held = self._sums.get(claim.counter)
                if held is None:
                    break
                total = held.value + amount
                if ceiling is not None and total > ceiling:
                    break
                held.value = total
                marks.append(0)
            else:
                holders = self._leases.setdefault(claim.counter, set())
                total = len(holders) + (holder not in holders)
                if ceiling is not None and total > ceiling:
                    break
                holders.add(holder)
                marks.append(0)
            totals.append(total)
        else:
            return Granted(totals, marks)
        return self._not_granted(holder, claims, marks, now_us)

    def settle(self, holder: str, claims: Sequence[Claim], granted: Granted, amounts: Sequence[int]) -> None:
        if not granted.settled:
            granted.settled = True
            self._settle(holder, claims, granted.marks, amounts)

    def owe(self, claims: Sequence[Claim]) -> Callable[[int], None]:
        def came_to(amount: int) -> None:
            for claim in claims:
                if claim.kind == "period" and claim.counter in self._sums:
                    self._sums[claim.counter].value += amount

        return came_to

    async def seed(self, counter: str, value: int, ends_us: int) -> None:
        if counter not in self._sums:
            self._forget_sums()
            self._sums[counter] = _Sum(max(0, value), ends_us)
            self._sum_round.append(counter)

    async def read(self, counters: Sequence[str]) -> list[int | None]:
        sums = self._sums
        return [sums[counter].value if counter in sums else None for counter in counters]

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def _now_us(self) -> int:
        return round(self._clock.monotonic() * 1e6)

    def _settle(self, holder: str, claims: Sequence[Claim], marks: Sequence[int], amounts: Sequence[int]) -> None:
        for claim, mark, amount in zip(claims, marks, amounts, strict=False):
            if claim.kind == "lease":
                holders = self._leases.get(claim.counter)
                if holders is not None:
                    holders.discard(holder)
                    if not holders:
                        del self._leases[claim.counter]
                continue
            more = amount - claim.amount
            if not more:
                continue
            if claim.kind == "sliding":
                self._correct(claim, mark, more)
            elif claim.counter in self._sums:
                self._sums[claim.counter].value += more

    def _correct(self, claim: Claim, mark: int, more: int) -> None:
        """Give back where it was counted, or count more now."""
        window = self._windows.get((claim.counter, claim.window_us))
        if more > 0:
            now_us = self._now_us()
            if window is None:
                window = self._new_window(claim, now_us)
            mark = now_us // window.width
            if mark != window.newest:
                window.turn(mark)
        elif window is None or window.newest - mark >= SLOTS:
            return
        window.amounts[mark % SLOTS] += more
        window.total += more

    def _not_granted(self, holder: str, claims: Sequence[Claim], marks: Sequence[int], now_us: int) -> Outcome:
        """Take back what was added of the claims before the one that was not, and say what is wrong with that."""
        position = len(marks)
        self._settle(holder, claims, marks, [0] * position)
        claim = claims[position]
        if claim.kind == "period" and claim.counter not in self._sums:
            wanted = [each.counter for each in claims if each.kind == "period"]
            return Unseeded([counter for counter in dict.fromkeys(wanted) if counter not in self._sums])
        if claim.kind == "lease":
            held = len(self._leases.get(claim.counter, ()))
            if not held:
                self._leases.pop(claim.counter, None)
            return Refused(position, held, inf)
        if claim.kind == "period":
            return Refused(position, self._sums[claim.counter].value, inf)
        return Refused(
            position, self._windows[claim.counter, claim.window_us].total, self._wait_s(claims, position, now_us)
        )

    def _wait_s(self, claims: Sequence[Claim], position: int, now_us: int) -> float:
        """When all sliding claims would fit, but for those that never do."""
        asked: dict[tuple[str, int], int] = {}
        longest = 0.0
        for at, claim in enumerate(claims):
            if claim.kind != "sliding":
                continue
            key = claim.counter, claim.window_us
            asked[key] = asked.get(key, 0) + claim.amount
            window = self._windows.get(key)
            if window is None or claim.ceiling is None:
                continue
            window.turn(now_us // window.width)
            wait = window.wait_s(window.total + asked[key] - claim.ceiling, now_us)
            if not isinf(wait) or at == position:
                longest = max(longest, wait)
        return longest

    def _new_window(self, claim: Claim, now_us: int) -> _Window:
        key = claim.counter, claim.window_us
        self._forget_windows(now_us)
        width = slot_us(claim.window_us)
        window = self._windows[key] = _Window(width, now_us // width)
        self._window_round.append(key)
        return window

    def _forget_windows(self, now_us: int) -> None:
        """Look at the next few windows, and drop those from which everything has slid out."""
        for _ in range(min(LOOKED_AT, len(self._window_round))):
            key = self._window_round.popleft()
            window = self._windows[key]
            if window.total and now_us // window.width - window.newest < SLOTS:
                self._window_round.append(key)
            else:
                del self._windows[key]

    def _forget_sums(self) -> None:
        now_us = self._clock.now_us()
        for _ in range(min(LOOKED_AT, len(self._sum_round))):
            counter = self._sum_round.popleft()
            ends_us = self._sums[counter].ends_us
            if ends_us and ends_us + KEPT_US <= now_us:
                del self._sums[counter]
            else:
                self._sum_round.append(counter)
