"""A template cut into text and tags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, cast

import msgspec

from headgate.prompts.dotprompt.expressions import BARE, Misread, Reader, W
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.dotprompt.syntax import Call, Path, Strip

Kind = Literal[
    "content", "comment", "mustache", "partial", "partial_block", "block", "inline", "end", "inverse", "open_inverse",
    "chain", "raw", "decorator",
]  # fmt: skip

_BEGINNINGS = {
    "partial_block": "#>",
    "inline": r"#\*",
    "block": "#",
    "end": "/",
    "partial": ">",
    "inverse": rf"(?:\^{W}*|{W}*else{W}*)~?\}}\}}",
    "open_inverse": r"\^",
    "chain": rf"{W}*else(?![A-Za-z0-9_])",
    "long_comment": "!--",
    "comment": "!",
    "unescaped": r"\{",
    "decorator": r"\*",
    "mustache": "&?",
}
"""What each kind of tag begins with, tried in this order."""

_OPEN = re.compile(
    rf"\{{\{{(?P<strip>~?)(?:{'|'.join(f'(?P<{kind}>{begins})' for kind, begins in _BEGINNINGS.items())})"
)
_CLOSE = re.compile(r"~\}\}|\}\}(?!\})")
_CLOSE_UNESCAPED = re.compile(r"\}~?\}\}")
_CLOSE_RAW = re.compile(r"\}\}\}\}")
_LONG_END = re.compile(r"--~?\}\}")
_RAW_EDGE = re.compile(rf"\{{\{{\{{\{{(?:/({BARE})\}}\}}\}}\}}|(?!/))")
"""What begins or ends a raw block within one, and the name it ends."""

MAX_TAGS: Final = 20_000


class Tag(msgspec.Struct, frozen=True):
    """A stretch of text, or what stands between braces."""

    kind: Kind
    offset: int
    text: str = ""
    call: Call | None = None
    """None in one that could not be read, and where there is none."""
    names: tuple[str, ...] = ()
    strip: Strip = msgspec.field(default_factory=Strip)


def tags(source: str, start: int, end: int, notes: Notes) -> Iterator[Tag]:
    """The tags between two places of a text. One that cannot be read is noted, and has no call."""
    at, count = start, 0
    while at < end:
        found = source.find("{{", at, end)
        if found < 0:
            yield Tag("content", at, source[at:end])
            return
        count += 1
        if count > MAX_TAGS:
            notes.note(found, f"the template has more than {MAX_TAGS} tags")
            return
        before = source[at:found]
        if before.endswith("\\") and not before.endswith("\\\\"):
            if before[:-1]:
                yield Tag("content", at, before[:-1])
            at = _escaped(source, found, end)
            yield Tag("content", found, source[found:at])
            continue
        if before.endswith("\\\\"):
            before = before[:-1]
        if before:
            yield Tag("content", at, before)
        tag, at = _tag(source, found, end, notes)
        yield tag


def _escaped(source: str, at: int, end: int) -> int:
    """Where the text behind an escaped tag ends: at the next tag, escaped or not."""
    following = source.find("{{", at + 2, end)
    if following < 0:
        return end
    for _ in range(2):
        if following - 1 >= at + 2 and source[following - 1] == "\\":
            following -= 1
    return following


def _tag(source: str, at: int, end: int, notes: Notes) -> tuple[Tag, int]:
    if source.startswith("{{{{", at):
        return _raw(source, at, end, notes)
    opened = _OPEN.match(source, at, end)
    assert opened is not None
    kind = opened.lastgroup
    strip = opened.group("strip") == "~"
    if kind in ("comment", "long_comment"):
        return _comment(source, opened, end, notes)
    if kind == "inverse":
        return Tag("inverse", at, strip=Strip(strip, opened.group()[-3] == "~")), opened.end()
    unescaped = kind == "unescaped"
    named = cast("Kind", "mustache" if unescaped else kind)
    reader = Reader(source, opened.end(), end)
    try:
        close = _CLOSE_UNESCAPED if unescaped else _CLOSE
        call, names, closed = reader.head(close, names=kind in ("block", "open_inverse", "chain"))
    except Misread as error:
        notes.note(error.offset, error.message)
        behind = source.find("}}", error.offset, end)
        return Tag(named, at), end if behind < 0 else behind + 2
    return Tag(named, at, call=call, names=names, strip=Strip(strip, closed[-3:-2] == "~")), reader.at


def _comment(source: str, opened: re.Match[str], end: int, notes: Notes) -> tuple[Tag, int]:
    at = opened.start()
    if opened.lastgroup == "long_comment":
        closed = _LONG_END.search(source, opened.end() - 2, end)
        behind = -1 if closed is None else closed.end()
    else:
        behind = source.find("}}", opened.end(), end)
        behind = behind if behind < 0 else behind + 2
    if behind < 0:
        notes.note(at, "the comment is not closed")
        return Tag("comment", at), end
    return Tag("comment", at, strip=Strip(opened.group("strip") == "~", source[behind - 3] == "~")), behind


def _raw(source: str, at: int, end: int, notes: Notes) -> tuple[Tag, int]:
    reader = Reader(source, at + 4, end)
    try:
        call, _, _ = reader.head(_CLOSE_RAW)
    except Misread as error:
        notes.note(error.offset, error.message)
        return Tag("raw", at), end
    depth, place = 1, reader.at
    while depth:
        edge = _RAW_EDGE.search(source, place, end)
        if edge is None:
            notes.note(at, "the raw block is not closed; end it with its name: {{{{/raw}}}}")
            return Tag("raw", at), end
        ended = edge.group(1)
        depth += -1 if ended else 1
        place = edge.end()
        if not depth:
            if isinstance(call.path, Path) and ended != call.path.original:
                notes.note(edge.start(), f"{{{{{{{{/{ended}}}}}}}}} does not end the raw block '{call.path.original}'")
            return Tag("raw", at, source[reader.at : edge.start()], call), place
    raise AssertionError
