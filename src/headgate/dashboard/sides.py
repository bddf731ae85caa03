"""Two texts beside each other, line by line, with the words marked that are other ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

BUDGET = 250_000
"""Pairs of words that are looked at; lines beyond that are marked whole. A fifth of a second's work at the worst."""

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Line(NamedTuple):
    """One line of one text."""

    number: int
    """From 1 on."""
    parts: Sequence[tuple[str, bool]]
    """Its text in pieces, and of each whether the other text has it otherwise."""


class Row(NamedTuple):
    """What stands beside each other; None where one has no such line."""

    before: Line | None
    after: Line | None
    changed: bool = False
    gap: bool = False
    """Whether lines were left out before it."""


def rows(diff: Sequence[str]) -> Sequence[Row]:
    """The lines of a unified diff (as `difflib.unified_diff` makes them, without its head) beside each other."""
    return list(_rows(diff))


def _rows(diff: Sequence[str]) -> Iterator[Row]:
    old = new = 1
    budget = BUDGET
    gone: list[str] = []
    come: list[str] = []
    gap = False
    for line in [*diff, "@"]:
        kind, text = line[:1], line[1:]
        if kind == "-":
            gone.append(text)
            continue
        if kind == "+":
            come.append(text)
            continue
        for was, now in zip_longest(gone, come):
            one, two = _WORDS.findall(was or ""), _WORDS.findall(now or "")
            budget -= len(one) * len(two)
            if was is None or now is None or budget < 0:
                before, after = [(was or "", False)], [(now or "", False)]
            else:
                before, after = _marked(one, two)
            yield Row(
                None if was is None else Line(old, before),
                None if now is None else Line(new, after),
                changed=True,
                gap=gap,
            )
            old, new, gap = old + (was is not None), new + (now is not None), False
        gone, come = [], []
        if kind == "@":
            if hunk := _HUNK.match(line):
                gap = int(hunk[1]) > 1 or int(hunk[2]) > 1
                old, new = max(1, int(hunk[1])), max(1, int(hunk[2]))
            continue
        yield Row(Line(old, [(text, False)]), Line(new, [(text, False)]), gap=gap)
        old, new, gap = old + 1, new + 1, False


def _marked(before: Sequence[str], after: Sequence[str]) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """The words of two lines in pieces, and of each whether the other line has it otherwise."""
    one: list[tuple[str, bool]] = []
    two: list[tuple[str, bool]] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        one.append(("".join(before[a:b]), kind != "equal"))
        two.append(("".join(after[c:d]), kind != "equal"))
    return [each for each in one if each[0]], [each for each in two if each[0]]
