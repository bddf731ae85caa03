"""The helpers of templates: Handlebars' own and Dotprompt's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from headgate.prompts.dotprompt.running import LOOKS_AT_CLOCK_EVERY, Frame, Get, Op
from headgate.prompts.dotprompt.values import UNDEFINED, Value, as_json, empty, key, member, same, zero

Make = Callable[[Sequence[Get], Mapping[str, Get]], Get]


def _json(gets: Sequence[Get], named: Mapping[str, Get]) -> Get:
    value, indent = gets[0], named.get("indent")

    def get(frame: Frame) -> Value:
        shown = as_json(value(frame), indent(frame) if indent is not None else None)
        frame.run.write(len(shown))
        return shown

    return get


def _lookup(gets: Sequence[Get], _: Mapping[str, Get]) -> Get:
    value, name = gets

    def get(frame: Frame) -> Value:
        found = value(frame)
        return member(found, key(name(frame))) if _true(found) else found

    return get


def _log(_: Sequence[Get], __: Mapping[str, Get]) -> Get:
    """Nothing: what prompts hold is in no log."""
    return lambda _: UNDEFINED


VALUE_HELPERS: Final[Mapping[str, tuple[Make, int | None, frozenset[str]]]] = {
    "json": (_json, 1, frozenset({"indent"})),
    "lookup": (_lookup, 2, frozenset()),
    "log": (_log, None, frozenset({"level"})),
}
"""How many values each takes, None for any number, and its options."""

BLOCK_HELPERS: Final = frozenset({"each", "if", "ifEquals", "unless", "unlessEquals", "with"})
PART_HELPERS: Final = frozenset({"history", "media", "role", "section"})
HELPERS: Final = BLOCK_HELPERS | PART_HELPERS | VALUE_HELPERS.keys()


def branch(name: str, gets: Sequence[Get], include_zero: Get | None, body: Op, other: Op) -> Op:
    """`if`, `unless`, `ifEquals`, `unlessEquals`."""
    if name.startswith("unless"):
        body, other = other, body
    first = gets[0]
    if name.endswith("Equals"):
        second = gets[1]

        def compare(frame: Frame) -> None:
            (body if same(first(frame), second(frame)) else other)(frame)

        return compare

    def decide(frame: Frame) -> None:
        value = first(frame)
        nothing = empty(value) or (zero(value) and not (include_zero is not None and _true(include_zero(frame))))
        (other if nothing else body)(frame)

    return decide


def _true(value: Value) -> bool:
    return isinstance(value, list | tuple) or not (empty(value) or zero(value))


def with_(get: Get, body: Op, other: Op, names: tuple[str, ...], *, zero: bool = False) -> Op:
    """The body for a value, unless that is empty; `zero`: whatever it is."""

    def run(frame: Frame) -> None:
        value = get(frame)
        if not zero and empty(value):
            other(frame)
            return
        inner = frame.inner(value)
        if _stays(frame.this, value):
            inner.parent = frame.parent
        if names:
            inner.names = {**(frame.names or {}), names[0]: value, **dict.fromkeys(names[1:], UNDEFINED)}
        body(inner)

    return run


def each(get: Get, body: Op, other: Op, names: tuple[str, ...], *, asks: bool) -> Op:
    """The body for each of a list, or of a mapping's values; the other where there is none. `asks`: whether the body
    may look at `@index` and the like.
    """

    def run(frame: Frame) -> None:
        value = get(frame)
        is_list = isinstance(value, list | tuple)
        if not value or not (is_list or isinstance(value, dict)):
            other(frame)
            return
        work, last = frame.run, len(value) - 1
        work.step(1 + len(value))
        inner = frame.inner(None)
        data: dict[str, Value] | None = None
        if asks:
            work.step(len(frame.data.values) // 16)
            inner.data = frame.data.inner()
            data = inner.data.values
        for place, (name, this) in enumerate(enumerate(value) if is_list else value.items()):
            if place % LOOKS_AT_CLOCK_EVERY == LOOKS_AT_CLOCK_EVERY - 1:
                work.look()
            inner.this = this
            if type(this) is not dict:
                inner.parent = frame.parent if _stays(frame.this, this) else frame
            if data is not None:
                data["key"] = name
                data["index"] = place
                data["first"] = place == 0
                data["last"] = place == last
            if names:
                inner.names = _taken(frame, names, this, name)
            body(inner)

    return run


def _stays(this: Value, value: Value) -> bool:
    """Whether a block for a value is where it was before, so that `../` does not lead from one to the other."""
    if isinstance(value, dict | list | tuple):
        return value is this
    return type(value) is type(this) and value == this


def _taken(frame: Frame, names: tuple[str, ...], value: Value, name: Value) -> dict[str, Value]:
    given = (value, name, *(UNDEFINED for _ in names))
    return {**(frame.names or {}), **dict(zip(names, given, strict=False))}
