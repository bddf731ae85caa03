"""How much of an answer is said in what it was given, by its words.

Each sentence is held against every stretch of about three sentences of the context, and has the best one's share of its
words; that of all words and that of words which carry meaning count half each. It knows no paraphrase and no negation:
what it finds is answers made of something else. `make quality` measures how well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from headgate.checks.words import prose_of, sentences_of, words_of

WINDOW = 80
"""Words of a stretch of context. Stretches overlap by half."""

MOST_CHARACTERS = 400_000
"""Of the context, from its beginning: about 100,000 tokens."""

MOST_OF_ANSWER = 20_000

_ENDINGS = ("ingly", "edly", "ings", "ing", "ied", "ies", "ed", "es", "ly", "s")

_LIGHT_WORDS = """\
a about after again all also am an and any are as at be been before being both but by can could did do does down
each few for from had has have he her here him his how i if in into is it its just know like may me might more most
must my no nor not now of off oh on only or other our out over own really s same shall she should so some such t
than that the their them then there these they think this those to too up us very was we well were what when where
which who whom whose why will with would yes you your"""
_LIGHT = frozenset(_LIGHT_WORDS.split())
"""English words that say little by themselves."""


def support(answer: str, context: str) -> float | None:
    """The share of an answer's words, from 0 to 1, that its context has; None where the answer has none."""
    index = _Index(stems(context[:MOST_CHARACTERS]))
    total, found = 0, 0.0
    for sentence in sentences_of(prose_of(answer[:MOST_OF_ANSWER])):
        words = words_of(sentence)
        if words:
            total += len(words)
            found += len(words) * index.share(words)
    return found / total if total else None


def stems(text: str) -> list[str]:
    """The words of a text without their endings."""
    return [_stem(word) for word in words_of(text)]


def _stem(word: str) -> str:
    word = word.lower().replace("’", "'").removesuffix("'s")
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


class _Index:
    """Which stretches of a context have a word."""

    def __init__(self, context: Sequence[str]) -> None:
        self._stretches: defaultdict[str, set[int]] = defaultdict(set)
        for start in range(0, max(1, len(context) - WINDOW // 2), WINDOW // 2):
            for word in context[start : start + WINDOW]:
                self._stretches[word].add(start)

    def share(self, words: Sequence[str]) -> float:
        """The share of a sentence's words in the stretch that has most of them."""
        whole = self._hits(map(_stem, words))
        heavy = [_stem(word) for word in words if word.lower() not in _LIGHT]
        if not whole:
            return 0.0
        if not heavy:
            return max(whole.values()) / len(words)
        carried = self._hits(heavy)
        return max(hits / len(words) + carried[start] / len(heavy) for start, hits in whole.items()) / 2

    def _hits(self, words: Iterable[str]) -> Counter[int]:
        hits = Counter[int]()
        for word in words:
            hits.update(self._stretches.get(word, ()))
        return hits
