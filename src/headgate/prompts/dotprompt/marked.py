"""YAML (1.2, core schema) and JSON read with the line and column of every value.

Refused: tags, anchors, duplicate keys, keys that are not strings, a second document.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from headgate.prompts.dotprompt.problem import Notes

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
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


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
        self._events = self._parsed(text)
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

    def _parsed(self, text: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = ", ".join(part for part in (error.context, error.problem) if part)
            self._stop((self._line + mark.line, mark.column + 1) if mark else (self._line, 1), f"is not YAML: {what}")
        except (yaml.YAMLError, UnicodeEncodeError):
            self._stop((self._line, 1), "is not YAML: it holds a character that YAML does not allow")

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
            return event.value if event.style or event.tag else scalar(event.value)
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
                self._stop(place, "is a key that is not a word; write 'name: value'")
            name = event.value
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


def scalar(text: str) -> str | int | float | bool | None:
    """What a plain scalar stands for. A number too large to be one stays the text it is."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
