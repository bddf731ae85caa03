"""References to the environment: `${NAME}` here. Secrets that are written out become one."""

from __future__ import annotations

import re
from typing import Any

from headgate.importing.report import Report

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_NO_SECRET = frozenset({"none", "empty", "dummy", "fake", "fake-key", "na", "n/a", "not-needed", "anything", "ollama"})
"""What people write where a key has to be, and none is needed."""


class References:
    """What of a configuration comes from the environment."""

    def __init__(self, report: Report, reference: re.Pattern[str], file: str) -> None:
        """`reference` is how one is written in `file`; its group that matches is the variable's name."""
        self._report = report
        self._reference = reference
        self._file = file
        self.names: dict[str, None] = {}
        """Environment variables that what was made refers to, in their order."""
        self._written: dict[str, str] = {}
        """By a secret that is written out there, the variable it is to be in."""

    def text(self, value: Any, place: str, area: str = "models") -> str | None:
        """A text, its reference translated."""
        if value is None:
            return None
        if not isinstance(value, str):
            value = str(value)
        name = self._named(value)
        if name is None:
            return escaped(value)
        if not _NAME.fullmatch(name):
            self._report.cannot(
                area, place, "is left out", why="it refers to no environment variable", do="write it by hand"
            )
            return None
        return self.variable(name)

    def secret(self, value: Any, place: str, name: str, area: str = "models") -> str | None:
        """A secret as a reference. One that is written out there is not written out here: it is to be in a variable
        called `name`, or, where another secret is called so, nearly so.
        """
        if not isinstance(value, str) or not value or value.lower() in _NO_SECRET:
            return None
        if self._named(value) is not None:
            return self.text(value, place, area)
        variable = self._written.get(value)
        if variable is None:
            variable, number = name, 2
            while variable in self.names:
                variable, number = f"{name}_{number}", number + 1
            self._written[value] = variable
        self._report.changes(
            area,
            place,
            f"becomes the environment variable {variable}",
            why=f"it is written out in {self._file}, and a secret does not belong in a file others read",
            do=f"set {variable} to what stands there",
        )
        return self.variable(variable)

    def variable(self, name: str) -> str:
        """A reference to an environment variable."""
        self.names.setdefault(name)
        return f"${{{name}}}"

    def _named(self, value: str) -> str | None:
        """The name a text refers to; None where it is no reference."""
        match = self._reference.fullmatch(value)
        return None if match is None else next((each for each in match.groups() if each is not None), "")


def escaped(tree: Any) -> Any:
    """Values from elsewhere as they are: what looks like a reference in them is none."""
    if isinstance(tree, str):
        return tree.replace("${", "$${")
    if isinstance(tree, dict):
        return {name: escaped(value) for name, value in tree.items()}
    return [escaped(each) for each in tree] if isinstance(tree, list) else tree
