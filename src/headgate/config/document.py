"""A YAML text as a tree in which every value knows its line.

Read as YAML 1.2 (core schema, section 10.3), not 1.1: `true` and `false` are the only booleans, so `no`, `on` and `yes`
are the words they are and `1:30` is a string. Refused: a second document, tags, duplicate keys, keys that are not
strings, an alias that contains itself, and anything that would grow beyond `MAX_NODES`. Merge keys (`<<`) work.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from headgate.config.problem import Path, Problem

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 50
MAX_NODES = 100_000
"""Values in the tree with every alias written out: what a small text of nested aliases could grow to is bounded."""

Scalar = str | int | float | bool | None

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


class Node:
    """One value: a scalar, a mapping of names to (line of the name, node), or a list of nodes."""

    __slots__ = ("column", "line", "names", "size", "value")

    def __init__(
        self, value: Scalar | dict[str, tuple[int, Node]] | list[Node], line: int, size: int = 1, column: int = 1
    ) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.names: dict[str, int] = {}
        """Of a mapping, the columns of its names."""
        self.size = size
        """Values in it, aliases written out."""

    def plain(self) -> Any:
        """The value as dicts, lists and scalars, nothing shared between two places."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, (_, node) in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def line_of(self, path: Path) -> int:
        """The line of what is at `path`, or of the nearest thing around it."""
        return self.place_of(path)[1]

    def place_of(self, path: Path) -> tuple[Path, int]:
        """Where in the file what is at `path` stands, or the nearest thing around it, and its line.

        What the file's short forms leave out of a path is passed over: a name where there is a list.
        """
        line, node = self.line, self
        place: Path = ()
        for step in path:
            if isinstance(step, str) and isinstance(node.value, dict) and step in node.value:
                line, node = node.value[step]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.line
            elif isinstance(node.value, list) and isinstance(step, str):
                continue
            else:
                break
            place = (*place, step)
        return place, line

    def spot_of(self, path: Path) -> tuple[int, int]:
        """The line and column of what is at `path`, or of the nearest thing around it: of a member that of its name."""
        line, column, node = self.line, self.column, self
        for step in path:
            if isinstance(step, str) and isinstance(node.value, dict) and step in node.value:
                column = node.names.get(step, node.value[step][1].column)
                line, node = node.value[step]
            elif isinstance(step, int) and isinstance(node.value, list) and step < len(node.value):
                node = node.value[step]
                line, column = node.line, node.column
            else:
                break
        return line, column


class _Unusable(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, what: str, column: int | None = None) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.column = column


def parse(text: str) -> tuple[Node | None, list[Problem]]:
    """The tree of a YAML text, None where there is none, and what is wrong with the text."""
    if len(text) > MAX_BYTES:
        return None, [Problem((), f"is larger than {MAX_BYTES} bytes, too large for a configuration", 1)]
    builder = _Builder(_events(text))
    try:
        return builder.document(), builder.problems
    except _Unusable as error:
        return None, [*builder.problems, Problem((), error.what, error.line, error.column)]


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        hint = "; inside { } and [ ] a reference needs quotes" if "${" in text else ""
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _Unusable(line, f"is not YAML: {what}{hint}", column) from None
    except yaml.YAMLError:
        raise _Unusable(1, "is not YAML: it holds a character that YAML does not allow") from None
    except UnicodeEncodeError:
        raise _Unusable(1, "is not YAML: it holds half of a surrogate pair") from None


class _Builder:
    """Builds the tree out of a parser's events."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Node | None] = {}
        self.problems: list[Problem] = []

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise _Unusable(_line(event), "holds a second document; write one, without '---'")
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, ())
        return root

    def _node(self, event: Any, path: Path) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if event.tag not in {None, "!"}:
            self.problems.append(Problem(path, "has a tag; write the value without it", line))
        if len(path) > MAX_DEPTH:
            raise _Unusable(line, f"is nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.ScalarEvent):
            plain = not event.style and event.tag != "!"
            node = Node(scalar(event.value) if plain else event.value, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(line, path)
        else:
            node = self._mapping(line, path)
        node.column = event.start_mark.column + 1
        if node.size > MAX_NODES:
            raise _Unusable(line, f"holds more than {MAX_NODES} values, aliases written out")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _aliased(self, event: Any, line: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            known = event.anchor in self._anchors
            what = "contains itself" if known else "stands for nothing; define it before with &"
            raise _Unusable(line, f"the alias *{event.anchor} {what}")
        return node

    def _sequence(self, line: int, path: Path) -> Node:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, (*path, len(items))))
        return Node(items, line, 1 + sum(item.size for item in items))

    def _mapping(self, line: int, path: Path) -> Node:
        members: dict[str, tuple[int, Node]] = {}
        names: dict[str, int] = {}
        merged: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key_line, key_column = _line(event), event.start_mark.column + 1
            name = self._name(event, path)
            value = self._node(next(self._events), (*path, name or ""))
            if name == "<<":
                merged += self._mergeable(value, key_line, path)
            elif name in members:
                what = f"is given a second time, first in line {members[name][0]}; keep one"
                self.problems.append(Problem((*path, name), what, key_line, key_column))
            elif name is not None:
                members[name] = key_line, value
                names[name] = key_column
        for node in merged:
            if isinstance(node.value, dict):
                members = {**node.value, **members}
                names = {**node.names, **names}
        made = Node(members, line, 1 + sum(node.size for _, node in members.values()))
        made.names = names
        return made

    def _name(self, event: Any, path: Path) -> str | None:
        """A key; None, with a problem noted, for what cannot be one."""
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                self._anchors[event.anchor] = Node(event.value, _line(event))
            return event.value
        node = self._node(event, (*path, ""))
        if isinstance(node.value, str):
            return node.value
        self.problems.append(Problem(path, "has a key that is not a word; write 'name: value'", node.line))
        return None

    def _mergeable(self, node: Node, line: int, path: Path) -> list[Node]:
        """The mappings a `<<` brings in, in the order given: each is laid below what is there already."""
        nodes = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(each.value, dict) for each in nodes):
            return nodes
        self.problems.append(Problem((*path, "<<"), "merges what is not a mapping; write '<<: *name'", line))
        return []


def _line(event: Any) -> int:
    return event.start_mark.line + 1


def scalar(text: str) -> Scalar:
    """What a plain scalar stands for. A number too large to be one stays the text it is."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
