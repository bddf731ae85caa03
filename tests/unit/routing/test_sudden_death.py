"""A target that was well and dies is noticed by its latest attempts, and tried again in time."""

from __future__ import annotations

from headgate.routing.breaker import Breaker
from headgate.routing.config import BreakerConfig

STEP_S = 0.01


def well_for(calls: int) -> tuple[Breaker, float]:
    """A breaker after so many answers, and the time by then."""
    breaker, now = Breaker(BreakerConfig()), 100.0
    for _ in range(calls):
        now += STEP_S
        breaker.began(now)
        breaker.succeeded(now, now, 0.001)
    return breaker, now


def fail(breaker: Breaker, now: float, times: int) -> float:
    for _ in range(times):
        now += STEP_S
        breaker.began(now)
        breaker.failed(now, now)
    return now


def test_what_went_well_before_does_not_hide_that_it_died() -> None:
    breaker, now = well_for(2000)
    now = fail(breaker, now, 37)
    assert breaker.state == "closed"
    fail(breaker, now, 1)
    assert breaker.state == "open"


def test_one_that_fails_four_calls_in_ten_stays_closed() -> None:
    breaker, now = well_for(50)
    for number in range(5000):
        now += STEP_S
        breaker.began(now)
        if number % 5 < 2:
            breaker.failed(now, now)
        else:
            breaker.succeeded(now, now, 0.001)
    assert breaker.state == "closed"


def test_one_that_failed_last_is_due_once_others_were_preferred_for_a_rest() -> None:
    breaker, now = well_for(100)
    now = fail(breaker, now, 1)
    assert not breaker.due(now + 4.9)
    assert breaker.due(now + 5.0)
    breaker.began(now + 5.0)
    assert not breaker.due(now + 5.1), "one call, not all of them"


def test_an_answer_to_an_older_call_does_not_clear_it() -> None:
    breaker, now = well_for(100)
    later = fail(breaker, now, 1)
    breaker.succeeded(now - 1, later + 1, 2.0)
    assert breaker.due(later + 5.0)


def test_an_answer_after_such_a_time_shows_that_it_is_back() -> None:
    breaker, now = well_for(100)
    now = fail(breaker, now, 1)
    assert not breaker.is_back(now + 1.0)
    assert breaker.is_back(now + 5.0)
    breaker.succeeded(now + 5.0, now + 5.1, 0.1)
    assert not breaker.due(now + 20.0)
