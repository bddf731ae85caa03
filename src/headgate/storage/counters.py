"""Counters that replicas share: what limits and budgets stand on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from headgate.clock import Clock


class Entry(msgspec.Struct, frozen=True):
    """An amount for one counter."""

    key: str
    amount: int
    """Added; negative gives back."""
    ttl_s: float
    """The counter is forgotten this long after it was first added to."""
    ceiling: int | None = None
    """The most the counter may reach by a reservation."""


class Counters(Protocol):
    """Exact integers by name, each forgotten some time after it began."""

    async def reserve(self, entries: Sequence[Entry]) -> int | None:
        """Add all entries in one atomic step, or none of them.

        Returns the position of the first entry that would pass its ceiling, None when all were added.
        """
        ...

    async def add(self, entries: Sequence[Entry]) -> None:
        """Add all entries, ceilings notwithstanding: settling what was really used, or giving back."""
        ...

    async def read(self, keys: Sequence[str]) -> list[int]:
        """The counters' values now, 0 for those that do not exist."""
        ...


class MemoryCounters:
    """Counters of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[str, tuple[int, float]] = {}
        self._additions = 0

    async def reserve(self, entries: Sequence[Entry]) -> int | None:
        now = self._clock.monotonic()
        planned: dict[str, int] = {}
        for position, entry in enumerate(entries):
            value = planned.get(entry.key, self._value(entry.key, now)) + entry.amount
            if entry.ceiling is not None and value > entry.ceiling:
                return position
            planned[entry.key] = value
        self._add(entries, now)
        return None

    async def add(self, entries: Sequence[Entry]) -> None:
        self._add(entries, self._clock.monotonic())

    async def read(self, keys: Sequence[str]) -> list[int]:
        now = self._clock.monotonic()
        return [self._value(key, now) for key in keys]

    def _value(self, key: str, now: float) -> int:
        value, expires = self._values.get(key, (0, 0.0))
        return value if now < expires else 0

    def _add(self, entries: Sequence[Entry], now: float) -> None:
        for entry in entries:
            value, expires = self._values.get(entry.key, (0, 0.0))
            if now >= expires:
                value, expires = 0, now + entry.ttl_s
            self._values[entry.key] = (value + entry.amount, expires)
        self._additions += 1
        if self._additions % 1024 == 0:
            self._values = {key: held for key, held in self._values.items() if now < held[1]}
