"""What a template does when it runs: what statements and expressions become, as functions of where the template is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headgate.prompts.dotprompt.helpers import each, with_
from headgate.prompts.dotprompt.messages import Item, Media
from headgate.prompts.dotprompt.problem import RenderRefused
from headgate.prompts.dotprompt.running import Cell, Data, Frame, Get, Op, Supplied, indented, nothing
from headgate.prompts.dotprompt.values import UNDEFINED, Value, member, text

Target = Callable[[Frame], Op | Supplied | None]
"""The partial to render, where there is one."""


def sequence(ops: Sequence[Op], characters: int) -> Op:
    if not ops:
        return nothing

    def run(frame: Frame) -> None:
        left = frame.run.left - characters
        frame.run.left = left
        if left < 0:
            frame.run.write(0)
        for op in ops:
            op(frame)

    return run


def defining(inlines: list[tuple[str, Op]], run: Op) -> Op:
    def define(frame: Frame) -> None:
        before = frame.inlines
        frame.inlines = {**(before or {}), **{name: Supplied(op, frame) for name, op in inlines}}
        run(frame)
        frame.inlines = before

    return define


def writing(value: str) -> Op:
    return lambda frame: frame.out.append(value)


def filling(pieces: Sequence[tuple[str, tuple[str, ...]]], rest: str) -> Op:
    """Text with values of here in it: each piece is what stands before a value, and the way to it. Most of most
    templates is of this kind.
    """
    ways = [(before, steps[0], steps[1:]) for before, steps in pieces]

    def fill(frame: Frame) -> None:
        append, this, run = frame.out.append, frame.this, frame.run
        found = this if type(this) is dict else None
        left = run.left
        for before, name, steps in ways:
            if before:
                append(before)
            value = found.get(name) if found is not None else member(this, name)
            if steps:
                value = _down(value, steps)
            if type(value) is not str:
                if value is None or value is UNDEFINED:
                    continue
                value = text(value)
            left -= len(value)
            if left < 0:
                break
            append(value)
        run.left = left
        if left < 0:
            run.write(0)
        if rest:
            append(rest)

    return fill


def placing(item: Item) -> Op:
    return lambda frame: frame.out.append(item)


def valued(get: Get) -> Op:
    def write(frame: Frame) -> None:
        value = get(frame)
        if type(value) is not str:
            if value is UNDEFINED or value is None:
                return
            value = text(value)
        left = frame.run.left - len(value)
        frame.run.left = left
        if left < 0:
            frame.run.write(0)
        frame.out.append(value)

    return write


def written(frame: Frame, value: Value) -> str:
    """A value as text on the way to something else."""
    shown = text(value)
    frame.run.write(len(shown))
    return shown


def media(url: Get, kind: Get | None) -> Op:
    def write(frame: Frame) -> None:
        address = written(frame, url(frame))
        if address:
            frame.out.append(Media(address, written(frame, kind(frame)) or None if kind is not None else None))

    return write


def for_value(get: Get, body: Op, other: Op, names: tuple[str, ...], *, asks: bool) -> Op:
    """A block of a value: for each of a list, in a mapping or text, or if it is true."""
    loop = each(get, body, other, names, asks=asks)
    inside = with_(get, body, other, names, zero=True)

    def run(frame: Frame) -> None:
        value = get(frame)
        if value is True:
            body(frame)
        elif value is False or value is None or value is UNDEFINED:
            other(frame)
        elif isinstance(value, list | tuple):
            loop(frame)
        else:
            inside(frame)

    return run


def static_target(name: str, cell: Cell | None) -> Target:
    if name == "@partial-block":
        return lambda frame: frame.data.block

    def target(frame: Frame) -> Op | Supplied | None:
        inline = frame.inlines.get(name) if frame.inlines else None
        return inline if inline is not None else None if cell is None else cell.op

    return target


def including(
    target: Target,
    this: Get | None,
    named: list[tuple[str, Get]],
    indent: str,
    block: Op | None,
    inlines: list[tuple[str, Op]],
) -> Op:
    def include(frame: Frame) -> None:
        value = frame.this if this is None else this(frame)
        if named:
            base = value if isinstance(value, dict) else {}
            frame.run.step(1 + len(base) // 16)
            value = {**base, **{name: get(frame) for name, get in named}}
        run = frame.run
        run.step()
        run.deeper()
        out: list[Item] = [] if indent else frame.out
        inner = Frame(value, None, frame.data, None, out, run, frame.inlines)
        found = target(frame)
        if block is not None:
            inner.data = Data(frame.data.values, frame.data, Supplied(block, frame, level=True))
            if inlines:
                inner.inlines = {**(frame.inlines or {}), **{name: Supplied(op, frame) for name, op in inlines}}
            if found is None:
                found = inner.data.block
        if found is None:
            raise RenderRefused("the prompt renders a partial that does not exist with these inputs")
        if isinstance(found, Supplied):
            _supply(found, inner)
        else:
            found(inner)
        run.depth += 1
        if indent:
            moved = indented(out, indent)
            run.write(len(indent) * max(0, len(moved) - len(out)))
            frame.out.extend(moved)

    return include


def _supply(found: Supplied, inner: Frame) -> None:
    """Render, for a frame, what was written elsewhere: it sees what is around it there, and the value of here."""
    written = found.frame
    inner.parent = written if inner.this is not written.this else written.parent
    inner.names = written.names
    parent = inner.data if found.level else inner.data.parent
    inner.data = Data(inner.data.values, parent, written.data.block)
    found.op(inner)


# ── what expressions become ──


def constant(value: Value) -> Get:
    return lambda _: value


def _down(value: Value, parts: Sequence[str]) -> Value:
    for part in parts:
        if type(value) is dict:
            value = value.get(part, UNDEFINED)
        elif value is None or value is UNDEFINED:
            return value
        else:
            value = member(value, part)
    return value


def here(parts: tuple[str, ...]) -> Get:
    if not parts:
        return lambda frame: frame.this
    if len(parts) > 1:
        return lambda frame: _down(frame.this, parts)
    part = "".join(parts)

    def get(frame: Frame) -> Value:
        this = frame.this
        return this.get(part, UNDEFINED) if type(this) is dict else member(this, part)

    return get


def above(depth: int, parts: tuple[str, ...]) -> Get:
    def get(frame: Frame) -> Value:
        above: Frame | None = frame
        for _ in range(depth):
            above = above.parent if above is not None else None
        return UNDEFINED if above is None else _down(above.this, parts)

    return get


def parameter(name: str, parts: tuple[str, ...]) -> Get:
    return lambda frame: _down((frame.names or {}).get(name, UNDEFINED), parts)


def variable(parts: tuple[str, ...], depth: int) -> Get:
    if not parts:
        return constant(UNDEFINED)
    name, rest = parts[0], parts[1:]

    def get(frame: Frame) -> Value:
        data: Data | None = frame.data
        for _ in range(depth):
            data = data.parent if data is not None else None
        return UNDEFINED if data is None else _down(data.values.get(name, UNDEFINED), rest)

    return get
