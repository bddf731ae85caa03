"""How much a target still takes before it answers 429: what is configured, and what its own headers tell."""

from __future__ import annotations

from headgate.types import Allowance

WINDOW_S = 60
"""What rpm and tpm are counted over, in parts of a second: never more than the limit in any minute."""


SOONER = 10
"""Part of the time to a full renewal after which one that is used up is tried again: buckets fill all the time."""


LONGEST_S = 60.0
"""Longest time for which what a vendor says is left is believed."""


class PerMinute:
    """An amount per minute."""

    __slots__ = ("_at", "_limit", "_parts", "_used")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts = [0] * (WINDOW_S + 1)
        self._used = 0
        self._at = 0

    def room(self, now: float) -> bool:
        """Whether any is left."""
        self._slide(int(now))
        return self._used < self._limit

    def add(self, now: float, amount: int) -> None:
        """Count an amount."""
        self._slide(int(now))
        self._parts[self._at % len(self._parts)] += amount
        self._used += amount

    def give_back(self, now: float, added: float, amount: int) -> None:
        """Take off what was counted at `added`. It stands there, so that it goes with what it is a part of."""
        self._slide(int(now))
        if int(added) > self._at - len(self._parts):
            self._parts[int(added) % len(self._parts)] -= amount
            self._used -= amount

    def ready_at(self, now: float) -> float:
        """When there is room again."""
        self._slide(int(now))
        excess = self._used - self._limit
        size = len(self._parts)
        for part in range(self._at - size + 1, self._at + 1):
            if excess < 0:
                return max(now, float(part + size - 1))
            excess -= self._parts[part % size]
        return float(self._at + size)

    def _slide(self, at: int) -> None:
        size = len(self._parts)
        for each in range(max(self._at + 1, at - size + 1), at + 1):
            self._used -= self._parts[each % size]
            self._parts[each % size] = 0
        self._at = max(self._at, at)


class Learned:
    """What the vendor said is left, less what was sent since."""

    __slots__ = ("_left", "until")

    def __init__(self) -> None:
        self._left = 0
        self.until = 0.0
        """When it is renewed; until then nothing more goes once it is used up."""

    def learn(self, now: float, left: int, reset_s: float | None) -> None:
        """Take over what is left, and in how many seconds all of it is there again: some of it is there sooner."""
        if reset_s:
            self._left, self.until = left, now + min(max(min(reset_s, 1.0), reset_s / SOONER), LONGEST_S)

    def room(self, now: float) -> bool:
        return self._left > 0 or self.until <= now

    def spend(self, amount: int) -> None:
        self._left -= amount


class Quota:
    """Requests and tokens one target still takes."""

    __slots__ = ("_requests", "_rpm", "_tokens", "_tpm")

    def __init__(self, rpm: int | None = None, tpm: int | None = None) -> None:
        self._rpm = PerMinute(rpm) if rpm else None
        self._tpm = PerMinute(tpm) if tpm else None
        self._requests = Learned()
        self._tokens = Learned()

    def room(self, now: float) -> bool:
        """Whether a call may go."""
        return (
            self._requests.room(now)
            and self._tokens.room(now)
            and (self._rpm is None or self._rpm.room(now))
            and (self._tpm is None or self._tpm.room(now))
        )

    def ready_at(self, now: float) -> float:
        """When a call may go."""
        waits = [each.until for each in (self._requests, self._tokens) if not each.room(now)]
        waits += [each.ready_at(now) for each in (self._rpm, self._tpm) if each is not None and not each.room(now)]
        return max(waits, default=now)

    def began(self, now: float, tokens: int) -> None:
        """Count a call that is expected to use so many tokens."""
        self._requests.spend(1)
        self._tokens.spend(tokens)
        if self._rpm is not None:
            self._rpm.add(now, 1)
        if self._tpm is not None:
            self._tpm.add(now, tokens)

    def settled(self, now: float, began: float, expected: int, used: int) -> None:
        """Put what a call that began at `began` really used in place of what it was expected to."""
        if self._tpm is not None and used > expected:
            self._tpm.add(now, used - expected)
        elif self._tpm is not None:
            self._tpm.give_back(now, began, expected - used)

    def learn(self, now: float, told: Allowance) -> None:
        """Take over what a response's headers say."""
        if told.requests is not None:
            self._requests.learn(now, told.requests, told.reset_requests_s)
        if told.tokens is not None:
            self._tokens.learn(now, told.tokens, told.reset_tokens_s)
