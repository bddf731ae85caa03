"""What is between the braces of a tag, read by the grammar of Handlebars 4 (`handlebars.l`, `handlebars.yy`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from headgate.prompts.dotprompt.syntax import Call, Expression, Literal, Path
from headgate.prompts.dotprompt.values import UNDEFINED, WHITESPACE, text

W: Final = f"[{WHITESPACE}]"
"""One character of white space."""

_AFTER = rf"(?=[=~}}/.)\]|{WHITESPACE}])"
_AFTER_LITERAL = rf"(?=[~}})\]{WHITESPACE}])"

_SPACE = re.compile(f"{W}*")
BARE: Final = rf"""[^{WHITESPACE}!"#%-,./;->@\[-\^`{{-~]+"""
"""A name that needs no brackets."""

_BARE = re.compile(BARE)
_ID = re.compile(BARE + _AFTER)
_BRACKETED = re.compile(r"\[([^\]\\]*(?:\\\]?[^\]\\]*)*)\]")
_NAMED = re.compile(rf"({BARE}){W}*=")
_NAMED_BRACKETED = re.compile(rf"({_BRACKETED.pattern}){W}*=")
_DOUBLE = re.compile(r'"([^"\\]*(?:\\"?[^"\\]*)*)"')
_SINGLE = re.compile(r"'([^'\\]*(?:\\'?[^'\\]*)*)'")
_WORD = re.compile(rf"(true|false|undefined|null){_AFTER_LITERAL}")
_NUMBER = re.compile(rf"-?[0-9]+(?:\.[0-9]+)?{_AFTER_LITERAL}")
_DOT = re.compile(rf"\.{_AFTER}")
_NAMES = re.compile(rf"as{W}+\|")
_CONSTANTS = {"true": True, "false": False, "undefined": UNDEFINED, "null": None}

MAX_NESTING: Final = 50
"""Levels of parentheses."""
MAX_ARGUMENTS: Final = 200
"""What one tag, or one pair of parentheses, may hold."""


class Misread(Exception):
    """Something that is no expression, at an offset."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class Reader:
    """Reads expressions from a place of a text on."""

    def __init__(self, source: str, at: int, end: int) -> None:
        self.source = source
        self.at = at
        self._end = end
        self._nesting = 0

    def head(self, close: re.Pattern[str], *, names: bool = False) -> tuple[Call, tuple[str, ...], str]:
        """A helper or a value with what it is given, block parameters if it may have them, and how the tag closes.

        Raises:
            Misread: there is something else.
        """
        start = self._skip()
        if self._match(close) is not None:
            raise Misread(start, "there is nothing in the braces; write a name or a helper in them")
        callee = self._expression()
        params, named = self._arguments(lambda: close.match(self.source, self.at, self._end) is not None)
        taken = self._block_names() if names else ()
        closed = self._match(close)
        if closed is None:
            raise Misread(self.at, f"{self._seen()} is not expected here; close the tag before it")
        return Call(callee, params, named, start), taken, closed.group()

    def _arguments(
        self, closing: Callable[[], bool]
    ) -> tuple[tuple[Expression, ...], tuple[tuple[str, Expression], ...]]:
        params: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        while True:
            start = self._skip()
            if closing() or _NAMES.match(self.source, self.at, self._end):
                return tuple(params), tuple(named)
            if len(params) + len(named) == MAX_ARGUMENTS:
                raise Misread(start, f"there are more than {MAX_ARGUMENTS} values in the tag; close it before this one")
            found = self._match(_NAMED_BRACKETED if self._brackets() else _NAMED)
            if found is not None:
                self._skip()
                named.append((_unbracketed(found.group(1)), self._expression()))
            elif named:
                raise Misread(start, f"{self._seen()} is not expected behind name=value; write it before")
            elif self.source.startswith("}", self.at, self._end):
                raise Misread(start, self._brace())
            else:
                params.append(self._expression())

    def _expression(self) -> Expression:
        start = self.at
        character = self.source[start : start + 1] if start < self._end else ""
        if character == "(":
            return self._call()
        for pattern, mark in ((_DOUBLE, '"'), (_SINGLE, "'")):
            if character == mark:
                if self.source.find(mark, start + 1, self._end) < 0:
                    raise Misread(start, f"the string is not closed; write {mark} behind it")
                found = self._match(pattern)
                assert found is not None
                value = found.group(1).replace(f"\\{mark}", mark)
                return Literal(value, value, start)
        found = self._match(_WORD)
        if found is not None:
            return Literal(_CONSTANTS[found.group()], found.group(), start)
        found = self._match(_NUMBER)
        if found is not None:
            number = float(found.group()) if "." in found.group() else int(found.group())
            return Literal(number, text(number), start)
        return self._path()

    def _call(self) -> Call:
        start = self.at
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise Misread(start, f"parentheses are nested more than {MAX_NESTING} deep")
        self.at += 1
        self._skip()
        callee = self._expression()
        params, named = self._arguments(lambda: self.source.startswith(")", self.at, self._end))
        if not self.source.startswith(")", self.at, self._end):
            raise Misread(self.at, f"{self._seen()} is not expected here; write ')' before it")
        self.at += 1
        self._nesting -= 1
        return Call(callee, params, named, start)

    def _path(self) -> Path:
        start = self.at
        data = self.source.startswith("@", start, self._end)
        if data:
            self.at += 1
        parts: list[str] = []
        original, depth, scoped = "@" if data else "", 0, False
        while True:
            segment, literal = self._segment(first=not original.strip("@"))
            if not literal and segment in ("this", ".", ".."):
                if parts:
                    raise Misread(start, f"'{original}{segment}' is no path; '{segment}' can only begin one")
                scoped = True
                depth += segment == ".."
            else:
                parts.append(segment)
            original += segment
            if self.at < self._end and self.source[self.at] in "./":
                original += self.source[self.at]
                self.at += 1
            else:
                return Path(tuple(parts), depth, data, scoped, original, start)

    def _segment(self, *, first: bool) -> tuple[str, bool]:
        """One name of a path, and whether it stands in brackets."""
        if self.source.startswith("..", self.at, self._end):
            self.at += 2
            return "..", False
        found = self._match(_DOT) if first else None
        if found is not None:
            return ".", False
        if self._brackets():
            found = self._match(_BRACKETED)
            assert found is not None
            return _unbracketed(found.group()), True
        found = self._match(_ID)
        if found is None:
            unended = _BARE.match(self.source, self.at, self._end)
            if self.at >= self._end or (unended is not None and unended.end() == self._end):
                raise Misread(self.at, "the tag is not closed; write '}}' behind it")
            raise Misread(self.at, f"{self._seen()} is not expected here; write a name")
        return found.group(), False

    def _brackets(self) -> bool:
        """Whether a name in brackets stands here."""
        if not self.source.startswith("[", self.at, self._end):
            return False
        if self.source.find("]", self.at, self._end) < 0:
            raise Misread(self.at, "the name in brackets is not closed; write ']' behind it")
        return True

    def _block_names(self) -> tuple[str, ...]:
        if self._match(_NAMES) is None:
            return ()
        names: list[str] = []
        while True:
            self._skip()
            if self.source.startswith("|", self.at, self._end):
                self.at += 1
                self._skip()
                if not names:
                    raise Misread(self.at, "there is no name between the bars")
                return tuple(names)
            found = self._match(_ID)
            if found is None:
                raise Misread(self.at, f"{self._seen()} is not expected here; write names between bars: as |item|")
            names.append(found.group())

    def _skip(self) -> int:
        found = self._match(_SPACE)
        return found.end() if found is not None else self.at

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.source, self.at, self._end)
        if found is not None:
            self.at = found.end()
        return found

    def _seen(self) -> str:
        """What stands here, for a message."""
        return repr(self.source[self.at]) if self.at < self._end else "the end of the template"

    def _brace(self) -> str:
        """What is wrong with braces that do not close the tag."""
        if self._nesting:
            return "'}' is not expected here; write ')' before it"
        if self.source.startswith("}}}", self.at, self._end):
            return "'}}}' does not close this tag; write '}}', and a space before a brace that is text"
        return "'}' does not close this tag; write '}}', or '}}}' behind '{{{'"


def _unbracketed(name: str) -> str:
    return re.sub(r"\\([\\\]])", r"\1", name[1:-1]) if name.startswith("[") else name
