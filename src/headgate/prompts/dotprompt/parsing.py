"""A template as a tree. What is wrong is noted, and reading goes on behind it, so that all of it is told at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.dotprompt.syntax import (
    Block,
    Call,
    Comment,
    Content,
    Inline,
    Literal,
    Mustache,
    Partial,
    Path,
    Program,
    Raw,
    Statement,
    Strip,
)
from headgate.prompts.dotprompt.tags import Tag, tags
from headgate.prompts.dotprompt.whitespace import control

MAX_DEPTH: Final = 50
"""Levels of blocks within blocks."""
MAX_ELSES: Final = 100
"""Of a block and those around it: what is behind each is a level deeper."""


class _TooDeep(Exception):
    """The template cannot be read any further."""


@dataclass(slots=True)
class _Open:
    """A block whose end has not come yet."""

    tag: Tag
    program: Program
    elses: list[tuple[Tag, Program]] = field(default_factory=list)
    """Each `{{else}}` and what is behind it."""


def parse(source: str, start: int, end: int, notes: Notes) -> Program:
    """The tree of the template between two places of a text, white space taken away where its tags take it."""
    root = Program([])
    try:
        opened = _read(root, source, start, end, notes)
    except _TooDeep:
        return root
    for each in opened:
        notes.note(each.tag.offset, f"the block is not closed; end it with {{{{/{_name(each.tag)}}}}}")
    control(root)
    return root


def _read(root: Program, source: str, start: int, end: int, notes: Notes) -> list[_Open]:
    """Put into a program what stands between two places; the blocks that are not closed."""
    opened: list[_Open] = []
    here = root
    for tag in tags(source, start, end, notes):
        match tag.kind:
            case "block" | "open_inverse" | "partial_block" | "inline":
                if len(opened) == MAX_DEPTH:
                    notes.note(tag.offset, f"blocks are nested more than {MAX_DEPTH} deep")
                    raise _TooDeep
                opened.append(_Open(tag, Program([], tag.names)))
                here = opened[-1].program
            case "inverse" | "chain":
                here = _else(tag, opened, here, notes)
            case "end":
                here = _end(tag, opened, root, notes)
            case _:
                statement = _statement(tag, notes)
                if statement is not None:
                    here.body.append(statement)
    return opened


def _statement(tag: Tag, notes: Notes) -> Statement | None:
    if tag.kind == "content":
        return Content(tag.text, tag.offset)
    if tag.kind == "comment":
        return Comment(tag.strip, tag.offset)
    if tag.call is None:
        return None
    if tag.kind == "mustache":
        return Mustache(tag.call, tag.strip, tag.offset)
    if tag.kind == "partial":
        return Partial(tag.call, tag.strip, tag.offset)
    if tag.kind == "raw":
        if _name(tag) != "raw":
            notes.note(tag.offset, f"there is no raw helper '{_name(tag)}'; write {{{{{{{{raw}}}}}}}}")
        return Raw(Program([Content(tag.text, tag.offset)]), tag.offset)
    notes.note(tag.offset, "there are no decorators but {{#*inline}}")
    return None


def _else(tag: Tag, opened: list[_Open], here: Program, notes: Notes) -> Program:
    if not opened:
        notes.note(tag.offset, "'else' stands outside of a block")
        return here
    block = opened[-1]
    if block.tag.kind in ("inline", "partial_block"):
        notes.note(tag.offset, f"there is no 'else' in {{{{#{_name(block.tag)}}}}}")
        return here
    if block.elses and block.elses[-1][0].kind == "inverse":
        notes.note(tag.offset, "the block has an 'else' already")
        return here
    if sum(len(each.elses) for each in opened) == MAX_ELSES:
        notes.note(
            tag.offset, f"there are more than {MAX_ELSES} 'else' in a row; write a block of its own, or 'lookup'"
        )
        raise _TooDeep
    program = Program([], tag.names)
    block.elses.append((tag, program))
    return program


def _end(tag: Tag, opened: list[_Open], root: Program, notes: Notes) -> Program:
    if not opened:
        notes.note(tag.offset, f"{{{{/{_name(tag)}}}}} ends a block that was not begun")
        return root
    block = opened.pop()
    if block.tag.call is not None and tag.call is not None and _name(block.tag) != _name(tag):
        line, _ = notes.place(block.tag.offset)
        notes.note(tag.offset, f"{{{{/{_name(tag)}}}}} does not end the block of line {line}, '{_name(block.tag)}'")
    parent = opened[-1] if opened else None
    here = root if parent is None else parent.elses[-1][1] if parent.elses else parent.program
    statement = _closed(block, tag, notes)
    if statement is not None:
        here.body.append(statement)
    return here


def _closed(block: _Open, end: Tag, notes: Notes) -> Statement | None:
    tag = block.tag
    if tag.call is None:
        return None
    if tag.kind == "partial_block":
        return Partial(tag.call, tag.strip, tag.offset, block=block.program, close=end.strip)
    if tag.kind == "inline":
        return _inline(tag, block.program, end, notes)
    program, inverse, strip = block.program, *_inverse(block.elses, end.strip)
    if inverse is not None and inverse.chained:
        chained = inverse.body[0]
        assert isinstance(chained, Block)
        chained.close_strip = end.strip
    if tag.kind == "open_inverse":
        program, inverse = inverse, program
    return Block(tag.call, program, inverse, tag.strip, strip, end.strip, tag.offset)


def _inverse(elses: list[tuple[Tag, Program]], close: Strip) -> tuple[Program | None, Strip]:
    """What is behind a block's first `else`, and how that strips. An `else if` is a block in a block of its own."""
    if not elses:
        return None, Strip()
    (tag, program), *rest = elses
    if tag.kind == "inverse":
        return program, tag.strip
    if tag.call is None:
        return None, Strip()
    inverse, strip = _inverse(rest, close)
    inner_close = rest[0][0].strip if rest else close
    block = Block(tag.call, program, inverse, tag.strip, strip, inner_close, tag.offset)
    if inverse is not None and inverse.chained:
        chained = inverse.body[0]
        assert isinstance(chained, Block)
        chained.close_strip = inner_close
    return Program([block], chained=True), tag.strip


def _inline(tag: Tag, program: Program, end: Tag, notes: Notes) -> Statement | None:
    call = tag.call
    assert call is not None
    named = isinstance(call.path, Path) and call.path.original == "inline" and len(call.params) == 1
    if not named or not isinstance(call.params[0], Literal):
        notes.note(tag.offset, 'write {{#*inline "name"}}')
        return None
    return Inline(call.params[0].original, program, tag.strip, end.strip, tag.offset)


def _name(tag: Tag) -> str:
    return name_of(tag.call) if tag.call is not None else "…"


def name_of(call: Call) -> str:
    """What a tag begins with, as written."""
    return call.path.original if isinstance(call.path, Path | Literal) else "(…)"
