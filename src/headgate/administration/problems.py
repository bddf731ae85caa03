"""What is wrong with an administrative request, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from headgate.errors import HeadgateError

Path = tuple[str | int, ...]
"""Where a value stands in a request: `("limits", 0, "requests")`."""

Code = Literal["required", "unknown_field", "wrong_type", "out_of_range", "invalid_value", "not_found"]


class Problem(msgspec.Struct, frozen=True):
    """One mistake. `message` says what is wrong and what to write, and never repeats a secret."""

    param: str
    """The field as the client would write it: `limits[0].requests`."""
    code: Code
    message: str


class Invalid(HeadgateError):
    """The request is well-formed, and what it says cannot be done. Tells every problem at once."""

    status = 422
    code = "invalid_input"
    safe = True

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" ({len(problems) - 1} more under 'errors')" if len(problems) > 1 else ""
        super().__init__(f"{first.message}{more}", param=first.param)
        self.problems = list(problems)


def problem(path: Path, code: Code, what: str) -> Problem:
    """A problem of the value at `path`; `what` goes on from its name: `must be …`."""
    name = written(path)
    return Problem(name, code, f"{name or 'The body'} {what}.")


def invalid(path: Path | str, what: str, code: Code = "invalid_value") -> Invalid:
    """One problem as an error."""
    return Invalid([problem((path,) if isinstance(path, str) else path, code, what)])


def written(path: Path) -> str:
    """A path as a person would write it: `limits[0].requests`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{_plain(step)}" if text else _plain(step)
    return text


def shown(value: object) -> str:
    """A value of a request as an error may repeat it: short, and without control characters."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f"'{_plain(value)}'"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return _plain(str(value))


_SHOWN_CHARACTERS = 80


def _plain(text: str) -> str:
    text = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return "".join(character if character.isprintable() else "�" for character in text)
