"""How alike two answers are that are numbers: vectors by the angle between them, rankings by their order."""

from __future__ import annotations

from array import array
from itertools import combinations
from math import isfinite, sqrt
from operator import mul

import msgspec

from headgate.dialects.hub import Embeddings, Ranking

FITS = 0.99
"""Least cosine of two vectors that can stand in one index: those of one model differ by less from one time to the next,
those of two models have nothing to do with each other.
"""

ORDERED = 0.9
"""Least agreement of two rankings that are the same to whoever takes the first few of either."""

MOST_RANKED = 100
"""Documents of which every two are compared, from the first on: what comes later is hardly ever read."""


class Vectors(msgspec.Struct, frozen=True):
    """What an answer to a request for embeddings has in it, in the order of the inputs."""

    rows: tuple[array[float], ...]


class Order(msgspec.Struct, frozen=True):
    """A ranking: documents as their place in the request, the best first, with their scores."""

    places: tuple[tuple[int, float], ...]


def vectors_of(answer: Embeddings) -> Vectors:
    return Vectors(tuple(array("d", each) for each in answer.vectors))


def order_of(answer: Ranking) -> Order:
    return Order(tuple((each.index, each.score) for each in answer.results[:MOST_RANKED]))


def least_cosine(one: Vectors, other: Vectors) -> float | None:
    """The cosine of the two vectors that fit each other least; None where they cannot be compared: there are not as
    many, they have not as many dimensions, or one has no direction.
    """
    if len(one.rows) != len(other.rows) or not one.rows:
        return None
    least = 1.0
    for row, beside in zip(one.rows, other.rows, strict=True):
        cosine = _cosine(row, beside)
        if cosine is None:
            return None
        least = min(least, cosine)
    return least


def _cosine(one: array[float], other: array[float]) -> float | None:
    if len(one) != len(other):
        return None
    lengths = sqrt(_product(one, one)) * sqrt(_product(other, other))
    if not lengths or not isfinite(lengths):
        return None
    return _product(one, other) / lengths


def _product(one: array[float], other: array[float]) -> float:
    return sum(map(mul, one, other))


def agreement(one: Order, other: Order) -> float:
    """The share of the pairs of documents that both rankings put in the same order: 1 for the same order, 0 for the
    reverse of it. (1 + τ) / 2, with Kendall's τ for rankings that may be cut off (R. Fagin, R. Kumar and D. Sivakumar,
    "Comparing top k lists", SIAM Journal on Discrete Mathematics 17 (2003), with p = 0): a document that is not listed
    comes after all that are. Pairs that one of the two does not order are not counted: of equal scores, or both not
    listed. Where there are none left, nothing differs: 1.
    """
    first, second = dict(one.places), dict(other.places)
    alike = counted = 0
    for document, another in combinations(first.keys() | second.keys(), 2):
        signs = _sign(first, document, another) * _sign(second, document, another)
        alike += signs > 0
        counted += signs != 0
    return alike / counted if counted else 1.0


def _sign(scores: dict[int, float], one: int, other: int) -> int:
    """1 where the first stands before the other, -1 where after it, 0 where neither."""
    mine, others = scores.get(one), scores.get(other)
    if mine is None or others is None:
        return (mine is not None) - (others is not None)
    return (mine > others) - (mine < others)
