"""How alike vectors and rankings are."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.dialects.hub import Embeddings, Ranked, Ranking
from headgate.shadow.likeness import MOST_RANKED, Order, Vectors, agreement, least_cosine, order_of, vectors_of


def vectors(*rows: tuple[float, ...]) -> Vectors:
    return vectors_of(Embeddings(model="m", vectors=rows))


def order(*documents: int) -> Order:
    """The documents by falling score."""
    return order_of(Ranking(id="r", results=tuple(Ranked(each, 1 / (at + 1)) for at, each in enumerate(documents))))


@pytest.mark.parametrize(
    ("one", "other", "cosine"),
    [
        ((1.0, 0.0), (3.0, 0.0), 1.0),
        ((1.0, 0.0), (0.0, 2.0), 0.0),
        ((1.0, 0.0), (-1.0, 0.0), -1.0),
        ((3.0, 4.0), (4.0, 3.0), 0.96),
    ],
)
def test_a_cosine_is_that_of_the_angle_whatever_the_length(
    one: tuple[float, ...], other: tuple[float, ...], cosine: float
):
    assert least_cosine(vectors(one), vectors(other)) == pytest.approx(cosine)


def test_the_worst_of_several_vectors_counts():
    assert least_cosine(vectors((1.0, 0.0), (3.0, 4.0)), vectors((1.0, 0.0), (4.0, 3.0))) == pytest.approx(0.96)


@pytest.mark.parametrize(
    "other", [vectors((1.0, 0.0, 0.0)), vectors((0.0, 0.0)), vectors(), vectors((1.0, 0.0), (1.0, 0.0)), vectors((1e300, 1e300)), Vectors((array("d", [float("nan")] * 2),))]
)  # fmt: skip
def test_what_has_no_angle_is_not_compared(other: Vectors):
    assert least_cosine(vectors((1.0, 1.0)), other) is None


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (order(0, 1, 2, 3, 4), order(0, 1, 2, 3, 4), 1.0),
        (order(0, 1, 2, 3, 4), order(4, 3, 2, 1, 0), 0.0),
        (order(0, 1, 2, 3, 4), order(1, 0, 3, 2, 4), 0.8),  # Kendall's tau is 0.6
        (order(0), order(0), 1.0),
        (order(0), order(1), 0.0),  # each puts its own before the other's
        (order(0, 1), order(0, 2), 2 / 3),  # 0 before 1 and before 2 in both; 1 and 2 the other way round
        (order(), order(), 1.0),
    ],
)
def test_an_agreement_is_the_share_of_pairs_in_the_same_order(one: Order, other: Order, share: float):
    assert agreement(one, other) == pytest.approx(share)


def test_equal_scores_are_no_order():
    tied = Order(((0, 0.5), (1, 0.5), (2, 0.1)))
    assert agreement(tied, order(1, 0, 2)) == agreement(tied, order(0, 1, 2)) == 1.0
    assert agreement(tied, Order(((0, 0.3), (1, 0.3), (2, 0.3)))) == 1.0


def test_of_long_rankings_the_beginning_is_compared():
    assert len(order(*range(1000)).places) == MOST_RANKED


@given(st.permutations(range(6)), st.permutations(range(6)), st.integers(1, 6))
def test_an_agreement_is_a_share_and_the_same_from_either_side(one: list[int], other: list[int], top: int):
    found = agreement(order(*one[:top]), order(*other[:top]))
    assert 0 <= found <= 1
    assert found == agreement(order(*other[:top]), order(*one[:top]))
