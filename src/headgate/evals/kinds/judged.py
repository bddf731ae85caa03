"""What another model says of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.evals import judges
from headgate.evals.kinds.kind import Kind, a_text
from headgate.evals.marks import Look, Told, text_of

READS_FIRST = "the judge prefers whichever it reads first"
READS_LAST = "the judge prefers whichever it reads last"

_OPTIONS = frozenset({"judge"})


async def _rubric(look: Look) -> Told:
    return await judges.marked(look, judges.RUBRIC.format(rubric=look.value), {})


async def _factuality(look: Look) -> Told:
    return await judges.marked(look, judges.FACTUALITY, {"reference": look.value})


async def _relevance(look: Look) -> Told:
    return await judges.marked(look, judges.RELEVANCE, {})


async def _faithfulness(look: Look) -> Told:
    """To a text that is named: by an input's name, or as it is; else to all the model was given."""
    named = look.value
    given = look.case.inputs.get(named) if isinstance(named, str) and named in look.case.inputs else named
    if given is None or given is True:
        given = "\n".join(text_of(each) for each in look.request.get("messages", ()))
    return await judges.marked(look, judges.FAITHFULNESS, {"source": given if isinstance(given, str) else repr(given)})


async def _pairwise(look: Look) -> Told:
    """Against another answer, asked in both orders: a judge that prefers what it reads first takes nobody's side."""
    if not look.answer.text.strip():
        return Told(0.0, "the answer is empty")
    first = await judges.preferred(look, look.answer.text, look.value)
    second = await judges.preferred(look, look.value, look.answer.text)
    score = (_POINTS[first] + 1 - _POINTS[second]) / 2
    if first == second != "tie":
        return Told(score, READS_FIRST if first == "A" else READS_LAST)
    return Told(score, {0.0: "the other one is better", 1.0: "it is better"}.get(score, "neither is clearly better"))


_POINTS = {"A": 1.0, "tie": 0.5, "B": 0.0}


def _optional(value: Any) -> str | None:
    return None if value is None or value is True or a_text(value) is None else "takes a text, or an input's name"


def _nothing_or_text(value: Any) -> str | None:
    return None if value is None or value is True else "takes no value: the question is the user's last message"


KINDS: Mapping[str, Kind] = {
    "rubric": Kind(a_text, _rubric, threshold=0.75, options=_OPTIONS, judges=True),
    "factuality": Kind(a_text, _factuality, threshold=0.75, options=_OPTIONS, judges=True),
    "relevance": Kind(_nothing_or_text, _relevance, threshold=0.75, options=_OPTIONS, judges=True),
    "faithfulness": Kind(_optional, _faithfulness, threshold=0.75, options=_OPTIONS, judges=True),
    "pairwise": Kind(a_text, _pairwise, threshold=0.5, options=_OPTIONS, judges=True),
}
"""A mark of 1 to 5 is a score of 0 to 1: 4 passes. `pairwise`: 1 better, 0.5 a tie, 0 worse."""
