"""When a simulated model answers: time to the first token, and between one token and the next."""

from __future__ import annotations

from typing import Literal

import msgspec

from headgate.errors import BadRequest
from headgate.providers.simulator.dice import Dice

Milliseconds = float

MAX_MS = 3_600_000.0


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A log-normal distribution of durations; without `p99_ms` always the median."""

    median_ms: Milliseconds
    p99_ms: Milliseconds | None = None


def _check(value: float) -> float:
    if not 0 <= value <= MAX_MS:
        raise ValueError(f"a latency is between 0 and {MAX_MS:.0f} ms, not {value:g}")
    return value


def _spread(time: Milliseconds | Spread | None) -> Spread:
    return time if isinstance(time, Spread) else Spread(time or 0.0)


class Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How long an answer takes: a spread around `median_ms` with all tokens at once, or token by token."""

    median_ms: Milliseconds | None = None
    p99_ms: Milliseconds | None = None
    first_token_ms: Milliseconds | Spread | None = None
    per_token_ms: Milliseconds | Spread | None = None

    def __post_init__(self) -> None:
        if self.median_ms is not None and self.first_token_ms is not None:
            raise ValueError("median_ms and first_token_ms mean the same time: give one of them")
        if self.p99_ms is not None and self.median_ms is None:
            raise ValueError("p99_ms needs a median_ms beside it")
        for spread in (self.first, self.gap):
            for value in (spread.median_ms, spread.p99_ms or 0.0):
                _check(value)

    @property
    def first(self) -> Spread:
        """Time before the first token."""
        if self.median_ms is not None:
            return Spread(self.median_ms, self.p99_ms)
        return _spread(self.first_token_ms)

    @property
    def gap(self) -> Spread:
        """Time between tokens."""
        return _spread(self.per_token_ms)


Profile = Literal["realistic", "none"]
Latency = Milliseconds | Profile | Times
"""Milliseconds to the first byte with all tokens at once after it, a named profile, or times in detail."""

_PROFILES: dict[str, Times] = {
    # about what a hosted model of middle size shows
    "realistic": Times(first_token_ms=Spread(350.0, 1_500.0), per_token_ms=Spread(16.0, 60.0)),
    "none": Times(),
}


class Pace:
    """The times of one answer, drawn as they are needed. Seconds."""

    __slots__ = ("_dice", "_draws", "_gap", "first_s", "instant")

    def __init__(self, latency: Latency, dice: Dice) -> None:
        times = _times(latency)
        self._dice = dice
        self._draws: Dice | None = None
        self._gap = times.gap
        self.first_s = self._drawn(times.first)
        self.instant = self._gap.median_ms == 0.0
        """Whether all tokens come with the first."""

    def gap_s(self) -> float:
        """Time before the next token."""
        return self._drawn(self._gap)

    def total_s(self, tokens: int) -> float:
        """Time until the last of so many tokens."""
        if self.instant:
            return self.first_s
        return self.first_s + sum(self._drawn(self._gap) for _ in range(tokens))

    def _drawn(self, spread: Spread) -> float:
        if spread.p99_ms is None:
            return spread.median_ms / 1000
        if self._draws is None:
            self._draws = self._dice.fork("latency")
        return self._draws.lognormal(spread.median_ms, spread.p99_ms) / 1000


def latency_of(header: str) -> Latency:
    """What the header `x-sim-latency-ms` asks for: a number of milliseconds, `none` or `realistic`.

    Raises:
        BadRequest: it is something else.
    """
    if header in _PROFILES:
        return _PROFILES[header]
    try:
        return _check(float(header))
    except ValueError:
        raise BadRequest(
            f"x-sim-latency-ms takes milliseconds up to {MAX_MS:.0f}, 'none' or 'realistic', not '{header[:40]}'.",
            param="x-sim-latency-ms",
        ) from None


def check_latency(latency: Latency) -> None:
    """Raise ValueError for a plain number of milliseconds that is negative, endless or over an hour."""
    if isinstance(latency, int | float):
        _check(latency)


def _times(latency: Latency) -> Times:
    if isinstance(latency, Times):
        return latency
    if isinstance(latency, str):
        return _PROFILES[latency]
    return Times(first_token_ms=latency)
