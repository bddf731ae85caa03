"""One file being read: its values, where they stand, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path as FilePath
from typing import Any

from headgate.config.document import Node, parse
from headgate.config.problem import Path, written
from headgate.evals.problems import Place, Problem
from headgate.registry import suggest
from headgate.types import JSON

OTHERWISE: Mapping[str, str] = {
    "vars": "is called 'inputs' here",
    "providers": "are called 'models' here",
    "provider": "is not known here; a judge is named by 'judge:', a model for embeddings by 'model:'",
    "prompts": "is called 'prompt' here, one for each file; 'messages' are a conversation without one",
    "defaultTest": "is not known here; what holds for all tests stands beside 'tests:'",
    "expected": "is not known here; write 'assert: [equals: …]'",
    "options": "is not known here; settings of the request are called 'config'",
    "transform": "is not known here; write a function, 'python: file.py:function', that looks at what it makes",
}
"""Names that others have for what test files say."""


class Sheet:
    """A tree of plain values. Problems are collected, never raised."""

    def __init__(self, file: str, tree: Any, place_of: Callable[[Path], tuple[int, int]]) -> None:
        self.file = file
        self.tree = tree
        self.problems: list[Problem] = []
        self._place_of = place_of

    @classmethod
    def of_yaml(cls, file: str, text: str) -> Sheet:
        """A file of YAML."""
        root, problems = parse(text)
        node = root or Node({}, 1)
        sheet = cls(file, None if problems and root is None else node.plain(), node.spot_of)
        for each in problems:
            line, column = (each.line, each.column or 1) if each.line else node.spot_of(each.path)
            what = f"{written(each.path)} {each.what}" if each.path else each.what
            sheet.problems.append(Problem(Place(file, line, column), what.replace("a configuration", "a test file")))
        return sheet

    @property
    def folder(self) -> FilePath:
        return FilePath(self.file).parent

    def place(self, path: Path) -> Place:
        """Where something stands."""
        return Place(self.file, *self._place_of(path))

    def wrong(self, path: Path, what: str) -> None:
        """Note a mistake."""
        named = written(path)
        self.problems.append(Problem(self.place(path), f"{named}: {what}" if named else what))

    # ── values ──

    def mapping(self, path: Path, value: Any, known: Collection[str] | None = None) -> JSON:
        """A mapping, its names among the known ones; an empty one where it is none."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(path, f"is {_kind(value)}; write a mapping, 'name: value'")
            return {}
        for name in value:
            if known is not None and name not in known:
                self.wrong((*path, name), OTHERWISE.get(name) or f"is not known here{suggest(str(name), known)}")
        return value

    def items(self, path: Path, value: Any) -> list[Any]:
        """A list; an empty one where it is none."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, f"is {_kind(value)}; write a list, with '- ' before each")
            return []
        return value

    def text(self, path: Path, value: Any) -> str | None:
        if value is None or (isinstance(value, str) and value):
            return value
        self.wrong(path, f"is {_kind(value)}; write a text")
        return None

    def texts(self, path: Path, value: Any) -> list[str]:
        """A list of texts, or one."""
        if isinstance(value, str):
            value = [value]
        found = [self.text((*path, at), each) for at, each in enumerate(self.items(path, value))]
        return [each for each in found if each is not None]

    def whole(self, path: Path, value: Any, low: int, high: int) -> int | None:
        """A whole number within bounds."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.wrong(path, f"is a whole number from {low} to {high:,}")
            return None
        return value

    def share(self, path: Path, value: Any, trap: str) -> float | None:
        """A number above 0, to 1 at most. `trap` says what 0 would do."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.wrong(path, "is a number above 0, and 1 at most")
        elif value == 0:
            self.wrong(path, trap)
        else:
            return float(value)
        return None


def _kind(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text" if value else "empty"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"
