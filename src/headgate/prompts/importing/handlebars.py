"""Templates of Handlebars written from their parts, so that they come to exactly the text that is meant.

Handlebars takes the line away on which a block's tag stands alone, reads `\\{{` as text and `}}}` as one end. What is
written here has a line more where one would be taken away, and an empty comment where there is no other way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from headgate.prompts.dotprompt.helpers import HELPERS
from headgate.prompts.dotprompt.values import WHITESPACE

GUARD: Final = "{{!}}"
"""Nothing, with which a tag does not stand alone on its line."""

_BRACE = '{{lookup "{" 0}}'
"""A brace right before a tag, which would be taken for the tag's own."""

_KEYWORDS: Final = frozenset({"as", "else", "false", "null", "this", "true", "undefined"})
_MARKS: Final = {"chain": "else ", "close": "/", "comment": "! ", "open": "#", "partial": "> "}
_NAME: Final = re.compile(r"[^\W\d]\w*")
_BRACES: Final = re.compile(r"\{\{+")


class Said(NamedTuple):
    """Text, in which nothing is a tag."""

    text: str


class Tag(NamedTuple):
    """What stands between braces. A block is its beginning, what is in it, and its end, all on one level."""

    kind: Literal["value", "comment", "open", "else", "chain", "close", "partial"]
    """`chain` is an `else` with a helper."""
    text: str

    def __str__(self) -> str:
        return f"{{{{{_MARKS.get(self.kind, '')}{self.text}}}}}"


Token = Said | Tag


class Unwritable(ValueError):
    """Handlebars cannot say it."""


def segment(name: str | int) -> str:
    """A part of a path.

    Raises:
        Unwritable: it has a bracket in it.
    """
    if isinstance(name, str) and _NAME.fullmatch(name) and name not in _KEYWORDS:
        return name
    if (isinstance(name, int) and name < 0) or "]" in str(name):
        raise Unwritable(f"the place '{name}' has nothing like it in Handlebars")
    return f"[{name}]"


def variable(name: str) -> str:
    """An input of the prompt, told from a helper."""
    return f"@root.{segment(name)}" if name in HELPERS else segment(name)


def constant(value: object) -> str:
    """A value written out, as a helper's parameter.

    Raises:
        Unwritable: there is no way to.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        mark = "'" if '"' in value else '"'
        if value.endswith("\\") or f"\\{mark}" in value:
            raise Unwritable("a text with such a backslash has nothing like it in Handlebars")
        return f"{mark}{value.replace(mark, chr(92) + mark)}{mark}"
    if isinstance(value, int | float) and "e" not in repr(value) and "n" not in repr(value):
        return repr(value)
    raise Unwritable("a list or mapping written out has nothing like it in Handlebars")


def text(tokens: Iterable[Token]) -> str:
    """What is said, without tags."""
    return "".join(each.text for each in tokens if isinstance(each, Said))


def template(tokens: Iterable[Token]) -> str:
    """A template that comes to what is meant, white space included but at its very beginning and end."""
    return _Writer(_joined(tokens)).all()


class _Level:
    """What has been written of one block, or of all."""

    def __init__(self, *, root: bool = False, lines: bool = False) -> None:
        self.said = ""
        """Since the last tag."""
        self.lines = lines
        """Whether the block is one of several lines, with its tags on lines of their own."""
        self.in_chain = False
        """Whether this stands behind the first `else` with a helper, and before any other."""
        self.chained: str | None = None
        """What was said last of that, which tells Handlebars whether the block's end stands alone."""
        self._fresh = root

    def say(self, said: str) -> None:
        self.said += said

    def tag(self) -> None:
        self.said, self._fresh = "", False

    def begins_line(self, said: str | None = None) -> bool:
        """Whether a tag here is the first thing on its line."""
        said = self.said if said is None else said
        white = said[len(said.rstrip(WHITESPACE)) :]
        return "\n" in white or (self._fresh and white == said)


