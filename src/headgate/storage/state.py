"""Small state that replicas share, such as whether a target's breaker is open."""

from __future__ import annotations

from typing import Protocol

from headgate.clock import Clock


class SharedState(Protocol):
    """Values by name, each with a life time, changed by one replica at a time."""

    async def get(self, key: str) -> bytes | None:
        """The value, None where there is none or its time is over."""
        ...

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Set the value, whatever it was."""
        ...

    async def replace(self, key: str, expected: bytes | None, value: bytes, ttl_s: float) -> bool:
        """Set the value if it still is `expected` (None: absent), in one atomic step; whether it was."""
        ...

    async def delete(self, key: str) -> None: ...


class MemoryState:
    """Shared state of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[str, tuple[bytes, float]] = {}

    async def get(self, key: str) -> bytes | None:
        return self._get(key)

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        self._values[key] = (value, self._clock.monotonic() + ttl_s)

    async def replace(self, key: str, expected: bytes | None, value: bytes, ttl_s: float) -> bool:
        if self._get(key) != expected:
            return False
        self._values[key] = (value, self._clock.monotonic() + ttl_s)
        return True

    async def delete(self, key: str) -> None:
        self._values.pop(key, None)

    def _get(self, key: str) -> bytes | None:
        held = self._values.get(key)
        if held is None:
            return None
        value, expires = held
        if self._clock.monotonic() < expires:
            return value
        del self._values[key]
        return None
