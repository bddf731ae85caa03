"""YAML (1.2, core schema) and JSON read with the line and column of every value.

Refused: tags, anchors, duplicate keys, keys that are not strings, a second document.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from headgate.prompts.dotprompt.problem import Lines, Notes

Place = tuple[int, int]
"""Line and column, from 1."""
Steps = tuple[str | int, ...]

MAX_DEPTH: Final = 40

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,20}|0x[0-9a-fA-F]{1,16}|0o[0-7]{1,22}")
_INTS: Final = range(-(2**63), 2**64)
"""Those that can be sent as JSON."""
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")

_BREAKS: Final = "\x85\u2028\u2029"
"""Line ends in YAML 1.1, which the parser is for; in 1.2 and JSON they are characters like others."""
_REFUSED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PAIR = re.compile(r"(\\\\)|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


class Marked:
    """A document, and where each of its values is."""

    def __init__(self, value: Any, places: dict[Steps, Place]) -> None:
        self.value = value
        self._places = places

    def place(self, *steps: str | int) -> Place:
        """Where a value is; the nearest thing around it if it is not there."""
        while steps and steps not in self._places:
            steps = steps[:-1]
        return self._places.get(steps, (1, 1))


class _Stop(Exception):
    """The text cannot be read any further."""


def read(text: str, notes: Notes, line: int = 1) -> Marked:
    """A document. `line` is that of the file in which the text begins. What is wrong is noted."""
    builder = _Builder(text, notes, line)
    try:
        return Marked(builder.document(), builder.places)
    except _Stop:
        return Marked(None, builder.places)


class _Builder:
    def __init__(self, text: str, notes: Notes, line: int) -> None:
        self._notes = notes
        self._line = line
        self._text = _whole_characters(text) if text.lstrip()[:1] in ("{", "[") else text
        self._stand_ins = _stand_ins(text)
        self._real = {ord(stand_in): real for real, stand_in in self._stand_ins.items()}
        self._events = self._parsed()
        self.places: dict[Steps, Place] = {}

    def document(self) -> Any:
        value: Any = None
        documents = 0
        for event in self._events:
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                self._stop(self._place(event), "a second document begins here; write one")
            if isinstance(event, yaml.NodeEvent):
                value = self._node(event, ())
        return value

    def _parsed(self) -> Iterator[Any]:
        refused = _REFUSED.search(self._text)
        if refused is not None:
            line, column = Lines(self._text).place(refused.start())
            what = f"is not YAML: it holds a character that YAML does not allow, U+{ord(refused.group()):04X}"
            self._stop((self._line + line - 1, column), what)
        try:
            yield from yaml.parse(self._text.translate(self._stand_ins), Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            what = ", ".join(part for part in (error.context, error.problem) if part)
            self._stop(self._at_fault(error), f"is not YAML: {what}")

    def _at_fault(self, error: yaml.MarkedYAMLError) -> Place:
        """Where a mistake is: for one at the text's end, where what it ends in the middle of begins."""
        end = len(self._text.rstrip())
        marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None and mark.index < end]
        line, column = (marks[0].line, marks[0].column + 1) if marks else Lines(self._text).place(end)
        return self._line + line - (not marks), column

    def _scalar(self, event: Any) -> str | int | float | bool | None:
        value = str(event.value).translate(self._real)
        return value if event.style or event.tag else scalar(value)

    def _node(self, event: Any, steps: Steps) -> Any:
        place = self._place(event)
        self.places.setdefault(steps, place)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._stop(place, "anchors and aliases are not for prompts; write the value out")
        if getattr(event, "tag", None) not in {None, "!"}:
            self._notes.at(place, "has a tag; write the value without it")
        if len(steps) > MAX_DEPTH:
            self._stop(place, f"is nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(steps)
        return self._mapping(steps)

    def _sequence(self, steps: Steps) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, (*steps, len(items))))
        return items

    def _mapping(self, steps: Steps) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            place = self._place(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._stop(
                    place, "is a key that is not a word; write 'name: value', and quotes around a text in braces"
                )
            name = str(event.value).translate(self._real)
            known = name in members
            if known:
                self._notes.at(place, f"'{name}' is given a second time; keep one")
            else:
                self.places[(*steps, name)] = place
            value = self._node(next(self._events), (*steps, name))
            if not known:
                members[name] = value
        return members

    def _place(self, event: Any) -> Place:
        return self._line + event.start_mark.line, event.start_mark.column + 1

    def _stop(self, place: Place, message: str) -> None:
        self._notes.at(place, message)
        raise _Stop


def _whole_characters(text: str) -> str:
    """JSON with characters that it writes as two escapes written as one, as YAML has them."""

    def whole(found: re.Match[str]) -> str:
        if found.group(1):
            return found.group()
        high, low = int(found.group(2), 16), int(found.group(3), 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"

    return _PAIR.sub(whole, text)


def _stand_ins(text: str) -> dict[int, str]:
    """A character that a text does not hold for each that it does, and that the parser would take for a line's end."""
    unused = (each for each in map(chr, range(0xE000, 0xF8FF)) if each not in text)
    return {ord(each): next(unused) for each in _BREAKS if each in text}


def scalar(text: str) -> str | int | float | bool | None:
    """What a plain scalar stands for. A number too large to be one stays the text it is."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        whole = int(text, 0 if text.startswith(("0x", "0o")) else 10)
        return whole if whole in _INTS else text
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
