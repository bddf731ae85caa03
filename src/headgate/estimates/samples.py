"""What calls are filled in with, and what they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.estimates.errors import BadEstimate

ANSWER = "answer"
"""The member of a sample that is its expected answer."""


class Sample(msgspec.Struct, frozen=True):
    """One call's input."""

    values: dict[str, Any]
    """By the name of its place."""
    answer: str | None = None
    """What is expected to come back; None where that is not known."""
    line: int = 1


def read_samples(text: str, answer: str = ANSWER) -> list[Sample]:
    """Samples of JSON lines, an object each. Its member `answer` is the expected answer.

    Raises:
        BadEstimate: a line is none, or there is no line.
    """
    found = list(_samples(text, answer))
    if not found:
        raise BadEstimate('there are no samples; write an object a line, {"question": "…"}')
    return found


def _samples(text: str, answer: str) -> Iterator[Sample]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise BadEstimate(f"line {number} is no JSON: {error}") from None
        except RecursionError:
            raise BadEstimate(f"line {number} is nested too deeply") from None
        if not isinstance(values, dict):
            raise BadEstimate(f"line {number} is no JSON object")
        expected = values.get(answer)
        if expected is not None and not isinstance(expected, str):
            expected = msgspec.json.encode(expected).decode()
        yield Sample(values, expected, number)
