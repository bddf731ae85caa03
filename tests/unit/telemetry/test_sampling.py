"""Which calls are listed: all that failed or were slow, and of the others no more than can be kept."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.telemetry.config import CallsConfig
from headgate.telemetry.sampling import BURST, Sampling

MOST = 50
CONFIG = CallsConfig(most_per_s=MOST)


def listed(sampling: Sampling, second: int, calls: int, config: CallsConfig = CONFIG) -> list[int]:
    """Which of a second's calls are listed, by their place in it."""
    return [at for at in range(calls) if sampling.kept(None, 0.1, second + at / (calls + 1), config)]


def places(sampling: Sampling, seconds: Iterable[int], calls: int) -> list[float]:
    return [at / calls for second in seconds for at in listed(sampling, second, calls)]


def test_all_are_listed_while_there_are_few():
    sampling = Sampling()
    for second in range(100, 110):
        assert len(listed(sampling, second, MOST)) == MOST
    assert sampling.passed_over == 0


def test_of_many_about_as_many_as_are_wanted_are_listed_each_with_the_same_chance():
    sampling = Sampling()
    assert len(listed(sampling, 100, 5_000)) == BURST * MOST, "nobody knew yet how many there would be"
    found = places(sampling, range(101, 201), 5_000)
    assert 0.9 * 100 * MOST < len(found) < 1.1 * 100 * MOST
    first_half = sum(1 for place in found if place < 0.5) / len(found)
    assert 0.45 < first_half < 0.55, "no part of a second is listed rather than another"
    assert sampling.passed_over == 101 * 5_000 - len(found) - BURST * MOST


def test_after_a_burst_all_are_listed_again():
    sampling = Sampling()
    listed(sampling, 100, 5_000)
    listed(sampling, 101, 10)
    assert len(listed(sampling, 102, MOST)) == MOST
    listed(sampling, 103, 5_000)
    assert len(listed(sampling, 200, MOST)) == MOST, "what was long ago says nothing of how many there are now"


def test_what_failed_or_was_slow_is_listed_however_much_there_is():
    sampling = Sampling()
    listed(sampling, 100, 5_000)
    for code, seconds, why in (("timeout", 0.1, "error"), (None, CONFIG.slow_s, "slow")):
        assert {sampling.kept(code, seconds, 100.5, CONFIG) for _ in range(1_000)} == {why}


def test_none_of_the_others_is_listed_where_none_is_wanted():
    for config in (CallsConfig(most_per_s=0), CallsConfig(sample=0)):
        assert not listed(Sampling(), 100, 500, config)


def test_what_the_share_leaves_out_is_not_counted_as_passed_over():
    sampling = Sampling()
    found = listed(sampling, 100, 400, CallsConfig(sample=0.1, most_per_s=1_000))
    assert 10 < len(found) < 80
    assert sampling.passed_over == 0
