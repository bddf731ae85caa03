"""Changes between two times: their intervals hold the truth as often as they say, also where failures come in bursts."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf, isnan

import pytest

from headgate.stats.blocks import Change, change_of_quantile, change_of_ratio, change_of_share, change_of_total
from headgate.stats.sketch import Sketch

BLOCKS = 28


def bursts(rng: random.Random, rate: float) -> tuple[list[float], list[float]]:
    """Failures out of calls: most of them in few of the blocks, and more calls by day than by night."""
    calls = [200.0 + 150 * (number % 4) for number in range(BLOCKS)]
    failed: list[float] = []
    for number in calls:
        its = min(0.9, rate * rng.gammavariate(2, 0.5))
        failed.append(float(sum(rng.random() < its for _ in range(int(number)))))
    return failed, calls


def sketches(rng: random.Random, scale: float) -> list[Sketch | None]:
    made: list[Sketch | None] = []
    for _ in range(BLOCKS):
        sketch, slow = Sketch(), rng.lognormvariate(0, 0.1)
        for _ in range(40):
            sketch.add(scale * slow * rng.lognormvariate(12, 0.5))
        made.append(sketch)
    return made


def covered(truth: float, change: Callable[[random.Random], Change], runs: int = 200) -> float:
    held = 0
    for seed in range(runs):
        interval = change(random.Random(seed)).interval()
        held += interval.low <= truth <= interval.high
    return held / runs


def test_the_interval_of_a_share_holds_though_failures_come_in_bursts():
    assert 0.9 <= covered(2.0, lambda rng: change_of_share(bursts(rng, 0.02), bursts(rng, 0.04))) <= 0.99


def test_the_interval_of_a_quantile_holds():
    assert 0.9 <= covered(1.3, lambda rng: change_of_quantile(sketches(rng, 1), sketches(rng, 1.3), 0.95), 60) <= 1


def test_of_no_change_few_are_taken_for_one():
    chances = [
        change_of_share(bursts(random.Random(seed), 0.03), bursts(random.Random(seed + 1000), 0.03)).chance
        for seed in range(200)
    ]
    assert sum(chance < 0.05 for chance in chances) / 200 <= 0.1


def test_what_mornings_and_evenings_have_in_common_is_no_change():
    """A tenth more calls at every hour, whose numbers differ tenfold from hour to hour."""
    before = [100.0 * (1 + number % 10) for number in range(24)]
    found = change_of_total(before, [1.1 * each for each in before])
    assert (found.before, found.after) == (sum(before), pytest.approx(1.1 * sum(before)))
    assert found.interval().low == pytest.approx(found.interval().high) == pytest.approx(1.1)


def test_a_ratio_of_sums_is_what_it_says():
    costs, calls = [float(2 + number % 3) for number in range(24)], [1.0] * 24
    found = change_of_ratio((costs, calls), ([2 * each for each in costs], calls))
    assert (found.before, found.after, found.ratio) == (3.0, 6.0, 2.0)
    assert found.chance < 1e-6


def test_a_share_may_be_none_before_or_after():
    calls = [50.0] * 24
    none, some = [0.0] * 24, [1.0, 2.0] * 12
    rose = change_of_share((none, calls), (some, calls))
    assert (rose.before, rose.after) == (0, 0.03)
    assert rose.interval().low > 1
    assert change_of_share((none, calls), (none, calls)).chance == 1
    one = change_of_share((none, calls), ([1.0, *none[1:]], calls))
    assert one.chance > 0.05, "one failure says nothing"


def test_of_few_blocks_nothing_is_said():
    found = change_of_total([5.0, 6, 7], [9.0, 9, 9])
    assert found.error is None
    assert (found.interval().low, found.interval().high, found.chance) == (0, inf, 1)
    assert isnan(change_of_ratio(([0.0] * 9, [0.0] * 9), ([1.0] * 9, [1.0] * 9)).ratio)
    assert change_of_quantile([None] * 9, sketches(random.Random(1), 1)[:9], 0.5).error is None


@pytest.mark.parametrize(("before", "after"), [((3,), (3,)), ((3,), (9,)), ((1, 2, 3), (1, 2, 3)), (range(24), (3,))])
def test_a_sum_of_few_blocks_is_no_evidence(before: tuple[int, ...], after: tuple[int, ...]):
    """One dear call a week, twice as dear this week, has doubled the cost, and says nothing of next week's."""
    costs = [[each * float(block in there) for block in range(24)] for each, there in ((5, before), (10, after))]
    calls = [50.0] * 24
    for found in (change_of_total(*costs), change_of_ratio((costs[0], calls), (costs[1], calls))):
        assert (found.chance, found.interval().low, found.interval().high) == (1, 0, inf)


def test_students_quantiles_are_those_of_tables():
    found = Change(1, 1, 1.0, 1.0, 7)
    from math import log

    assert log(found.interval().high) == pytest.approx(2.365, abs=0.01)
    assert Change(1, 1, 2.718281828**2.365, 1.0, 7).chance == pytest.approx(0.05, abs=0.005)
