"""What a template is made of, once it is parsed. Offsets are those of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from headgate.prompts.dotprompt.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written out."""

    value: Value
    original: str
    offset: int


@dataclass(frozen=True, slots=True)
class Path:
    """A way to a value: `../order.lines`, `@root.name`, `this`."""

    parts: tuple[str, ...]
    depth: int
    """How many `../` it has."""
    data: bool
    """Whether it begins with `@`."""
    scoped: bool
    """Whether it begins with `this`, `.` or `..`, so that it is no helper's name."""
    original: str
    offset: int

    @property
    def simple(self) -> bool:
        """Whether it is one name, which may be a helper's."""
        return len(self.parts) == 1 and not self.scoped and not self.depth and not self.data


@dataclass(frozen=True, slots=True)
class Call:
    """A helper with what it is given: in a tag, or in parentheses."""

    path: Path | Literal | Call
    params: tuple[Expression, ...]
    named: tuple[tuple[str, Expression], ...]
    offset: int

    @property
    def given(self) -> bool:
        """Whether it is given anything, so that it must be a helper."""
        return bool(self.params or self.named)


Expression = Literal | Path | Call


@dataclass(slots=True)
class Strip:
    """Whether a tag takes the white space before and behind it away."""

    open: bool = False
    close: bool = False


@dataclass(slots=True)
class Content:
    """Text as it stands."""

    value: str
    offset: int
    original: str = ""
    left_stripped: bool = False
    right_stripped: bool = False

    def __post_init__(self) -> None:
        self.original = self.value


@dataclass(slots=True)
class Comment:
    strip: Strip
    offset: int


@dataclass(slots=True)
class Mustache:
    """A value, or what a helper makes."""

    call: Call
    strip: Strip
    offset: int


@dataclass(slots=True)
class Partial:
    """Another template, rendered here."""

    call: Call
    strip: Strip
    offset: int
    indent: str = ""
    block: Program | None = None
    """What is between `{{#> name}}` and its end."""
    close: Strip = field(default_factory=Strip)


@dataclass(slots=True)
class Block:
    """`{{#helper}}…{{else}}…{{/helper}}`, or a part that is rendered for a value."""

    call: Call
    program: Program | None
    inverse: Program | None
    open_strip: Strip
    inverse_strip: Strip
    close_strip: Strip
    offset: int


@dataclass(slots=True)
class Inline:
    """`{{#*inline "name"}}`: a partial of this template's own."""

    name: str
    program: Program
    open_strip: Strip
    close_strip: Strip
    offset: int


@dataclass(slots=True)
class Raw:
    """`{{{{raw}}}}…{{{{/raw}}}}`: text in which nothing is a tag."""

    program: Program
    """Of one content."""
    offset: int


Statement = Content | Comment | Mustache | Partial | Block | Inline | Raw


@dataclass(slots=True)
class Program:
    """Statements in their order."""

    body: list[Statement]
    names: Sequence[str] = ()
    """Its block parameters."""
    chained: bool = False
    """Whether it stands for an `{{else if …}}`."""
