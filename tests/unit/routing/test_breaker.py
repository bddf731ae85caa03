"""A breaker opens on what it is told to look at, lets one call at a time see, and closes on success only."""

from __future__ import annotations

import pytest

from headgate.routing.breaker import Breaker
from headgate.routing.config import BreakerConfig

CONFIG = BreakerConfig(error_rate=0.5, min_calls=10, window_s=30, open_s=5)


def breaker(**changes: float) -> Breaker:
    fields = {"error_rate": 0.5, "min_calls": 10, "window_s": 30, "open_s": 5}
    return Breaker(BreakerConfig(**{**fields, **changes}))  # pyright: ignore[reportArgumentType]


def fail(breaker: Breaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(now, now)


def succeed(breaker: Breaker, now: float, times: int = 1, seconds: float = 0.1) -> None:
    for _ in range(times):
        breaker.succeeded(now, now, seconds)


def opened(now: float = 100, **changes: float) -> Breaker:
    """One that has just opened."""
    one = breaker(**changes)
    fail(one, now, 10)
    assert one.state == "open"
    return one


def test_it_stays_closed_below_the_least_number_of_calls() -> None:
    one = breaker()
    fail(one, 100, 9)
    assert (one.state, one.open_until, one.changes) == ("closed", 0.0, 0)
    assert one.failed(100, 100) == "opened"
    assert (one.state, one.open_until, one.changes, one.reason) == ("open", 105, 1, "errors")


@pytest.mark.parametrize(("successes", "state"), [(9, "open"), (10, "open"), (11, "closed")])
def test_it_opens_at_the_rate_and_not_below(successes: int, state: str) -> None:
    one = breaker()
    succeed(one, 100, successes)
    fail(one, 100, 10)
    assert one.state == state


def test_the_rate_is_that_of_the_window() -> None:
    one = breaker()
    succeed(one, 100, 3)
    fail(one, 100)
    assert one.failure_rate == 0.25
    assert breaker().failure_rate == 0


def test_what_is_longer_ago_than_the_window_counts_no_more() -> None:
    one = breaker()
    fail(one, 100, 9)
    fail(one, 131, 9)
    assert one.state == "closed"
    fail(one, 132)
    assert one.state == "open"


def test_the_window_slides_part_by_part() -> None:
    one = breaker()
    for second in range(100, 128, 3):
        fail(one, second, 1 if second < 127 else 0)
    succeed(one, 127, 20)
    assert one.failure_rate == 9 / 29
    succeed(one, 133)
    assert one.failure_rate == 7 / 28, "two parts of ten have gone"


@pytest.mark.parametrize("pause_s", range(31, 100, 3))
def test_a_long_pause_forgets_everything(pause_s: int) -> None:
    one = breaker()
    fail(one, 100, 9)
    succeed(one, 100 + pause_s)
    assert one.failure_rate == 0


def test_slow_calls_open_it_where_that_is_asked_for() -> None:
    one = breaker(slow_s=1.0, slow_rate=0.5)
    succeed(one, 100, 5, seconds=1.0)
    succeed(one, 100, 4, seconds=1.1)
    assert one.state == "closed"
    assert one.succeeded(100, 100, 1.1) == "opened"
    assert one.reason == "slow"


def test_slow_calls_are_nothing_where_it_is_not() -> None:
    one = breaker()
    succeed(one, 100, 20, seconds=1e6)
    assert one.state == "closed"


def test_a_failure_is_not_counted_as_slow_too() -> None:
    one = breaker(slow_s=1.0, slow_rate=0.1, error_rate=0.9)
    succeed(one, 100, 10)
    fail(one, 100, 5)
    assert one.state == "closed"


def test_one_call_is_let_through_once_it_has_rested() -> None:
    one = opened()
    assert one.open_until == 105
    assert one.began(105)
    assert (one.state, one.open_until) == ("half_open", 110), "and no other before open_s is over again"
    assert one.succeeded(105, 106, 0.1) == "closed"
    assert (one.state, one.open_until, one.changes) == ("closed", 0.0, 2)


def test_a_call_that_begins_while_it_is_closed_is_no_probe() -> None:
    assert not breaker().began(100)


def test_a_probe_that_never_comes_back_blocks_for_no_longer_than_a_rest() -> None:
    one = opened()
    one.began(105)
    assert one.open_until == 110
    assert one.began(110)
    one.succeeded(110, 111, 0.1)
    assert one.state == "closed"


def test_a_failed_probe_opens_it_again() -> None:
    one = opened()
    one.began(105)
    assert one.failed(105, 107) is None, "which is no news to anybody"
    assert (one.state, one.open_until, one.changes) == ("open", 112, 1)


def test_a_slow_probe_opens_it_again() -> None:
    one = opened(slow_s=1.0)
    one.began(105)
    assert one.succeeded(105, 107, 2.0) is None
    assert (one.state, one.open_until) == ("open", 112)


def test_as_many_probes_in_a_row_as_configured_have_to_succeed() -> None:
    one = opened(probes=2)
    one.began(105)
    assert one.succeeded(105, 106, 0.1) is None
    assert (one.state, one.open_until) == ("half_open", 106), "the next may go at once"
    one.began(106)
    one.failed(106, 107)
    one.began(112)
    assert one.succeeded(112, 113, 0.1) is None, "a failure between begins the row anew"
    one.began(113)
    assert one.succeeded(113, 114, 0.1) == "closed"


def test_what_began_before_it_opened_tells_nothing_more() -> None:
    one = opened(now=100)
    one.began(105)
    assert one.succeeded(99, 106, 7) is None
    assert one.failed(99, 106) is None
    assert (one.state, one.open_until) == ("half_open", 110)


def test_what_began_before_it_closed_is_not_counted() -> None:
    one = opened()
    one.began(105)
    one.succeeded(105, 106, 0.1)
    for _ in range(20):
        one.failed(105, 120)
    assert (one.state, one.failure_rate) == ("closed", 0)


def test_an_older_probe_tells_nothing_once_a_later_one_has_failed() -> None:
    one = opened()
    one.began(105)
    one.began(110)
    one.failed(110, 111)
    assert one.succeeded(105, 112, 7) is None
    assert (one.state, one.open_until) == ("open", 116)


def test_closing_forgets_what_led_to_opening() -> None:
    one = opened()
    one.began(105)
    one.succeeded(105, 105, 0.1)
    fail(one, 106, 9)
    assert one.state == "closed"


def test_a_stream_that_breaks_is_a_failure_in_place_of_a_success() -> None:
    one = breaker()
    for _ in range(10):
        one.succeeded(100, 100, 0.1)
        one.failed(100, 101, answered=True)
    assert (one.state, one.reason) == ("open", "errors")
    other = breaker()
    for _ in range(20):
        other.succeeded(100, 100, 0.1)
    for _ in range(9):
        other.failed(100, 101, answered=True)
    assert (other.state, other.failure_rate) == ("closed", 9 / 20)


def test_it_can_be_opened_and_closed_by_hand() -> None:
    one = breaker()
    assert one.open(100, 160) == "opened"
    assert (one.state, one.open_until, one.changes) == ("open", 160, 1)
    assert one.close(110) == "closed"
    assert (one.state, one.open_until, one.changes) == ("closed", 0.0, 2)
    assert one.failed(105, 111) is None
    assert one.failure_rate == 0


def test_a_probe_that_says_nothing_makes_room_for_the_next() -> None:
    breaker = Breaker(BreakerConfig(open_s=5))
    breaker.open(100, 105)
    assert breaker.began(105)
    assert breaker.open_until == 110
    breaker.undecided(105, 106)
    assert (breaker.state, breaker.open_until) == ("half_open", 106)
    breaker.undecided(99, 107)
    assert breaker.open_until == 106, "it began before the breaker opened"
