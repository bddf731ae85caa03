"""White space around tags: `~` takes it away, and a block, comment or partial alone on its line leaves no line behind.

The rules, and their exceptions, are those of Handlebars 4 (`whitespace-control.js`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from headgate.prompts.dotprompt.syntax import (
    Block,
    Comment,
    Content,
    Inline,
    Mustache,
    Partial,
    Program,
    Raw,
    Statement,
    Strip,
)
from headgate.prompts.dotprompt.values import WHITESPACE

_REST_OF_LINE = re.compile(r"[ \t]*\r?\n?")


class _Edges(NamedTuple):
    """How a statement stands to the white space around it."""

    open: bool
    close: bool
    open_standalone: bool = False
    close_standalone: bool = False
    inline_standalone: bool = False


def control(program: Program, *, root: bool = True) -> None:
    """Take away the white space that a template's tags take with them."""
    body = program.body
    for place, current in enumerate(body):
        edges = _edges(current)
        if edges is None:
            continue
        before = _white_before(body, place, root=root)
        behind = _white_behind(body, place, root=root)
        if edges.close:
            _omit_right(body, place + 1, every=True)
        if edges.open:
            _omit_left(body, place - 1, every=True)
        if edges.inline_standalone and before and behind:
            _omit_right(body, place + 1)
            if _omit_left(body, place - 1) and isinstance(current, Partial):
                current.indent = _indent(body[place - 1])
        if edges.open_standalone and before:
            _omit_right(_first(current).body, 0)
            _omit_left(body, place - 1)
        if edges.close_standalone and behind:
            _omit_right(body, place + 1)
            last = _last(current).body
            _omit_left(last, len(last) - 1)


def _edges(current: Statement) -> _Edges | None:
    match current:
        case Mustache(strip=strip):
            return _Edges(strip.open, strip.close)
        case Comment(strip=strip):
            return _Edges(strip.open, strip.close, inline_standalone=True)
        case Partial(strip=strip, block=None):
            return _Edges(strip.open, strip.close, inline_standalone=True)
        case Block() | Partial() | Inline() | Raw():
            return _of_block(current)
        case _:
            return None


def _of_block(block: Block | Partial | Inline | Raw) -> _Edges:
    program, inverse = _programs(block)
    for each in (program, inverse):
        if each is not None:
            control(each, root=False)
    open_strip, inverse_strip, close_strip = _strips(block)
    if program is None:
        program, inverse = inverse, None
    assert program is not None
    first = last = inverse
    if inverse is not None and inverse.chained:
        first = last = _inside(inverse.body[-1])
    edges = _Edges(
        open=open_strip.open,
        close=close_strip.close,
        open_standalone=_white_behind(program.body, -1),
        close_standalone=_white_before((first or program).body, len((first or program).body)),
    )
    if open_strip.close:
        _omit_right(program.body, 0, every=True)
    if inverse is not None and first is not None and last is not None:
        if inverse_strip.open:
            _omit_left(program.body, len(program.body) - 1, every=True)
        if inverse_strip.close:
            _omit_right(first.body, 0, every=True)
        if close_strip.open:
            _omit_left(last.body, len(last.body) - 1, every=True)
        if _white_before(program.body, len(program.body)) and _white_behind(first.body, -1):
            _omit_left(program.body, len(program.body) - 1)
            _omit_right(first.body, 0)
    elif close_strip.open:
        _omit_left(program.body, len(program.body) - 1, every=True)
    return edges


def _programs(block: Block | Partial | Inline | Raw) -> tuple[Program | None, Program | None]:
    if isinstance(block, Block):
        return block.program, block.inverse
    return (block.block if isinstance(block, Partial) else block.program), None


def _strips(block: Block | Partial | Inline | Raw) -> tuple[Strip, Strip, Strip]:
    if isinstance(block, Block):
        return block.open_strip, block.inverse_strip, block.close_strip
    if isinstance(block, Partial):
        return block.strip, Strip(), block.close
    if isinstance(block, Raw):
        return Strip(), Strip(), Strip()
    return block.open_strip, Strip(), block.close_strip


def _inside(chained: Statement) -> Program:
    """What a chained `else if` renders if it holds."""
    assert isinstance(chained, Block)
    assert chained.program is not None
    return chained.program


def _first(block: Statement) -> Program:
    program, inverse = _programs(block)  # type: ignore[arg-type]
    return program or inverse or Program([])


def _last(block: Statement) -> Program:
    program, inverse = _programs(block)  # type: ignore[arg-type]
    return inverse or program or Program([])


def _indent(before: Statement) -> str:
    """The spaces and tabs a content ends with."""
    assert isinstance(before, Content)
    return before.original[len(before.original.rstrip(" \t")) :]


def _white_before(body: list[Statement], place: int, *, root: bool = False) -> bool:
    """Whether what is before a place ends a line, which is also what the beginning of a template does."""
    if place < 1:
        return root
    previous = body[place - 1]
    if not isinstance(previous, Content):
        return False
    white = previous.original[len(previous.original.rstrip(WHITESPACE)) :]
    return "\n" in white or (place == 1 and root and white == previous.original)


def _white_behind(body: list[Statement], place: int, *, root: bool = False) -> bool:
    """Whether what is behind a place begins with a line's end, or is the end of a template."""
    if place + 1 >= len(body):
        return root
    following = body[place + 1]
    if not isinstance(following, Content):
        return False
    white = following.original[: len(following.original) - len(following.original.lstrip(WHITESPACE))]
    return "\n" in white or (place + 2 == len(body) and root and white == following.original)


def _omit_right(body: list[Statement], place: int, *, every: bool = False) -> None:
    """Take white space from the beginning of a content: all of it, or the rest of its first line."""
    content = body[place] if 0 <= place < len(body) else None
    if not isinstance(content, Content) or (not every and content.right_stripped):
        return
    value = content.value
    rest = _REST_OF_LINE.match(value)
    content.value = value.lstrip(WHITESPACE) if every else value[rest.end() if rest is not None else 0 :]
    content.right_stripped = content.value != value


def _omit_left(body: list[Statement], place: int, *, every: bool = False) -> bool:
    """Take white space from the end of a content: all of it, or what is on its last line. Whether there was any."""
    content = body[place] if 0 <= place < len(body) else None
    if not isinstance(content, Content) or (not every and content.left_stripped):
        return False
    value = content.value
    content.value = value.rstrip(WHITESPACE if every else " \t")
    content.left_stripped = content.value != value
    return content.left_stripped
