"""Quantile sketches: within their error whatever the distribution, and the same however they were merged."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.stats.sketch import ERROR, FEW, Sketch, merged

SHARES = (0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)

Draw = Callable[[random.Random], float]

DISTRIBUTIONS: dict[str, Draw] = {
    "uniform": lambda r: r.uniform(1, 1e6),
    "exponential": lambda r: r.expovariate(1e-5) + 1,
    "lognormal": lambda r: r.lognormvariate(12, 2),
    "two far apart": lambda r: r.choice((800.0, 30e6)) * r.uniform(0.9, 1.1),
    "heavy": lambda r: r.paretovariate(0.6),
    "one value": lambda r: 123_456.0,
}


def exact(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def sketch_of(values: list[float]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("size", [1, 2, 37, 5_000])
def test_quantiles_are_within_their_error(name: str, size: int):
    rng = random.Random(size)
    values = [DISTRIBUTIONS[name](rng) for _ in range(size)]
    sketch = sketch_of(values)
    for share, found in zip(SHARES, sketch.quantiles(SHARES), strict=True):
        assert found == pytest.approx(exact(values, share), rel=ERROR * (1 + 1e-9))


VALUES = st.lists(st.floats(min_value=0, max_value=1e12), max_size=60)


@given(VALUES, st.randoms())
def test_merging_in_any_order_and_grouping_is_the_same_as_counting_all(values: list[float], rng: random.Random):
    parts = [Sketch() for _ in range(4)]
    for value in values:
        rng.choice(parts).add(value)
    rng.shuffle(parts)
    together = Sketch()
    for part in parts[:2]:
        together.merge(part)
    for part in parts[2:]:
        together.merge(Sketch.decode(part.encode()))
    whole = sketch_of(values)
    assert together == whole
    assert together.total == len(values)
    assert Sketch.decode(whole.encode()) == whole


@given(st.lists(VALUES, max_size=2 * FEW))
def test_many_in_bytes_are_merged_as_one_by_one(lists: list[list[float]]):
    sketches = [sketch_of(values) for values in lists]
    one_by_one = Sketch()
    for sketch in sketches:
        one_by_one.merge(sketch)
    together = merged([sketch.encode() for sketch in sketches])
    assert together == one_by_one
    assert together.total == one_by_one.total


@pytest.mark.parametrize("count", [1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**40])
@pytest.mark.parametrize("number", [1, FEW])
def test_counts_of_any_width_survive(count: int, number: int):
    sketch = Sketch()
    sketch.add(5, count)
    sketch.add(7)
    sketch.add(0, count)
    assert merged([sketch.encode()] * number).counts == {key: number * value for key, value in sketch.counts.items()}


@given(st.floats(min_value=1, max_value=1e15))
def test_every_value_is_within_the_error_of_what_stands_for_its_bucket(value: float):
    assert sketch_of([value]).quantile(0.5) == pytest.approx(value, rel=ERROR * (1 + 1e-9))


def test_zeros_count():
    sketch = sketch_of([0, 0, 0.5, -3, 100])
    assert sketch.quantiles((0.5, 1)) == [0, pytest.approx(100, rel=ERROR)]
    assert sketch.total == 5


def test_of_nothing_nothing_is_known():
    assert Sketch().quantiles((0.5, 0.99)) == [None, None]
    assert Sketch().share_above(5) is None
    assert Sketch.decode(Sketch().encode()) == Sketch()


@pytest.mark.parametrize("value", [nan, -inf, inf])
def test_what_is_no_finite_number_is_refused(value: float):
    sketch = Sketch()
    with pytest.raises(ValueError, match="no place"):
        sketch.add(value)
    assert sketch == Sketch()


def test_a_share_above_a_value_leaves_its_own_bucket_out():
    sketch = sketch_of([10.0] * 90 + [1000.0] * 10)
    assert sketch.share_above(10) == pytest.approx(0.1)
    assert sketch.share_above(999) == 0
    assert sketch.share_above(0) == 1


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x00" * 9, b"\x03" + bytes(13), b"\x01" + bytes(10), bytes(8)])
def test_what_is_no_sketch_is_refused(data: bytes):
    with pytest.raises(ValueError, match="bytes"):
        Sketch.decode(data)
    with pytest.raises(ValueError, match="bytes"):
        merged([data] * FEW)


def test_a_day_of_a_busy_model_takes_little():
    rng = random.Random(1)
    assert len(sketch_of([rng.lognormvariate(13.5, 0.8) for _ in range(20_000)]).encode()) < 1500
