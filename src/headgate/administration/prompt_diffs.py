"""What is different between two versions of a prompt, or two prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

import msgspec

from headgate.prompts.dotprompt import Prompt

CONTEXT = 3
"""Lines around what differs."""


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """Something a prompt says of itself that is other now."""

    what: str
    """`model`, `config.temperature`, `input.order`."""
    before: Any
    """Null where it was not there."""
    after: Any


class TextView(msgspec.Struct, frozen=True, kw_only=True):
    """A file that differs."""

    file: str
    lines: list[str]
    """As `diff -u` writes them."""


class DiffView(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions held against each other."""

    before: str
    """`support/triage@` and the whole version."""
    after: str
    changes: list[ChangeView]
    breaks: list[str]
    """What callers would notice: inputs and outputs that no longer fit."""
    texts: list[TextView]


def difference(before: Prompt, after: Prompt) -> DiffView:
    """What is different in the second."""
    return DiffView(
        before=f"{before.full_name}@{before.version}",
        after=f"{after.full_name}@{after.version}",
        changes=[each for each in _changes(before, after) if each.before != each.after],
        breaks=[],
        texts=list(_texts(before, after)),
    )


def _changes(before: Prompt, after: Prompt) -> Iterator[ChangeView]:
    for name in ("model", "description", "output_format"):
        yield ChangeView(what=name, before=getattr(before, name), after=getattr(after, name))
    pairs: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("config", before.config, after.config),
        ("headgate", before.settings, after.settings),
        ("input", _members(before.input_schema), _members(after.input_schema)),
        ("output", _members(before.output_schema), _members(after.output_schema)),
    )
    for what, was, now in pairs:
        for name in sorted({*was, *now}):
            yield ChangeView(what=f"{what}.{name}", before=was.get(name), after=now.get(name))


def _members(schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = (schema or {}).get("properties")
    return found if isinstance(found, Mapping) else {}


def _texts(before: Prompt, after: Prompt) -> Iterator[TextView]:
    was, now = dict(before.sources), dict(after.sources)
    own = before.file if before.file == after.file else f"{before.file} → {after.file}"
    pairs = [(own, was.pop(before.file, ""), now.pop(after.file, ""))]
    pairs += [(file, was.get(file, ""), now.get(file, "")) for file in sorted({*was, *now})]
    for file, old, new in pairs:
        lines = list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=CONTEXT))[2:]
        if lines or old != new:
            yield TextView(file=file, lines=lines)
