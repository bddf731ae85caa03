"""References to the environment: `os.environ/NAME` there, `${NAME}` here. Secrets that are written out become one."""

from __future__ import annotations

import re
from typing import Any

from headgate.importing.report import Report

_PREFIX = "os.environ/"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_UNNAMED = re.compile(r"[^A-Za-z0-9]+")

_SECRET_NAME = re.compile(r"auth|key|token|secret|passw|cookie|credential", re.IGNORECASE)
_SECRET = re.compile(r"(bearer|basic) |sk-|xox[bp]-|gh[ps]_|eyJ", re.IGNORECASE)

_NO_SECRET = frozenset({"none", "empty", "dummy", "fake", "fake-key", "na", "n/a", "not-needed", "anything", "ollama"})
"""What people write where a key has to be, and none is needed."""


def literal(text: str) -> str:
    """A text that means itself in `headgate.yaml`."""
    return text.replace("${", "$${")


def is_secret(name: str, value: Any) -> bool:
    """Whether a member is called or looks like a secret."""
    return isinstance(value, str) and bool(_SECRET_NAME.search(name) or _SECRET.match(value))


class References:
    """What of a configuration comes from the environment."""

    def __init__(self, report: Report) -> None:
        self._report = report
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
        if not value.startswith(_PREFIX):
            return literal(value)
        name = value.removeprefix(_PREFIX)
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
        if value.startswith(_PREFIX):
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
            why="it is written out in config.yaml, and a secret does not belong in a file others read",
            do=f"set {variable} to what stands there",
        )
        return self.variable(variable)

    def settings(self, value: Any, place: str, name: str) -> Any:
        """A member that is passed on as it is, whatever it holds: what looks like a secret in it is not written out.
        `name` is what it is called.
        """
        if isinstance(value, dict):
            return {each: self.settings(inner, f"{place}.{each}", str(each)) for each, inner in value.items()}
        if isinstance(value, list):
            return [self.settings(each, place, name) for each in value]
        if not isinstance(value, str):
            return value
        if is_secret(name, value):
            return self.secret(value, place, _UNNAMED.sub("_", name).strip("_").upper() or "SECRET") or ""
        return self.text(value, place) or ""

    def variable(self, name: str) -> str:
        """A reference to an environment variable."""
        self.names.setdefault(name)
        return f"${{{name}}}"
