"""What is found of an assertion, and what assertions look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from headgate.evals.answer import Answer
from headgate.evals.case import Case
from headgate.types import JSON

MOST_REASON = 400
"""Characters of a reason."""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of one assertion."""

    kind: str
    """With `not-` before it where it is negated."""
    passed: bool = False
    score: float = 0.0
    """From 0 to 1."""
    weight: float = 1.0
    metric: str | None = None
    reason: str = ""
    error: str = ""
    """Why it could not be told; then it has neither passed nor failed."""
    line: int = 1
    """In the test file."""
    cost_picodollars: int = 0
    """What asking a judge cost."""
    members: tuple[Mark, ...] = ()
    """Of a set; their costs are in its own."""


class Told(NamedTuple):
    """What a kind says of an answer, before thresholds and negation."""

    score: float
    """1 for what holds, 0 for what does not, and between for kinds with a threshold."""
    reason: str = ""


class CannotTell(Exception):
    """An assertion could not be looked at: a judge's answer could not be read, a function raised. Not a failed test."""


class Models(Protocol):
    """Models that can be asked: by those who judge, and for embeddings."""

    async def chat(self, body: JSON, repeat: int, version: str = "", cause: str = "primary") -> Answer:
        """Ask a model, or what it said when it was asked the same for the same repeat.

        Raises:
            HeadgateError: there is no answer.
        """
        ...

    async def embed(self, model: str, texts: Sequence[str]) -> tuple[Sequence[Sequence[float]], int]:
        """Vectors of texts, and what they cost in picodollars.

        Raises:
            HeadgateError: there are none.
        """
        ...

    def names(self, model: str) -> bool:
        """Whether there is such a model."""
        ...


class Look:
    """One answer being looked at for one assertion. What that costs is added to `cost_picodollars`."""

    def __init__(
        self,
        answer: Answer,
        case: Case,
        value: Any,
        options: Mapping[str, Any],
        models: Models,
        request: JSON,
        folder: str,
    ) -> None:
        self.answer = answer
        self.case = case
        self.value = value
        self.options = options
        self.models = models
        self.request = request
        """The body the answer is one to."""
        self.folder = folder
        """Of the test file."""
        self.cost_picodollars = 0


def text_of(message: JSON) -> str:
    """The text of a message of OpenAI's dialect."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or () if isinstance(part, dict))


def shortened(text: str, most: int = 80) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