class _Writer:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._levels = [_Level(root=True)]
        self._out: list[str] = []

    def all(self) -> str:
        for at, token in enumerate(self._tokens):
            if isinstance(token, Said):
                self._say(token.text, at)
            else:
                self._tag(token, at)
        return "".join(self._out)

    def _say(self, said: str, at: int) -> None:
        after = at > 0 and self._out[-1].endswith("}}")
        before = at + 1 < len(self._tokens)
        self._out.append((GUARD if after and said.startswith("}") else "") + _escaped(said, tag_follows=before))
        self._levels[-1].say(said)

    def _tag(self, tag: Tag, at: int) -> None:
        level = self._levels[-1]
        alone, indented = level.begins_line(), level.said[-1:] in (" ", "\t")
        if tag.kind == "close" and (level.in_chain or level.chained is not None):
            alone, indented = level.begins_line(level.chained), False
        ends_line = self._ends_line(at)
        guarded = alone and indented and ends_line and tag.kind != "value"
        if guarded:
            self._out.append(GUARD)
            level.tag()
        self._out.append(str(tag))
        self._move(tag, at, level)
        lines = level.lines if tag.kind in ("else", "chain", "close") else self._levels[-1].lines
        swallowed = tag.kind != "value" and alone and not indented and (ends_line or lines)
        if swallowed:
            self._out.append("\n")
            self._levels[-1].say("\n")

    def _move(self, tag: Tag, at: int, level: _Level) -> None:
        """To where what follows a tag stands."""
        said = level.said
        level.tag()
        match tag.kind:
            case "open":
                self._levels.append(_Level(lines="\n" in text(self._block(at))))
            case "else" | "chain":
                if level.in_chain:
                    level.chained = said
                level.in_chain = tag.kind == "chain" and level.chained is None and not level.in_chain
            case "close":
                self._levels.pop()
                self._levels[-1].tag()
            case _:
                pass

    def _block(self, at: int) -> Sequence[Token]:
        """The inside of the block that begins at a place."""
        depth = 0
        for end in range(at, len(self._tokens)):
            token = self._tokens[end]
            if isinstance(token, Tag):
                depth += {"open": 1, "close": -1}.get(token.kind, 0)
                if not depth:
                    return self._tokens[at + 1 : end]
        return self._tokens[at + 1 :]

    def _ends_line(self, at: int) -> bool:
        """Whether nothing but white space is on the line behind a tag."""
        if at + 1 == len(self._tokens):
            return True
        behind = self._tokens[at + 1]
        if isinstance(behind, Tag):
            return False
        white = behind.text[: len(behind.text) - len(behind.text.lstrip(WHITESPACE))]
        return "\n" in white or (at + 2 == len(self._tokens) and white == behind.text)


def _joined(tokens: Iterable[Token]) -> list[Token]:
    """The same with texts in one that stand together, and without empty ones."""
    found: list[Token] = []
    for each in tokens:
        if isinstance(each, Said) and found and isinstance(found[-1], Said):
            found[-1] = Said(found[-1].text + each.text)
        elif each != Said(""):
            found.append(each)
    return found


def _escaped(said: str, *, tag_follows: bool) -> str:
    """Text in which nothing is taken for a tag, nor for a part of one."""
    pieces: list[str] = []
    at = 0
    for found in _BRACES.finditer(said):
        before = said[at : found.start()]
        if before.endswith("\\"):
            before = f"{before}\\{GUARD}"
        at = found.end()
        pairs, odd = divmod(len(found.group()), 2)
        pieces.append(before + "\\{{" * pairs + "{" * odd)
    pieces.append(said[at:])
    whole = "".join(pieces)
    if not tag_follows:
        return whole
    if said.endswith("\\"):
        return f"{whole}\\"
    odd = said.endswith("{") and (len(said) - len(said.rstrip("{"))) % 2
    return _escaped(said[:-1], tag_follows=True) + _BRACE if odd else whole
