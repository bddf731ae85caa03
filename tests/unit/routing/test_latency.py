"""What calls have taken lately: peaks at once, forgotten slowly; a quantile once enough are known."""

from __future__ import annotations

from math import exp

import pytest

from headgate.routing.latency import DECAY_S, FAILED_S, FRESH, REMEMBERED, UNPROVEN_S, PeakEwma, Quantile


def test_nothing_is_known_at_first() -> None:
    average = PeakEwma()
    assert average.seconds == 0
    assert average.at(1e6) == 0


def test_a_peak_is_taken_over_at_once() -> None:
    average = PeakEwma()
    average.observe(100, 0.1)
    average.observe(100, 3)
    assert average.seconds == 3


def test_a_peak_is_forgotten_slowly() -> None:
    average = PeakEwma()
    average.observe(100, 1.0)
    average.observe(100 + DECAY_S, 0.0)
    assert average.seconds == pytest.approx(exp(-1))
    average.observe(100 + DECAY_S, 0.0)
    assert average.seconds == pytest.approx(exp(-1)), "many calls at a time forget no faster than one"


def test_what_nobody_has_tried_for_a_while_is_forgotten() -> None:
    average = PeakEwma()
    average.observe(100, 1.0)
    assert average.at(100) == 1
    assert average.at(100 + 2 * DECAY_S) == pytest.approx(exp(-2))
    assert average.seconds == 1, "looking changes nothing"


def test_failures_are_peaks_but_no_answers() -> None:
    average = PeakEwma()
    average.observe(100, 0.2)
    average.fail(100, 5.0)
    assert average.at(100) == 5
    assert average.at(100 + DECAY_S) == pytest.approx(5 * exp(-1))
    assert (average.seconds, average.usual(100)) == (0.2, 0.2)
    assert average.usual(100 + DECAY_S) == pytest.approx(0.2 * exp(-1))


def test_failing_fast_is_not_fast() -> None:
    known, unknown = PeakEwma(), PeakEwma()
    known.observe(100, 0.2)
    for average in (known, unknown):
        average.fail(100, 0.001)
    assert known.at(100) == pytest.approx(0.6)
    assert unknown.at(100) == UNPROVEN_S
    known.fail(100, 0.001)
    assert known.at(100) == pytest.approx(1.8), "and less so each time"


def test_failing_fast_long_ago_is_not_fast_either() -> None:
    average = PeakEwma()
    average.observe(100, 0.2)
    average.fail(1000, 0.001)
    assert average.at(1000) == pytest.approx(0.6)


def test_failing_for_long_is_forgotten_within_a_minute() -> None:
    average = PeakEwma()
    average.observe(100, 0.05)
    for _ in range(5000):
        average.fail(100, 0.001)
    assert average.at(100) == FAILED_S
    assert average.at(160) < 0.05


def test_what_was_given_up_took_at_least_its_age() -> None:
    average = PeakEwma()
    average.observe(100, 0.2)
    average.give_up(100, 0.1)
    assert average.at(100) == 0.2
    average.give_up(100, 4.0)
    assert (average.at(100), average.seconds) == (4, 0.2)


def test_failures_can_be_forgiven() -> None:
    average = PeakEwma()
    average.observe(100, 0.2)
    average.fail(100, 9.0)
    average.forgive()
    assert average.at(100) == 0.2


def test_a_quantile_is_not_known_before_there_is_enough() -> None:
    quantile = Quantile(0.9)
    for _ in range(FRESH - 1):
        quantile.observe(1.0)
    assert quantile.seconds is None
    quantile.observe(1.0)
    assert quantile.seconds == 1


@pytest.mark.parametrize(("share", "expected"), [(0.5, 128), (0.9, 230), (0.999, 255)])
def test_a_quantile_is_that_of_the_last_durations(share: float, expected: float) -> None:
    quantile = Quantile(share)
    for _ in range(REMEMBERED):
        quantile.observe(1e6)
    for each in reversed(range(REMEMBERED)):
        quantile.observe(each)
    assert quantile.seconds == expected


def test_the_norm_is_hardly_moved_by_a_minute() -> None:
    average = PeakEwma()
    for second in range(600):
        average.observe(second, 1.0)
    for second in range(600, 630):
        average.observe(second, 10.0)
    assert 1.0 < average.norm < 2.0
    for second in range(630, 3000):
        average.observe(second, 10.0)
    assert average.norm > 9.9
