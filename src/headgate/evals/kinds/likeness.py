"""How much an answer is like a reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.checks.likeness import bleu, cosine, edits_apart, rouge, rouge_l
from headgate.evals.kinds.kind import Kind, a_text
from headgate.evals.marks import CannotTell, Look, Told


def _levenshtein(look: Look) -> Told:
    return _told(edits_apart(look.answer.text, look.value))


def _rouge_n(look: Look) -> Told:
    length: Any = look.options.get("n", 1)
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= 9:
        raise CannotTell(f"n is a number of words from 1 to 9, not {length!r}")
    return _told(rouge(look.answer.text, look.value, length))


def _rouge_l(look: Look) -> Told:
    return _told(rouge_l(look.answer.text, look.value))


def _bleu(look: Look) -> Told:
    return _told(bleu(look.answer.text, look.value))


async def _similar(look: Look) -> Told:
    """By the vectors a model makes of both."""
    model = look.options.get("model")
    if not model:
        raise CannotTell("no model for embeddings is named; write 'embeddings: model' in the test file")
    if not look.answer.text.strip():
        return Told(0.0, "the answer is empty")
    vectors, cost = await look.models.embed(model, [look.answer.text, look.value])
    look.cost_picodollars += cost
    return _told(max(0.0, cosine(*vectors)))


def _told(score: float) -> Told:
    return Told(score, f"{score:.2f} alike")


KINDS: Mapping[str, Kind] = {
    "levenshtein": Kind(a_text, _levenshtein, threshold=0.8),
    "rouge-n": Kind(a_text, _rouge_n, threshold=0.75, options=frozenset({"n"})),
    "rouge-l": Kind(a_text, _rouge_l, threshold=0.75),
    "bleu": Kind(a_text, _bleu, threshold=0.5),
    "similar": Kind(a_text, _similar, threshold=0.75, options=frozenset({"model"})),
}
