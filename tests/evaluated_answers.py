"""Answers, cases and models that say what they are told, for tests of evaluations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from headgate.evals.answer import Answer, ToolCalled
from headgate.evals.case import Case, Suite
from headgate.evals.grading import Grade, graded
from headgate.evals.problems import BadTests
from headgate.evals.reading import read
from headgate.types import JSON


class Said:
    """Models that answer as a function of the request's body says."""

    def __init__(self, say: Callable[[JSON], str | Answer] = lambda body: "{}") -> None:
        self._say = say
        self.asked: list[JSON] = []

    async def chat(self, body: JSON, repeat: int, version: str = "", cause: str = "primary") -> Answer:
        self.asked.append(body)
        found = self._say(body)
        return found if isinstance(found, Answer) else Answer(text=found, cost_picodollars=5)

    async def embed(self, model: str, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        return [[float(text.count(letter)) for letter in "abcdefgh"] for text in texts], 7

    def names(self, model: str) -> bool:
        return True


def problems_in(tmp_path: Path, text: str, name: str = "x.test.yaml") -> list[str]:
    """What is wrong with a test file of that text, as it is told."""
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(BadTests) as raised:
        read([file])
    return [each.told().removeprefix(f"{tmp_path}/") for each in raised.value.problems]


def suite_of(tmp_path: Path, tests: str, name: str = "x") -> Suite:
    """The suite in a test file of that text."""
    file = tmp_path / f"{name}.test.yaml"
    file.write_text(tests)
    return read([file])[0]


async def grade_of(
    assertions: str,
    answer: Answer | str,
    tmp_path: Path,
    *,
    models: Said | None = None,
    file: str = "",
    request: JSON | None = None,
) -> Grade:
    """What comes of an answer. `assertions` are YAML in one line: `[contains: Paris]`."""
    suite = suite_of(tmp_path, f"model: chat\n{file}\ntests:\n  - messages: Where is it?\n    assert: {assertions}\n")
    case: Case = suite.cases[0]
    body = request or {"model": "chat", "messages": list(case.messages)}
    said = Answer(text=answer) if isinstance(answer, str) else answer
    return await graded(said, case, suite, models or Said(), body, str(tmp_path))


def called(*calls: tuple[str, str]) -> Answer:
    """An answer that calls tools."""
    return Answer(tool_calls=tuple(ToolCalled(name, arguments) for name, arguments in calls), stop="tool_calls")
