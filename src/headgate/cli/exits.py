"""How commands end."""

from __future__ import annotations

OK = 0
FAILED = 1
"""The thing checked failed."""
USAGE = 2
"""The command line makes no sense."""
CANNOT_RUN = 3
"""The command could not do its work."""


class CannotRun(Exception):
    """A command could not do its work. `hint` is the command to try next."""

    code = CANNOT_RUN

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Misused(CannotRun):
    """A command was given what makes no sense."""

    code = USAGE
