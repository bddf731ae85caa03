"""References to the environment: `os.environ/NAME` there, `${NAME}` here. Secrets that are written out become one."""

from __future__ import annotations

import re
from typing import Any

from headgate.importing.report import Report

_PREFIX = "os.environ/"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class References:
    """What of a configuration comes from the environment."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.names: dict[str, None] = {}
        """Environment variables that what was made refers to, in their order."""

    def text(self, value: Any, place: str, area: str = "models") -> str | None:
        """A text, its reference translated."""
        if value is None:
            return None
        if not isinstance(value, str):
            value = str(value)
        if not value.startswith(_PREFIX):
            return value.replace("${", "$${")
        name = value.removeprefix(_PREFIX)
        if not _NAME.fullmatch(name):
            self._report.cannot(
                area, place, "is left out", why="it refers to no environment variable", do="write it by hand"
            )
            return None
        return self.variable(name)

    def secret(self, value: Any, place: str, name: str, area: str = "models") -> str | None:
        """A secret as a reference; one that is written out there is not written out here."""
        if not isinstance(value, str) or not value:
            return None
        if value.startswith(_PREFIX):
            return self.text(value, place, area)
        self._report.changes(
            area,
            place,
            f"becomes the environment variable {name}",
            why="it is written out in config.yaml, and a secret does not belong in a file others read",
            do=f"set {name} to what stands there",
        )
        return self.variable(name)

    def variable(self, name: str) -> str:
        """A reference to an environment variable."""
        self.names.setdefault(name)
        return f"${{{name}}}"
