"""The kinds of assertions: one row each, which says what values it takes and how it looks at an answer."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.evals.kinds import figures, judged, languages, likeness, own, structured, texts, tools
from headgate.evals.kinds.elsewhere import ELSEWHERE
from headgate.evals.kinds.kind import Kind

KINDS: Mapping[str, Kind] = {
    **texts.KINDS,
    **structured.KINDS,
    **tools.KINDS,
    **figures.KINDS,
    **likeness.KINDS,
    **languages.KINDS,
    **own.KINDS,
    **judged.KINDS,
}

ALIASES: Mapping[str, str] = {
    "llm-rubric": "rubric",
    "g-eval": "rubric",
    "model-graded-closedqa": "rubric",
    "answer-relevance": "relevance",
    "context-faithfulness": "faithfulness",
    "rouge": "rouge-n",
    "refusal": "is-refusal",
    "is-valid-function-call": "is-valid-tool-call",
    "is-valid-openai-tools-call": "is-valid-tool-call",
    "is-valid-openai-function-call": "is-valid-tool-call",
}
"""What others call them."""

__all__ = ["ALIASES", "ELSEWHERE", "KINDS", "Kind"]
