"""Two texts beside each other."""

from __future__ import annotations

import time
from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.dashboard.sides import Line, rows

LINES = st.lists(st.text(alphabet="ab @+-\t", max_size=6), max_size=12)


def diff(before: list[str], after: list[str], context: int = 2) -> list[str]:
    return list(unified_diff(before, after, lineterm="", n=context))[2:]


def text(line: Line) -> str:
    return "".join(part for part, _ in line.parts)


@given(LINES, LINES)
def test_both_texts_are_there_whole_and_each_line_under_its_number(before: list[str], after: list[str]):
    found = rows(diff(before, after, context=99))
    for side, lines in (("before", before), ("after", after)):
        shown = [line for row in found if (line := getattr(row, side)) is not None]
        if before == after:
            assert shown == []
        else:
            assert [text(line) for line in shown] == lines
            assert [line.number for line in shown] == list(range(1, len(lines) + 1))
    for row in found:
        if not row.changed:
            assert row.before is not None
            assert row.after is not None
            assert text(row.before) == text(row.after)


@given(LINES, LINES)
def test_what_is_left_out_keeps_the_numbers_right(before: list[str], after: list[str]):
    for row in rows(diff(before, after, context=0)):
        for line, lines in ((row.before, before), (row.after, after)):
            assert line is None or lines[line.number - 1] == text(line)


def test_words_that_are_other_ones_are_marked():
    [row] = rows(diff(["Answer with one team."], ["Answer with one queue, please."]))
    assert row.before is not None
    assert row.after is not None
    assert [part for part, other in row.before.parts if other] == ["team"]
    assert [part for part, other in row.after.parts if other] == ["queue, please"]


def test_a_gap_is_told_before_lines_that_do_not_follow():
    before = [str(number) for number in range(40)]
    after = [*before[:10], "x", *before[11:30], "y", *before[31:]]
    found = rows(diff(before, after))
    assert [row.gap for row in found] == [number in (0, 5) for number in range(10)]


@pytest.mark.parametrize("words", [20_000, 300])
def test_long_lines_take_no_longer(words: int):
    before = [" ".join("a" if (word * each) % 7 else "b" for word in range(words)) for each in range(1, 40)]
    after = [" ".join("a" if (word * each) % 5 else "c" for word in range(words)) for each in range(1, 40)]
    began = time.perf_counter()
    found = rows([*(f"-{line}" for line in before), *(f"+{line}" for line in after)])
    assert time.perf_counter() - began < 2
    assert [text(row.after) for row in found if row.after is not None] == after
