"""Mustache in Handlebars, which reads most of it as it is (https://mustache.github.io/mustache.5.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from headgate.prompts.dotprompt.helpers import HELPERS
from headgate.prompts.importing.handlebars import Said, Tag, Token, segment, template, variable
from headgate.prompts.importing.jinja import BadTemplate, Template
from headgate.prompts.importing.written import Field, Note, partial_of

_TAG: Final = re.compile(r"\{\{(?P<mark>[#^/>!&={]?)\s*(?P<name>[^{}]*?)\s*\}?\}\}")


def mustache(source: str, notes: list[Note], line: int, parts: Mapping[str, str]) -> Template:
    """A template in Handlebars. `parts` are names that stand for no text, and the tag they become.

    Raises:
        BadTemplate: it sets other delimiters, or a block does not end.
    """
    reader = _Reader(source, notes, line, parts)
    return Template(template(list(reader.tokens())), reader.inputs)


class _Reader:
    def __init__(self, source: str, notes: list[Note], line: int, parts: Mapping[str, str]) -> None:
        self._source = source
        self._notes = notes
        self._first = line
        self._parts = parts
        self._open: list[tuple[str, str]] = []
        """Sections around, by their names and by what their ends are called."""
        self.inputs: dict[str, Field] = {}

    def tokens(self) -> Iterator[Token]:
        at = 0
        for found in _TAG.finditer(self._source):
            yield Said(self._source[at : found.start()])
            at = found.end()
            yield from self._tag(found["mark"], found["name"], self._first + self._source[: found.start()].count("\n"))
        if self._open:
            raise BadTemplate(self._first, f"the section '{self._open[-1][0]}' does not end")
        yield Said(self._source[at:])

    def _tag(self, mark: str, name: str, line: int) -> Iterator[Token]:
        match mark:
            case "!":
                yield Tag("comment", name)
            case "=":
                raise BadTemplate(line, "other delimiters are not taken over")
            case ">":
                self._note(line, f"import '{name}' too, with --partial, as the partial '{partial_of(name)}'")
                yield Tag("partial", partial_of(name))
            case "/":
                section, end = self._open.pop() if self._open else ("", "")
                if section != name:
                    raise BadTemplate(line, f"the section '{name}' ends, and was not begun")
                yield Tag("close", end)
            case "#" | "^":
                path = self._path(name)
                yield Tag("open", path if mark == "#" else f"unless {path}")
                self._open.append((name, path if mark == "#" else "unless"))
            case _:
                if not mark:
                    self._note(line, "Mustache escapes <, > and & in values; here they are as they are")
                if self._open and name != ".":
                    around = self._open[-1][0]
                    self._note(line, f"'{name}' is looked for within '{around}' alone; write ../{name} for one around")
                tag = None if self._open else self._parts.get(name)
                yield Tag("value", tag or self._path(name))

    def _path(self, name: str) -> str:
        if name == ".":
            return "this"
        first, *rest = name.split(".")
        if not self._open:
            self.inputs.setdefault(first, Field())
        within = f"this.{segment(first)}" if first in HELPERS else segment(first)
        return ".".join([within if self._open else variable(first), *map(segment, rest)])

    def _note(self, line: int, message: str) -> None:
        note = Note(line, message)
        if note not in self._notes:
            self._notes.append(note)
