"""References to the environment: `${NAME}` here. Secrets that are written out become one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from headgate.importing.report import Report

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_UNNAMED = re.compile(r"[^A-Za-z0-9]+")

_SECRET_NAME = re.compile(r"auth|key|token(?!s)|secret|passw|cookie|credential", re.IGNORECASE)
_SECRET = re.compile(
    r"(bearer|basic) |sk-|AIza|AKIA|(gsk|hf|fw|tgp)_|(csk|xai|pplx)-|xox[bp]-|gh[ps]_|eyJ", re.IGNORECASE
)

_NO_SECRET = frozenset({"none", "empty", "dummy", "fake", "fake-key", "na", "n/a", "not-needed", "anything", "ollama"})
"""What people write where a key has to be, and none is needed."""


class References:
    """What of a configuration comes from the environment."""

    def __init__(
        self, report: Report, reference: re.Pattern[str], file: str, tree: Any, meant: Iterable[str] = ()
    ) -> None:
        """`reference` is how one is written in `file`, which holds `tree`; its group that matches is the variable's
        name. `meant` are variables that calls elsewhere take their keys from though nothing says so.
        """
        self._report = report
        self._reference = reference
        self._file = file
        self.names: dict[str, None] = {}
        """Environment variables that what was made refers to, in their order."""
        self._written: dict[str, str] = {}
        """By a secret that is written out there, the variable it is to be in."""
        self._meant = {*meant} | {name for text in _texts(tree) if (name := self._named(text)) is not None}
        """Variables that hold something already: what is referred to by these names."""

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
        variable = self.kept(value, name)
        self._report.changes(
            area,
            place,
            f"becomes the environment variable {variable}",
            why=f"it is written out in {self._file}, and a secret does not belong in a file others read",
            do=f"set {variable} to what stands there",
        )
        return f"${{{variable}}}"

    def kept(self, value: str, name: str) -> str:
        """The variable that something is to be in which is not in the environment yet: one for each, called `name` or
        nearly so.
        """
        variable = self._written.get(value)
        if variable is None:
            variable, number = name, 2
            while variable in self.names or variable in self._meant:
                variable, number = f"{name}_{number}", number + 1
            self._written[value] = variable
        self.variable(variable)
        return variable

    def address(self, value: Any, place: str, name: str) -> str | None:
        """An address. One that says who calls, or with what key, is a secret, to be in a variable called `name`."""
        if isinstance(value, str) and self._named(value) is None and _tells(value):
            return self.secret(value, place, name)
        base = self.text(value, place)
        return base.rstrip("/") if base else None

    def settings(self, value: Any, place: str, name: str = "") -> Any:
        """A member that is passed on as it is, whatever it holds: what looks like a secret in it is not written out.
        `name` is what it is called.
        """
        if isinstance(value, dict):
            return {str(each): self.settings(inner, f"{place}.{each}", str(each)) for each, inner in value.items()}
        if isinstance(value, list):
            return [self.settings(each, place, name) for each in value]
        if not isinstance(value, str):
            return value
        if is_secret(name, value):
            return self.secret(value, place, variable_of(name, "SECRET")) or ""
        return self.text(value, place) or ""

    def variable(self, name: str) -> str:
        """A reference to an environment variable."""
        self.names.setdefault(name)
        return f"${{{name}}}"

    def _named(self, value: str) -> str | None:
        """The name a text refers to; None where it is no reference."""
        match = self._reference.fullmatch(value)
        return None if match is None else next((each for each in match.groups() if each is not None), "")


def escaped(text: str) -> str:
    """A text that means itself in `headgate.yaml`: what looks like a reference in it is none."""
    return text.replace("${", "$${")


def is_secret(name: str, value: Any) -> bool:
    """Whether a member is called or looks like a secret."""
    return isinstance(value, str) and bool(_SECRET_NAME.search(name) or _SECRET.match(value))


def variable_of(name: str, otherwise: str) -> str:
    """What to call the environment variable of something; `otherwise` where its name has nothing to call it by."""
    upper = _UNNAMED.sub("_", name).strip("_").upper()
    return f"_{upper}" if upper[:1].isdigit() else upper or otherwise


def _tells(address: str) -> bool:
    """Whether an address says who calls, or with what key: before its host, in a query, or as a part of its path."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return "@" in parts.netloc or "?" in address or any(_SECRET.match(each) for each in parts.path.split("/"))


def _texts(tree: Any) -> Iterator[str]:
    ahead = [tree]
    while ahead:
        value = ahead.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            ahead += value.values()
        elif isinstance(value, list):
            ahead += value
