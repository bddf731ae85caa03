"""What is wrong with test files, all at once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where something stands."""

    file: str
    line: int = 1
    column: int = 1


class Problem(msgspec.Struct, frozen=True):
    """One mistake."""

    place: Place
    message: str
    """What is wrong, and what to write."""

    def told(self) -> str:
        """`file:line:column: what is wrong, what to write`."""
        return f"{self.place.file}:{self.place.line}:{self.place.column}: {self.message}"


class BadTests(Exception):
    """Test files cannot be used. `problems` are all there are, in the files' order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(each.told() for each in problems))
        self.problems = list(problems)


class CannotEvaluate(Exception):
    """A run, or a comparison of runs, cannot be made; the message says why, and what to do."""
