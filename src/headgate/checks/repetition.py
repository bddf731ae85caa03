"""Whether a text says the same over and over."""

from __future__ import annotations

from collections import Counter

from headgate.checks.words import prose_of, words_of

RUN = 8
"""Words that follow each other, which are looked for again."""

TIMES = 4
"""How often such a run has to be there."""

SHARE = 0.25
"""The share of a text's runs that are there so often, from which on it repeats itself."""

FEWEST = 40
"""Words below which a text repeats nothing."""

MOST_CHARACTERS = 100_000
"""Of a text, from its beginning."""


def repeats(text: str) -> bool:
    """Whether a large part of a text's prose is the same few runs of words, wherever they stand. Code and JSON may
    repeat themselves.
    """
    prose = prose_of(text[:MOST_CHARACTERS])
    if prose.lstrip()[:1] in ("{", "["):
        return False
    words = [word.lower() for word in words_of(prose)]
    if len(words) < FEWEST:
        return False
    runs = Counter(tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))
    often = sum(number for number in runs.values() if number >= TIMES)
    return often >= SHARE * runs.total()
