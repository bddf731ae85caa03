"""A circuit breaker over a sliding window of time (M. Nygard, "Release It!"): closed, open, half-open.

    closed ── too many failures in the window or among the latest attempts, or too many slow ──> open
    open ── its rest is over: a call may go ──> half-open
    half-open ── `probes` successes in a row ──> closed;  ── a failure ──> open

While half-open a call at most every `open_s` is let through, so a probe that never comes back blocks nothing for
longer. Times are monotonic seconds.
"""

from __future__ import annotations

from typing import Literal

from headgate.routing.config import BreakerConfig

State = Literal["closed", "open", "half_open"]
Change = Literal["opened", "closed"]

BUCKETS = 10
"""Parts of the window; it slides by one of them."""

LATEST_LEAST, LATEST_MOST = 20, 50
"""The latest attempts are `min_calls`, at least so many; with more than so many only the window counts."""


class Breaker:
    """Whether one target is worth asking."""

    __slots__ = (
        "_at", "_bucket_s", "_doubted", "_failed", "_failed_at", "_failures", "_latest", "_seen", "_slow", "_slows",
        "_successes", "_total", "_totals", "_tried", "changes",
        "config", "open_until", "reason", "since", "state", "told",
    )  # fmt: skip

    def __init__(self, config: BreakerConfig) -> None:
        self.config = config
        self._bucket_s = config.window_s / BUCKETS
        self.state: State = "closed"
        self.open_until = 0.0
        """When a call may go; in the past while closed."""
        self.since = 0.0
        """When the state last changed: what began before tells nothing about it."""
        self.reason: Literal["errors", "slow"] = "errors"
        """Why it opened last."""
        self.changes = 0
        """How often it opened or closed."""
        self.told = 0
        """How many of those changes other replicas know."""
        self._tried = 0.0
        self._clear()

    def began(self, now: float) -> bool:
        """Note that a call is sent; whether it is a probe."""
        self._tried = now
        if self.state == "closed":
            return False
        self.state = "half_open"
        self.open_until = now + self.config.open_s
        return True

    def succeeded(self, began: float, now: float, seconds: float) -> Change | None:
        """Note an answer to a call that began at `began` and took `seconds`."""
        slow = self.config.slow_s is not None and seconds > self.config.slow_s
        if self.state == "closed":
            self._count(began, now, failed=False, slow=slow)
            return self._opened(now) if slow else None
        if began < self.since:
            return None
        if slow:
            return self._reopen(now)
        self._successes += 1
        self.open_until = now
        return self.close(now) if self._successes >= self.config.probes else None

    def failed(self, began: float, now: float, *, answered: bool = False) -> Change | None:
        """Note a failure of a call that began at `began`; `answered` where it was noted as a success before."""
        if self.state == "closed":
            self._count(began, now, failed=True, slow=False, calls=0 if answered else 1)
            return self._opened(now)
        return None if began < self.since else self._reopen(now)

    def undecided(self, began: float, now: float) -> None:
        """Let another call see: one that began at `began` was refused for reasons of its own, and says nothing."""
        if self.state == "half_open" and began >= self.since:
            self.open_until = now

    def open(self, now: float, until: float) -> Change:
        """Open, whatever the window says."""
        self.state, self.since, self.open_until = "open", now, until
        self.changes += 1
        self._successes = 0
        return "opened"

    def close(self, now: float) -> Change:
        """Close, and forget what led to opening."""
        self.state, self.since, self.open_until = "closed", now, 0.0
        self.changes += 1
        self._clear()
        return "closed"

    def due(self, now: float) -> bool:
        """Whether a call should go to see whether the target is back: its rest is over; or it failed last, and others
        have looked better since then for as long as a rest takes.
        """
        return self.state != "closed" or (self._doubted and now - self._tried >= self.config.open_s)

    def is_back(self, began: float) -> bool:
        """Whether an answer to a call that began then shows that it is back, after such a time."""
        return self._doubted and began - self._failed_at >= self.config.open_s

    @property
    def failure_rate(self) -> float:
        """Share of failures within the window, as of the last call."""
        return min(1.0, self._failed / self._total) if self._total else 0.0

    def _reopen(self, now: float) -> None:
        self.state, self.since, self.open_until = "open", now, now + self.config.open_s
        self._successes = 0

    def _opened(self, now: float) -> Change | None:
        config = self.config
        if self._died():
            self.reason = "errors"
        elif self._total < config.min_calls:
            return None
        elif self._failed >= config.error_rate * self._total:
            self.reason = "errors"
        elif config.slow_s is not None and self._slow >= config.slow_rate * self._total:
            self.reason = "slow"
        else:
            return None
        return self.open(now, now + config.open_s)

    def _died(self) -> bool:
        """Whether nearly all of the latest attempts failed, however much went well before them, or however long ago."""
        latest = max(self.config.min_calls, LATEST_LEAST)
        if latest > LATEST_MOST or self._seen < latest:
            return False
        failed = (self._latest & ((1 << latest) - 1)).bit_count()
        return failed >= latest * (1 + self.config.error_rate) / 2

    def _count(self, began: float, now: float, *, failed: bool, slow: bool, calls: int = 1) -> None:
        if began < self.since:
            return
        at = int(now / self._bucket_s)
        if at != self._at:
            self._slide(at)
        place = at % BUCKETS
        self._totals[place] += calls
        self._total += calls
        self._seen += 1
        self._latest = (self._latest << 1 | failed) & ((1 << LATEST_MOST) - 1)
        if failed:
            self._doubted, self._failed_at = True, now
        elif began >= self._failed_at:
            self._doubted = False
        if failed:
            self._failures[place] += 1
            self._failed += 1
        elif slow:
            self._slows[place] += 1
            self._slow += 1

    def _slide(self, at: int) -> None:
        """Forget the parts of the window that have gone by."""
        for each in range(max(self._at + 1, at - BUCKETS + 1), at + 1):
            place = each % BUCKETS
            self._total -= self._totals[place]
            self._failed -= self._failures[place]
            self._slow -= self._slows[place]
            self._totals[place] = self._failures[place] = self._slows[place] = 0
        self._at = at

    def _clear(self) -> None:
        self._at = 0
        self._totals, self._failures, self._slows = [0] * BUCKETS, [0] * BUCKETS, [0] * BUCKETS
        self._total = self._failed = self._slow = self._successes = 0
        self._seen = 0
        """Attempts since it began, or closed."""
        self._latest = 0
        """The latest attempts, a bit each, set where it failed; the last one is the lowest."""
        self._doubted, self._failed_at = False, 0.0
        """Whether it failed last, and when."""
