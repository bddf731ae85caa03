"""Strings that a regular expression matches, for the part of ECMA 262's syntax that schemas use."""

from __future__ import annotations

from headgate.providers.simulator.dice import Dice

_DIGITS = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CLASSES = {"d": _DIGITS, "w": _LETTERS + _DIGITS + "_", "s": " "}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_PRINTABLE = "".join(map(chr, range(32, 127)))
_MORE = 3
"""How many repetitions above its least an open-ended quantifier gets."""
MAX_STEPS = 20_000
MAX_DEPTH = 50


class Unreadable(ValueError):
    """The pattern uses what this generator does not know: look-around, back-references, word boundaries."""


def match(pattern: str, dice: Dice) -> str:
    """A string that `pattern` matches from its beginning to its end.

    Raises:
        Unreadable: the pattern is broken, or uses a construct that is not known here.
    """
    reader = _Reader(pattern, dice)
    text = reader.alternatives()
    if reader.at < len(pattern):
        raise Unreadable(f"unexpected '{pattern[reader.at]}' in the pattern '{pattern[:80]}'")
    return text


class _Reader:
    """Reads a pattern once from left to right and writes a match as it goes."""

    def __init__(self, pattern: str, dice: Dice) -> None:
        self._pattern = pattern
        self._dice = dice
        self._steps = 0
        self._depth = 0
        self.at = 0

    def alternatives(self) -> str:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(f"the pattern '{self._pattern[:80]}' is nested too deeply")
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        self._depth -= 1
        return self._dice.pick(branches)

    def _sequence(self) -> str:
        parts: list[str] = []
        while self.at < len(self._pattern) and self._pattern[self.at] not in "|)":
            start = self.at
            atom = self._atom()
            low, high = self._quantifier()
            times = self._dice.between(low, high)
            for turn in range(times):
                if turn:  # each repetition is drawn anew
                    after, self.at = self.at, start
                    atom = self._atom()
                    self.at = after
                parts.append(atom)
        return "".join(parts)

    def _atom(self) -> str:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Unreadable(f"the pattern '{self._pattern[:80]}' repeats too much")
        character = self._next()
        match character:
            case "^" | "$":
                return ""
            case ".":
                return self._dice.pick(_LETTERS)
            case "(":
                return self._group()
            case "[":
                return self._dice.pick(self._set())
            case "\\":
                return self._dice.pick(self._escaped())
            case "*" | "+" | "?":
                raise Unreadable(f"nothing to repeat in the pattern '{self._pattern[:80]}'")
            case _:
                return character

    def _group(self) -> str:
        if self._take("?"):
            if self._take("<"):
                if self._peek() in "=!":
                    raise Unreadable(f"look-behind in the pattern '{self._pattern[:80]}'")
                self._until(">")
            elif not self._take(":"):
                raise Unreadable(f"look-ahead in the pattern '{self._pattern[:80]}'")
        text = self.alternatives()
        if not self._take(")"):
            raise Unreadable(f"an open group in the pattern '{self._pattern[:80]}'")
        return text

    def _set(self) -> str:
        negated = self._take("^")
        members = ""
        while not self._take("]"):
            low = self._member()
            if self._peek() == "-" and self._pattern[self.at + 1 : self.at + 2] not in ("]", "") and len(low) == 1:
                self.at += 1
                high = self._member()
                if len(high) != 1 or high < low:
                    raise Unreadable(f"a broken range in the pattern '{self._pattern[:80]}'")
                members += "".join(map(chr, range(ord(low), min(ord(high), ord(low) + 255) + 1)))
            else:
                members += low
        if negated:
            members = "".join(each for each in _LETTERS + _PRINTABLE if each not in members)
        if not members:
            raise Unreadable(f"a set without characters in the pattern '{self._pattern[:80]}'")
        return members

    def _member(self) -> str:
        character = self._next()
        return self._escaped() if character == "\\" else character

    def _escaped(self) -> str:
        """The characters an escape stands for."""
        kind = self._next()
        if kind in _CLASSES:
            return _CLASSES[kind]
        if kind.lower() in _CLASSES:
            return "".join(each for each in _PRINTABLE if each not in _CLASSES[kind.lower()])
        if kind in _CONTROLS:
            return _CONTROLS[kind]
        if kind in "ux":
            digits = self._pattern[self.at : self.at + (4 if kind == "u" else 2)]
            self.at += len(digits)
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise Unreadable(f"a broken escape in the pattern '{self._pattern[:80]}'") from None
        if kind.isalnum():
            raise Unreadable(f"'\\{kind}' in the pattern '{self._pattern[:80]}'")
        return kind

    def _quantifier(self) -> tuple[int, int]:
        bounds = self._bounds()
        self._take("?")  # lazy: the same strings match
        return bounds

    def _bounds(self) -> tuple[int, int]:
        if self._take("*"):
            return 0, _MORE
        if self._take("+"):
            return 1, 1 + _MORE
        if self._take("?"):
            return 0, 1
        if not self._take("{"):
            return 1, 1
        low, comma, high = self._until("}").partition(",")
        try:
            least = int(low)
            most = int(high) if high else least + (_MORE if comma else 0)
        except ValueError:
            raise Unreadable(f"a broken quantifier in the pattern '{self._pattern[:80]}'") from None
        if not 0 <= least <= most or least > MAX_STEPS:
            raise Unreadable(f"a quantifier out of bounds in the pattern '{self._pattern[:80]}'")
        return least, min(most, least + _MORE)

    def _peek(self) -> str:
        return self._pattern[self.at : self.at + 1]

    def _next(self) -> str:
        character = self._peek()
        if not character:
            raise Unreadable(f"the pattern '{self._pattern[:80]}' ends too early")
        self.at += 1
        return character

    def _take(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self.at += 1
        return True

    def _until(self, end: str) -> str:
        start = self.at
        stop = self._pattern.find(end, start)
        if stop < 0:
            raise Unreadable(f"the pattern '{self._pattern[:80]}' ends too early")
        self.at = stop + 1
        return self._pattern[start:stop]
