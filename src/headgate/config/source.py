"""A configuration file read: its tree with references resolved, and the line behind every path of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

import msgspec

from headgate.config.document import Node, parse
from headgate.config.problem import Path, Problem, written
from headgate.config.references import References
from headgate.config.secrets import EXEC_TIMEOUT_S, ExecRules, Secrets

MAX_SHOWN = 80
"""Characters of a value in a message."""


class Source:
    """One file on its way to a `Config`. Problems are collected, never raised."""

    def __init__(
        self,
        text: str,
        name: str,
        environ: Mapping[str, str],
        directory: FilePath,
        secrets: Secrets | None = None,
    ) -> None:
        self.name = name
        self.text = text
        self.directory = directory
        """What relative paths in it are relative to."""
        self._root, self.problems = parse(text)
        self.usable = self._root is not None or not self.problems
        """Whether there is a tree to look at."""
        root = self._root or Node({}, 1)
        tree = root.plain()
        secrets = secrets or Secrets(environ)
        if secrets.rules is None:
            secrets.rules = _exec_rules(tree)
        references = References(environ, directory, secrets)
        self.tree: Any = references.resolve(tree)
        if self.tree is None:
            self.tree = {}  # a file of comments only
        self.problems += references.problems
        self._written: dict[Path, str] = references.written
        self._origin = references.origin
        self._failed: set[Path] = {problem.path for problem in references.problems}

    def nest(self, name: str) -> None:
        """Let the whole file be what stands under `name` of a configuration."""
        if self._root is not None:
            self._root = Node({name: (self._root.line, self._root)}, self._root.line)
        self.tree = {name: self.tree}
        self.problems = [msgspec.structs.replace(each, path=(name, *each.path)) for each in self.problems]
        self._written = {(name, *path): text for path, text in self._written.items()}
        self._failed = {(name, *path) for path in self._failed}

    def add(self, problems: Iterable[Problem]) -> None:
        """Collect problems, but those that only follow from a reference that could not be resolved."""
        for each in problems:
            place = self._place_of(each.path)
            if not any(place[: len(path)] == path for path in self._failed):
                self.problems.append(each)

    def referred(self, path: Path) -> bool:
        """Whether the value at `path` came from a reference."""
        return path in self._written

    def line_of(self, path: Path) -> int:
        """The line of what is at `path`, or of the nearest thing around it."""
        return self._root.line_of(path) if self._root is not None else 1

    def as_written(self, path: Path) -> str | None:
        """What stands in the file where the value at `path` came from a reference."""
        return self._written.get(path)

    def show(self, path: Path, value: Any) -> str:
        """A value as a message may have it: what was written in the file, not what a reference resolved to."""
        if isinstance(value, (dict, list)):
            return "a mapping" if isinstance(value, dict) else "a list"
        origin = self._written.get(path) or self._written.get(self._place_of(path)) or self._origin.get(value)
        shown = repr(value if origin is None else origin)
        return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"

    def told(self) -> list[str]:
        """Every problem as `file:line: path: what is wrong, what to write`, in the file's order."""
        root = self._root or Node({}, 1)
        lines = [
            (problem.line or root.line_of(problem.path), written(problem.path), problem) for problem in self.problems
        ]
        return [problem.told(self.name, line) for line, _, problem in sorted(lines, key=lambda each: each[:2])]

    def _place_of(self, path: Path) -> Path:
        """Where in the file what is at `path` stands."""
        return self._root.place_of(path)[0] if self._root is not None else path


def _exec_rules(tree: Any) -> ExecRules:
    """What a file says of commands, in so many words: before they are settled no reference is resolved."""
    server = tree.get("server") if isinstance(tree, dict) else None
    if not isinstance(server, dict):
        return ExecRules()
    timeout_s, every_s = _seconds(server.get("exec_timeout_s")), _seconds(server.get("exec_every_s"))
    return ExecRules(server.get("allow_exec") is True, timeout_s or EXEC_TIMEOUT_S, every_s)


def _seconds(value: Any) -> float | None:
    """A time as written; None for what is none, which the schema will tell."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
