"""What is different between two versions of a prompt, or two prompts."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.prompts import difference as differing
from headgate.prompts.dotprompt import Prompt


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
    found = differing.difference(before, after)
    return DiffView(
        before=f"{before.full_name}@{before.version}",
        after=f"{after.full_name}@{after.version}",
        changes=[ChangeView(what=each.what, before=each.before, after=each.after) for each in found.changes],
        breaks=[str(each) for each in found.breaks],
        texts=[TextView(file=each.file, lines=each.lines) for each in found.texts],
    )
