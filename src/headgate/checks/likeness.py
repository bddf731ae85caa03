"""How much a text is like another, from 0 to 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, log, sqrt

from headgate.checks.words import words_of

MOST_CHARACTERS = 20_000
"""Of each text that are compared, from its beginning: the edit distance of two such texts takes seconds otherwise."""


def edits_apart(one: str, other: str) -> float:
    """1 less the edit distance (V. Levenshtein, "Binary codes capable of correcting deletions, insertions, and
    reversals", Soviet Physics Doklady 10 (1966)) in lengths of the longer text. Takes time by the product of lengths.
    """
    one, other = one[:MOST_CHARACTERS], other[:MOST_CHARACTERS]
    longest = max(len(one), len(other))
    return 1 - _distance(one, other) / longest if longest else 1.0


def _distance(one: str, other: str) -> int:
    """With all cells of a column in the bits of one number (G. Myers, "A fast bit-vector algorithm for approximate
    string matching", Journal of the ACM 46 (1999); H. Hyyrö's version for whole strings, 2003).
    """
    if not one or not other:
        return len(one) + len(other)
    places: dict[str, int] = {}
    for at, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << at
    full, last = (1 << len(one)) - 1, 1 << len(one) - 1
    up, down, distance = full, 0, len(one)
    for character in other:
        matches = places.get(character, 0)
        diagonal = ((matches & up) + up ^ up) | matches | down
        rising, falling = down | ~(diagonal | up) & full, up & diagonal
        distance += bool(rising & last) - bool(falling & last)
        rising, falling = rising << 1 | 1, falling << 1
        up, down = (falling | ~(diagonal | rising)) & full, rising & diagonal & full
    return distance


def rouge(answer: str, reference: str, length: int = 1) -> float:
    """ROUGE-N: the F1 of runs of so many words (C.-Y. Lin, "ROUGE: A Package for Automatic Evaluation of Summaries",
    2004), without regard to case.
    """
    found, wanted = _runs(_lower(answer), length), _runs(_lower(reference), length)
    return _f1((found & wanted).total(), found.total(), wanted.total())


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L: the F1 of the longest common subsequence of words."""
    found, wanted = _lower(answer), _lower(reference)
    return _f1(_longest_common(found, wanted), len(found), len(wanted))


def bleu(answer: str, reference: str, longest: int = 4) -> float:
    """BLEU (K. Papineni, S. Roukos, T. Ward, W.-J. Zhu, "BLEU: a method for automatic evaluation of machine
    translation", ACL 2002), of one sentence, with one added to the counts of runs of two words and more (C.-Y. Lin and
    F. Och, "ORANGE", COLING 2004): a short answer is not 0 for want of a run of four.
    """
    found, wanted = _lower(answer), _lower(reference)
    if not found or not wanted:
        return float(found == wanted)
    total = 0.0
    for length in range(1, longest + 1):
        ours, theirs = _runs(found, length), _runs(wanted, length)
        more = int(length > 1)
        same = (ours & theirs).total() + more
        if not same:
            return 0.0
        total += log(same / (ours.total() + more)) / longest
    return min(1.0, exp(1 - len(wanted) / len(found))) * exp(total)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors, from -1 to 1; 0 where one has no direction."""
    lengths = sqrt(sum(each * each for each in one)) * sqrt(sum(each * each for each in other))
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0


def f1_of_bags(found: Sequence[str], wanted: Sequence[str]) -> float:
    """The F1 of what was found against what was wanted, each as often as it stands there; 1 where both are empty."""
    if not found and not wanted:
        return 1.0
    return _f1((Counter(found) & Counter(wanted)).total(), len(found), len(wanted))


def _lower(text: str) -> list[str]:
    return [word.lower() for word in words_of(text[:MOST_CHARACTERS])]


def _runs(words: Sequence[str], length: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + length]) for at in range(len(words) - length + 1))


def _f1(same: int, found: int, wanted: int) -> float:
    return 2 * same / (found + wanted) if found and wanted else float(found == wanted)


def _longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """By bits too (H. Hyyrö, "Bit-parallel LCS-length computation revisited", 2004)."""
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        same = row & places.get(word, 0)
        row = (row + same | row - same) & full
    return len(one) - row.bit_count()
