"""A breaker does what a plain description of one does, whatever happens to it in whatever order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headgate.routing.breaker import BUCKETS, Breaker
from headgate.routing.config import BreakerConfig

WINDOW_S = 10.0
SLOW_S = 2.0


class Described:
    """A breaker in a few words: a list of what happened, looked through from its beginning each time."""

    def __init__(self, config: BreakerConfig) -> None:
        self.config = config
        self.state = "closed"
        self.since = 0.0
        self.ready_at = 0.0
        self.row = 0
        self.noted: list[tuple[int, int, bool, bool]] = []
        """The part of the window, how many calls, whether failed, whether slow."""

    def begin(self, now: float) -> None:
        if self.state != "closed":
            self.state, self.ready_at = "half_open", now + self.config.open_s

    def end(self, began: float, now: float, failed: bool, slow: bool, answered: bool) -> None:
        if began < self.since:
            return
        if self.state == "closed":
            self.noted.append((int(now / (WINDOW_S / BUCKETS)), 0 if answered else 1, failed, slow))
            if failed or slow:
                self.judge(now)
        elif failed or slow:
            self.rest(now, now + self.config.open_s)
        else:
            self.row += 1
            self.ready_at = now
            if self.row >= self.config.probes:
                self.close(now)

    def judge(self, now: float) -> None:
        part = int(now / (WINDOW_S / BUCKETS))
        recent = [each for each in self.noted if each[0] > part - BUCKETS]
        calls = sum(count for _, count, _, _ in recent)
        failures = sum(failed for _, _, failed, _ in recent)
        slows = sum(slow for _, _, _, slow in recent)
        if calls >= self.config.min_calls and (
            failures >= self.config.error_rate * calls or slows >= self.config.slow_rate * calls
        ):
            self.rest(now, now + self.config.open_s)

    def rest(self, now: float, until: float) -> None:
        self.state, self.since, self.ready_at, self.row = "open", now, until, 0

    def close(self, now: float) -> None:
        self.state, self.since, self.ready_at, self.row, self.noted = "closed", now, 0.0, 0, []


class Breakers(RuleBasedStateMachine):
    @initialize(
        rate=st.sampled_from([0.1, 0.5, 1.0]),
        calls=st.integers(1, 6),
        probes=st.integers(1, 3),
        slow=st.sampled_from([0.3, 1.0]),
    )
    def make(self, rate: float, calls: int, probes: int, slow: float) -> None:
        config = BreakerConfig(
            error_rate=rate,
            min_calls=calls,
            window_s=WINDOW_S,
            open_s=3.0,
            probes=probes,
            slow_s=SLOW_S,
            slow_rate=slow,
        )
        self.breaker, self.described = Breaker(config), Described(config)
        self.now = 1000.0
        self.under_way: list[float] = []
        self.streams: list[float] = []
        self.probed_at = 0.0

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 3.0, 11.0, 19.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.breaker.open_until <= self.now)
    @rule()
    def begin(self) -> None:
        """A call that goes where it may go."""
        closed = self.breaker.state == "closed"
        assert self.breaker.began(self.now) is not closed
        if not closed:
            assert self.breaker.open_until == self.now + self.breaker.config.open_s, "nobody else goes meanwhile"
        self.described.begin(self.now)
        self.under_way.append(self.now)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), failed=st.booleans(), slow=st.booleans(), stream=st.booleans())
    def end(self, data: st.DataObject, failed: bool, slow: bool, stream: bool) -> None:
        began = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        before = self.breaker.changes
        if failed:
            change = self.breaker.failed(began, self.now)
        else:
            change = self.breaker.succeeded(began, self.now, SLOW_S + 1 if slow else 0.1)
            if stream:
                self.streams.append(began)
        self.described.end(began, self.now, failed, slow and not failed, answered=False)
        assert (change is not None) == (self.breaker.changes > before), "a change is told"

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def break_off(self, data: st.DataObject) -> None:
        """A stream that has begun well."""
        began = self.streams.pop(data.draw(st.integers(0, len(self.streams) - 1)))
        self.breaker.failed(began, self.now, answered=True)
        self.described.end(began, self.now, failed=True, slow=False, answered=True)

    @rule(seconds=st.sampled_from([1.0, 60.0]))
    def open(self, seconds: float) -> None:
        self.breaker.open(self.now, self.now + seconds)
        self.described.rest(self.now, self.now + seconds)

    @rule()
    def close(self) -> None:
        self.breaker.close(self.now)
        self.described.close(self.now)

    @invariant()
    def is_as_described(self) -> None:
        if hasattr(self, "breaker"):
            assert self.breaker.state == self.described.state
            assert self.breaker.open_until == self.described.ready_at
            assert 0 <= self.breaker.failure_rate <= 1


TestBreakers = Breakers.TestCase
TestBreakers.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
