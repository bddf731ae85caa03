"""What calls have taken lately."""

from __future__ import annotations

from math import exp

DECAY_S = 10.0
"""Time constant in which a peak is forgotten."""

NORM_S = 300.0
"""Time constant of what answers take when all is well: an overload of a minute hardly moves it."""

FAILED_S = 10.0
"""What failures one after the other add up to at most: forgotten within a minute."""

UNPROVEN_S = 1.0
"""What a failure counts as where there was no answer yet."""

REMEMBERED = 256
"""Durations a quantile is taken over."""

FRESH = 16
"""New durations after which a quantile is computed anew."""


def drifted(norm: float, seconds: float, passed_s: float) -> float:
    """A slow average after one more value, `passed_s` after the one before: values count by the time they stand for."""
    return norm + (seconds - norm) * min(1.0, passed_s / NORM_S) if norm else seconds


class PeakEwma:
    """A moving average that takes over a peak at once and forgets it slowly (Twitter Finagle, "Peak EWMA").

    Failures count as peaks, but are kept apart: `seconds` and `usual` tell of answers only.
    """

    __slots__ = ("_at", "_failed", "_failed_at", "norm", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        """As of the last answer; 0 while there was none."""
        self.norm = 0.0
        """What answers have taken on the whole; 0 while there was none."""
        self._at = 0.0
        self._failed = 0.0
        self._failed_at = 0.0

    def observe(self, now: float, seconds: float) -> None:
        """Note an answer."""
        held = self.seconds
        self.norm = drifted(self.norm, seconds, now - self._at)
        if seconds < held:
            weight = exp((self._at - now) / DECAY_S)
            seconds = held * weight + seconds * (1.0 - weight)
        self.seconds = seconds
        self._at = now

    def fail(self, now: float, seconds: float) -> None:
        """Note a failure. It counts as three times what there was, so that failing fast attracts nothing."""
        known = max(self.seconds, self.at(now))
        self._failed = max(seconds, min(FAILED_S, 3 * known) if known else UNPROVEN_S)
        self._failed_at = now

    def give_up(self, now: float, seconds: float) -> None:
        """Note what had not been answered after so long."""
        if seconds > self.at(now):
            self._failed, self._failed_at = seconds, now

    def forgive(self) -> None:
        """Forget the failures."""
        self._failed = 0.0

    def usual(self, now: float) -> float:
        """What answers have taken; less and less while there are none."""
        return self.seconds * exp((self._at - now) / DECAY_S)

    def at(self, now: float) -> float:
        """The average as it is by now: what nobody has tried for a while is forgotten."""
        answered = self.seconds * exp((self._at - now) / DECAY_S)
        if not self._failed:
            return answered
        return max(answered, self._failed * exp((self._failed_at - now) / DECAY_S))


class Quantile:
    """A quantile of the last `REMEMBERED` durations, as of the last few; None while there are too few."""

    __slots__ = ("_fresh", "_next", "_quantile", "_seen", "seconds")

    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._seen: list[float] = []
        self._next = 0
        self._fresh = 0
        self.seconds: float | None = None

    def observe(self, seconds: float) -> None:
        if len(self._seen) < REMEMBERED:
            self._seen.append(seconds)
        else:
            self._seen[self._next] = seconds
            self._next = (self._next + 1) % REMEMBERED
        self._fresh += 1
        if self._fresh >= FRESH:
            self._fresh = 0
            ordered = sorted(self._seen)
            self.seconds = ordered[min(len(ordered) - 1, int(len(ordered) * self._quantile))]
