"""A target is sent no more than it takes: by what is configured, and by what it says itself."""

from __future__ import annotations

import random

import pytest

from headgate.routing.quota import Learned, PerMinute, Quota
from headgate.types import Allowance


def sent(limit: int, times: list[float]) -> list[float]:
    """Those of some moments at which one could be sent."""
    amount = PerMinute(limit)
    taken = []
    for now in times:
        if amount.room(now):
            amount.add(now, 1)
            taken.append(now)
    return taken


def test_never_more_than_the_limit_in_any_minute() -> None:
    generator = random.Random(3)
    taken = sent(7, sorted(generator.uniform(0, 600) for _ in range(2000)))
    assert all(later - sooner >= 60 for sooner, later in zip(taken, taken[7:], strict=False))
    assert len(taken) > 7 * 8


def test_a_limit_that_is_not_reached_holds_nothing_back() -> None:
    times = [float(second) for second in range(0, 600, 10)]
    assert sent(7, times) == times


def test_when_there_is_room_again() -> None:
    amount = PerMinute(3)
    for now in (100.5, 120.0, 130.9):
        amount.add(now, 1)
    assert amount.ready_at(131) == 161
    assert not amount.room(160.99)
    assert amount.room(161)


def test_one_large_amount_has_to_be_over_before_there_is_room() -> None:
    amount = PerMinute(100)
    amount.add(100.0, 10)
    amount.add(110.0, 500)
    amount.add(120.0, 90)
    assert amount.ready_at(121) == 171
    assert not amount.room(170.9)
    assert amount.room(171)


@pytest.mark.parametrize("seed", range(20))
def test_ready_at_is_the_first_moment_with_room(seed: int) -> None:
    generator = random.Random(seed)
    amount = PerMinute(50)
    now = 1000.0
    while amount.room(now):
        now += generator.uniform(0, 9)
        amount.add(now, generator.randrange(30))
    ready = amount.ready_at(now)
    assert ready > now
    assert not amount.room(ready - 0.001)
    assert amount.room(ready)


def test_what_was_used_replaces_what_was_expected() -> None:
    quota = Quota(tpm=100)
    quota.began(100, 100)
    assert not quota.room(101)
    quota.settled(101, 100, 100, 40)
    assert quota.room(101)
    quota.settled(102, 101, 0, 70)
    assert not quota.room(102)


def test_giving_back_late_makes_no_room_beyond_the_limit() -> None:
    """What is given back stands with what it was taken for, and goes with it."""
    quota = Quota(tpm=100)
    quota.began(100, 100)
    quota.settled(150, 100, 100, 10)
    quota.began(161, 100)
    assert not quota.room(165)
    quota.settled(170, 161, 100, 100)
    assert not quota.room(200)


def test_giving_back_what_is_over_anyway_makes_no_room_either() -> None:
    quota = Quota(tpm=100)
    quota.began(100, 100)
    quota.began(200, 100)
    quota.settled(201, 100, 100, 10)
    assert not quota.room(202)


def test_a_target_that_says_nothing_is_left_gets_nothing_for_a_while() -> None:
    left = Learned()
    assert left.room(100)
    left.learn(100, 0, 60)
    assert not left.room(105.9)
    assert left.room(106), "a tenth of the way to all of it, some is there"


def test_a_short_renewal_is_waited_for_whole() -> None:
    left = Learned()
    left.learn(100, 0, 0.5)
    assert not left.room(100.4)
    assert left.room(100.5)


def test_what_is_sent_since_is_taken_off_what_is_left() -> None:
    left = Learned()
    left.learn(100, 3, 60)
    for _ in range(2):
        left.spend(1)
        assert left.room(100)
    left.spend(1)
    assert not left.room(100)


@pytest.mark.parametrize("reset_s", [None, 0.0])
def test_what_is_left_tells_nothing_without_a_time(reset_s: float | None) -> None:
    left = Learned()
    left.learn(100, 0, reset_s)
    assert left.room(100)


def test_a_quota_has_room_where_all_its_parts_have() -> None:
    quota = Quota(rpm=2, tpm=100)
    assert quota.room(100)
    quota.began(100, 100)
    assert not quota.room(100)
    assert quota.ready_at(100) == 161
    quota.learn(100, Allowance(requests=0, reset_requests_s=900))
    assert quota.ready_at(100) == 161
    quota.learn(110, Allowance(requests=0, reset_requests_s=900))
    assert quota.ready_at(165) == 170, "a minute, whatever it says"
    assert quota.ready_at(195) == 195


def test_requests_and_tokens_are_learnt_apart() -> None:
    quota = Quota()
    quota.learn(100, Allowance(requests=5, reset_requests_s=10, tokens=0, reset_tokens_s=20))
    assert quota.ready_at(100) == 102
    quota.learn(101, Allowance(tokens=9, reset_tokens_s=20))
    assert quota.room(101)
    quota.began(101, 10)
    assert not quota.room(101)


def test_a_quota_that_is_neither_configured_nor_told_holds_nothing_back() -> None:
    quota = Quota()
    for _ in range(10_000):
        quota.began(100, 10_000)
    assert quota.room(100)
    assert quota.ready_at(100) == 100
