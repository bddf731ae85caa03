"""One mistake in a configuration, and how it is told."""

from __future__ import annotations

import re

import msgspec

Path = tuple[str | int, ...]
"""Where a value stands: `("models", "chat", "targets", 0)`."""

_PLAIN = re.compile(r"[A-Za-z_][\w-]*")


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with the value at `path`, and what to write. Holds no value that came from a reference."""

    path: Path
    what: str
    line: int | None = None
    """Where the text itself says more exactly than the path does."""
    column: int | None = None
    """In that line."""

    def told(self, name: str, line: int) -> str:
        """`file:line: path: what is wrong, what to write`."""
        return f"{name}:{self.line or line}: {written(self.path)}{': ' if self.path else ''}{self.what}"


def written(path: Path) -> str:
    """A path as a person would write it: `models.chat.targets[0]`, `models['claude-*']`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text
