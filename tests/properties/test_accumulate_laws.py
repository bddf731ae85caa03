"""Chunks joined equal the whole, for any answer and any size of chunk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headgate.dialects.accumulate import Accumulator, exploded
from headgate.dialects.hub import Answer
from hub_strategies import answers


@given(answers, st.integers(1, 20))
def test_an_answer_in_pieces_joined_again_is_the_answer(answer: Answer, size: int) -> None:
    accumulator = Accumulator()
    for event in exploded(answer, size):
        accumulator.feed(event)
    assert accumulator.ended
    assert accumulator.failure is None
    assert accumulator.answer() == answer


@given(answers, st.integers(1, 20))
def test_looking_at_what_has_come_so_far_does_not_change_the_end(answer: Answer, size: int) -> None:
    accumulator = Accumulator()
    for event in exploded(answer, size):
        accumulator.feed(event)
        accumulator.answer()
    assert accumulator.answer() == answer
