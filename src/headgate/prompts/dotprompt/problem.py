"""What is wrong with prompts: in their files, told all at once with its place, and in a call that renders one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

from headgate.errors import BadRequest, ConfigError, NotFound
from headgate.registry import suggest


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake. Lines and columns begin at 1."""

    file: str
    line: int
    column: int
    message: str
    fatal: bool = True
    """Whether the prompt cannot be used; else it can, and something in it has no effect."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class PromptsInvalid(ConfigError):
    """Prompts cannot be used. `found` has every mistake of every file."""

    code = "prompt_invalid"

    def __init__(self, found: Iterable[Problem]) -> None:
        self.found = tuple(sorted(found))
        super().__init__([str(each) for each in self.found])


class PromptNotFound(NotFound):
    """There is no prompt of that name."""

    code = "prompt_not_found"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no prompt '{name}'{suggest(name, list(known))}", param="prompt")


class InputInvalid(BadRequest):
    """An input is not what the prompt's schema says; `param` names it, as in `inputs.order.id`."""

    code = "input_invalid"


class RenderRefused(BadRequest):
    """A prompt with these inputs would go beyond the bounds of rendering."""

    code = "render_refused"


class RenderTooLarge(RenderRefused):
    code = "render_too_large"


class RenderTooDeep(RenderRefused):
    code = "render_too_deep"


class RenderTooLong(RenderRefused):
    """It would take too much time."""

    code = "render_too_long"


class Lines:
    """Where in a text an offset is."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


_HINTED = 100
"""Problems of one file that come with what may have been meant: it takes its time to find that among many names."""


class Notes:
    """Collects the problems of one file."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.found: list[Problem] = []
        self._lines = Lines(text)

    def note(self, offset: int, message: str, *, fatal: bool = True) -> None:
        """A problem at an offset of the file's text."""
        self.found.append(Problem(self.file, *self._lines.place(offset), message, fatal))

    def at(self, place: tuple[int, int], message: str, *, fatal: bool = True) -> None:
        """A problem at a line and column."""
        self.found.append(Problem(self.file, *place, message, fatal))

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        return self._lines.place(offset)

    def hint(self, name: str, known: Callable[[], Iterable[str]]) -> str:
        """What may have been meant by a name, for a problem's message."""
        return suggest(name, known()) if len(self.found) < _HINTED else ""
