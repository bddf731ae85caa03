"""Figures of sums."""

from __future__ import annotations

import pytest

from headgate.dashboard.figures import Figures, largest, ranked, trailing
from headgate.quality.reading import Share
from headgate.stats.sketch import Sketch
from headgate.telemetry.rollups.cell import encode_counts
from headgate.telemetry.rollups.reading import Sum


def sum_of(durations_ms: tuple[float, ...] = (), **counts: int) -> Sum:
    sketch = Sketch()
    for each in durations_ms:
        sketch.add(each * 1000)
    made = Sum()
    made.add(encode_counts({name.replace("__", "."): number for name, number in counts.items()}), sketch.encode(), None)
    return made


def test_quantiles_are_in_milliseconds_and_of_nothing_nothing():
    found = Figures(sum_of(tuple(range(1, 101)), calls=100)).quantiles()
    assert found == pytest.approx([50, 95, 99], rel=0.01)
    assert Figures(None).quantiles() == [None, None, None]
    assert Figures(None).failed_share is None


def test_tokens_are_all_of_their_kind():
    found = Figures(sum_of(tokens__input_tokens=10, tokens__cached_tokens=5, tokens__output_tokens=3))
    assert (found.tokens_in, found.tokens_out) == (15, 3)
    assert found.named("tokens.") == {"input_tokens": 10, "cached_tokens": 5, "output_tokens": 3}


def test_satisfaction_is_a_share_with_its_interval_and_the_share_that_rated():
    said = Figures(
        sum_of(calls=200, rated=40, feedback__up=20, feedback__score_5=10, feedback__down=6, feedback__score_3=4)
    )
    assert said.satisfied is not None
    assert said.satisfied.share == 0.75
    assert said.satisfied.low < 0.75 < said.satisfied.high
    assert said.rated_share == 0.2
    assert Figures(sum_of(calls=10)).satisfied is None
    taken_back = {"calls": 5, "rated": 1, "feedback.up": 2, "feedback.down": -1}  # of another day's calls
    said = Figures(sum_of(**taken_back)).satisfied
    assert said is not None
    assert said.share == 1


def test_names_are_by_their_calls_or_their_cost():
    sums = {"a": sum_of(calls=1, cost_picodollars=9), "b": sum_of(calls=5), "c": sum_of(calls=5, cost_picodollars=1)}
    assert list(ranked(sums)) == ["c", "b", "a"]
    assert list(ranked(sums, by_cost=True)) == ["a", "c", "b"]
    assert largest("abcdefg") == list("abcdefg")
    assert largest("abcdefgh") == list("abcdef")


def share(counted: int, of: int) -> Share:
    return Share(of=of, counted=counted, share=counted / of if of else None, low=0.0, high=1.0)


def test_a_point_of_a_share_is_of_enough_or_of_all_there_are():
    steps = [share(1, 1), None, share(0, 1), share(0, 0), share(9, 18), share(30, 30), share(0, 1), share(-1, -1)]
    told = trailing(steps)
    assert told == [1.0, None, 0.5, None, 10 / 20, 30 / 30, 30 / 31, None]
    assert trailing([]) == []
