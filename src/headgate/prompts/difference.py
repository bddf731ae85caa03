"""Two versions of a prompt held against each other: what it is made of, what it says, and what callers would notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any, Final

import msgspec

from headgate.prompts.compatibility import Break, breaks
from headgate.prompts.dotprompt.prompt import Prompt
from headgate.prompts.dotprompt.uses import EVERY, uses_of
from headgate.prompts.outline import outline

MAX_DEPTH: Final = 40
"""Of schemas that are told member by member."""


class Change(msgspec.Struct, frozen=True):
    """Something a prompt says of itself, or is made of."""

    what: str
    """`model`, `config.temperature`, `input.order.state: enum`, `tool find`, `outline`."""
    before: Any = None
    """None where it was not there."""
    after: Any = None


class TextChange(msgspec.Struct, frozen=True):
    """A file that a prompt needs."""

    file: str
    lines: list[str]
    """As `diff -u` writes them."""


class Difference(msgspec.Struct, frozen=True):
    """What became of one prompt."""

    changes: list[Change]
    breaks: list[Break]
    texts: list[TextChange]


def difference(before: Prompt, after: Prompt) -> Difference:
    """What is different in the second of two prompts: versions or variants of one, or any two."""
    return Difference(
        changes=[each for each in _changes(before, after) if each.before != each.after],
        breaks=breaks(before, after),
        texts=list(_texts(before, after)),
    )


def text_diff(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The lines that differ, with two around them; nothing where none does."""
    return list(unified_diff(before, after, lineterm="", n=2))[2:]


def _changes(before: Prompt, after: Prompt) -> Iterator[Change]:
    for name in ("name", "variant", "model", "description"):
        yield Change(name, getattr(before, name), getattr(after, name))
    for name in ("config", "settings", "metadata"):
        yield from _named(name, getattr(before, name), getattr(after, name))
    yield Change("output.format", before.output_format, after.output_format)
    yield from _named("input.default", before.input_default, after.input_default)
    for name, was, now in (
        ("input", before.input_schema, after.input_schema),
        ("output", before.output_schema, after.output_schema),
    ):
        yield from _schema(name, was, now)
    yield Change("tools of the caller", sorted(before.tools) or None, sorted(after.tools) or None)
    yield from _named("tool", _tools(before), _tools(after), " ")
    yield Change("outline", outline(before), outline(after))
    yield Change("inputs used", _used(before), _used(after))


def _named(what: str, before: Mapping[str, Any], after: Mapping[str, Any], mark: str = ".") -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        yield Change(f"{what}{mark}{name}", before.get(name), after.get(name))


def _schema(what: str, before: Any, after: Any, depth: int = 0) -> Iterator[Change]:
    """Member by member as far as both are mappings, so that what is told is what is different."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping) or depth > MAX_DEPTH:
        yield Change(what, before, after)
        return
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        if key == "properties" and isinstance(was, Mapping) and isinstance(now, Mapping):
            for name in dict.fromkeys([*was, *now]):
                yield from _schema(f"{what}.{name}", was.get(name), now.get(name), depth + 1)
        elif key == "items":
            yield from _schema(f"{what}[]", was, now, depth + 1)
        else:
            yield Change(f"{what}: {key}", was, now)


def _tools(prompt: Prompt) -> dict[str, Any]:
    return {str(each.get("name")): each for each in prompt.tool_defs}


def _used(prompt: Prompt) -> list[str]:
    used = frozenset[str]().union(*(each.inputs for each in uses_of(prompt)))
    return sorted(used - {EVERY}) + (["all of them"] if EVERY in used else [])


def _texts(before: Prompt, after: Prompt) -> Iterator[TextChange]:
    """File by file; those of the prompts themselves are one also where they are called otherwise."""
    was, now = dict(before.sources), dict(after.sources)
    name = before.file if before.file == after.file else f"{before.file} -> {after.file}"
    pairs = [(name, was.pop(before.file), now.pop(after.file))]
    pairs += [(file, was.get(file, ""), now.get(file, "")) for file in sorted({*was, *now})]
    for file, old, new in pairs:
        if lines := text_diff(old.split("\n"), new.split("\n")):
            yield TextChange(file, lines)
