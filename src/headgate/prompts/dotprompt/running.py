"""What a template runs on: where it is among the values, what it has written, and how much more it may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Final

import msgspec

from headgate.prompts.dotprompt.messages import Item
from headgate.prompts.dotprompt.problem import RenderTooDeep, RenderTooLarge, RenderTooLong
from headgate.prompts.dotprompt.values import Value


class Bounds(msgspec.Struct, frozen=True):
    """How far rendering may go."""

    max_characters: int = 4_000_000
    """Characters written, those on the way to a comparison or to another template's input included."""
    max_steps: int = 200_000
    """Rounds of loops and partials."""
    max_depth: int = 64
    """Partials within partials."""
    max_s: float = 2.0


BOUNDS: Final = Bounds()

LOOKS_AT_CLOCK_EVERY: Final = 64
"""Steps."""


class Run:
    """What is left of the bounds."""

    __slots__ = ("_bounds", "_end", "_steps", "depth", "left")

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._end = perf_counter() + bounds.max_s
        self._steps = bounds.max_steps
        self.left = bounds.max_characters
        """Characters."""
        self.depth = bounds.max_depth

    def write(self, characters: int) -> None:
        """Take characters away.

        Raises:
            RenderTooLarge: there are not so many left.
        """
        self.left -= characters
        if self.left < 0:
            raise RenderTooLarge(
                f"the prompt comes to more than {self._bounds.max_characters} characters; shorten its inputs"
            )

    def step(self, count: int = 1) -> None:
        """Take steps away.

        Raises:
            RenderTooLong: there are not so many left, or the time is over.
        """
        before = self._steps
        self._steps = after = before - count
        if after < 0:
            raise RenderTooLong(
                f"the prompt takes more than {self._bounds.max_steps} steps; shorten the lists in its inputs"
            )
        if before // LOOKS_AT_CLOCK_EVERY != after // LOOKS_AT_CLOCK_EVERY:
            self.look()

    def look(self) -> None:
        """Look at the clock.

        Raises:
            RenderTooLong: the time is over.
        """
        if perf_counter() > self._end:
            raise RenderTooLong(f"the prompt takes more than {self._bounds.max_s:g} s to render; shorten its inputs")

    def deeper(self) -> None:
        """Go into a partial.

        Raises:
            RenderTooDeep: it is one too many.
        """
        self.depth -= 1
        if self.depth < 0:
            raise RenderTooDeep(f"partials are nested more than {self._bounds.max_depth} deep with these inputs")


class Data:
    """The variables that begin with `@`."""

    __slots__ = ("block", "parent", "values")

    def __init__(self, values: dict[str, Value], parent: Data | None, block: Supplied | None) -> None:
        self.values = values
        self.parent = parent
        """Those around the loop that these are of: `@../index`."""
        self.block = block
        """What `{{> @partial-block}}` renders."""

    def inner(self) -> Data:
        """A copy to be changed by a loop."""
        return Data(dict(self.values), self, self.block)


class Frame:
    """Where a template is."""

    __slots__ = ("data", "inlines", "names", "out", "parent", "run", "this")

    def __init__(
        self,
        this: Value,
        parent: Frame | None,
        data: Data,
        names: dict[str, Value] | None,
        out: list[Item],
        run: Run,
        inlines: dict[str, Supplied] | None,
    ) -> None:
        self.this = this
        self.parent = parent
        """Where `../` leads."""
        self.data = data
        self.names = names
        """Block parameters."""
        self.out = out
        self.run = run
        self.inlines = inlines
        """Partials that templates around this one have defined for it."""

    def inner(self, this: Value) -> Frame:
        """A frame for another value, from which `../` leads here."""
        return Frame(this, self, self.data, self.names, self.out, self.run, self.inlines)


Op = Callable[[Frame], None]
Get = Callable[[Frame], Any]


class Supplied:
    """A stretch of a template that another one renders: an inline partial, what stands in a partial's block."""

    __slots__ = ("frame", "level", "op")

    def __init__(self, op: Op, frame: Frame, *, level: bool = False) -> None:
        self.op = op
        self.frame = frame
        """Where it was written."""
        self.level = level
        """Whether `@../` leads out of it, as out of a partial's block."""


class Cell:
    """A partial's place: templates that render it are compiled before it is."""

    __slots__ = ("name", "op", "parts")

    def __init__(self, name: str) -> None:
        self.name = name
        self.op: Op = nothing
        self.parts = False
        """Whether it makes more than text, or a partial in it does."""


def nothing(frame: Frame) -> None:
    """Render nothing."""


def indented(items: Iterable[Item], indent: str) -> list[Item]:
    """Items with each line of their text moved in, as a partial that stands moved in on its own line has them."""
    moved: list[Item] = []
    begins = True
    for item in items:
        if not isinstance(item, str):
            if begins:
                moved.append(indent)
            begins = False
            moved.append(item)
            continue
        lines = item.split("\n")
        for place, line in enumerate(lines):
            if place:
                moved.append("\n")
                begins = True
            if begins and (line or place + 1 < len(lines)):
                moved.append(indent)
                begins = False
            if line:
                moved.append(line)
    return moved
