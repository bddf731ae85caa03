"""Whether it answers at all, in which language, and from what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.checks.grounding import support
from headgate.checks.languages import KNOWN, language_of
from headgate.checks.refusals import is_unable, refuses
from headgate.checks.repetition import repeats
from headgate.evals.kinds.kind import Kind, a_text, holds, nothing
from headgate.evals.marks import CannotTell, Look, Told


def _is_refusal(look: Look) -> Told:
    answer = look.answer
    if not answer.text.strip() and not answer.tool_calls:
        return holds(True, "it says nothing")
    told = answer.refused or answer.stop in ("refusal", "content_filter")
    refused = told or refuses(answer.text) or is_unable(answer.text)
    return holds(refused, "it refuses" if refused else "it answers")


def _language(look: Look) -> Told:
    found = language_of(look.answer.text)
    if found is None:
        raise CannotTell("the answer is too short, or of too mixed words, to tell its language")
    return holds(found == look.value, f"it is {found}")


def _fits_language(value: Any) -> str | None:
    if isinstance(value, str) and value in KNOWN:
        return None
    return f"takes a language that can be told: {', '.join(sorted(KNOWN))}"


def _grounded(look: Look) -> Told:
    """The share of its words that are in a text it was given."""
    score = support(look.answer.text, look.value)
    if score is None:
        raise CannotTell("the answer has no words")
    return Told(score, f"{score:.0%} of its words are in what it was given")


def _repeats(look: Look) -> Told:
    again = repeats(look.answer.text)
    return holds(again, "it says the same over and over" if again else "it does not repeat itself")


KINDS: Mapping[str, Kind] = {
    "is-refusal": Kind(nothing, _is_refusal),
    "language": Kind(_fits_language, _language),
    "grounded": Kind(a_text, _grounded, threshold=0.7),
    "repeats": Kind(nothing, _repeats),
}
