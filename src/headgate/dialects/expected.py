"""What a request asks of its answer, and the words in which a wrong answer is sent back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.types import JSON


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The form a request wants its answer's text to have."""

    json: bool = False
    schema: JSON | None = None
    """The JSON Schema it has to fit; None for any JSON object, `{}` for any JSON at all."""
    calls: bool = False
    """Tools are offered: the answer may be a call of one, and what is said before it is free."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """The tools of a request that the client runs."""

    tools: Mapping[str, JSON | None] = {}
    """By name, the schema of its arguments; None where they are free text."""
    others: bool = False
    """There are tools besides, which the vendor defines: a call of an unknown name may be of one of those."""


NOTHING = Expected()
"""What nearly every request asks for. Callers tell it by identity."""

NO_TOOLS = Offered()

NO_PARAMETERS: JSON = {"type": "object"}
"""The schema of a function without one."""


def member(value: Any, name: str) -> JSON | None:
    """The object that is a member of `value`; None where there is none, or `value` is no object itself."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else None


def objects(value: Any) -> list[JSON]:
    """The objects of a list; what is wrong about it is for the vendor to say."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def complaint(problems: Sequence[str]) -> str:
    """What the model is told of its answer."""
    return (
        f"Your last answer is not what was asked for:\n{_listed(problems)}\n"
        "Answer again, with the corrected output only: no apology, no explanation, no code fence."
    )


def call_complaint(problems: Sequence[str]) -> str:
    """What it is told of its calls, in place of each one's result."""
    return (
        f"Error: no tool was run, because a call is not as it has to be:\n{_listed(problems)}\n"
        "Make all calls of your last turn again, corrected."
    )


def _listed(problems: Sequence[str]) -> str:
    return "\n".join(f"- {problem}" for problem in problems)
