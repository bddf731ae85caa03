"""Who answers for a prompt, and by when it is to be looked at: what its file says under `headgate.…`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

import msgspec

REMEMBERED = 4096
"""Versions whose settings are held in memory: they never change."""

Due = Literal["", "review", "expired"]


class Upkeep(msgspec.Struct, frozen=True):
    """What is said of a version."""

    owner: str | None = None
    model: str | None = None
    """Its own, where it names one."""
    review_by: date | None = None
    """The last day before somebody is to look at it again."""
    expires: date | None = None
    """The last day it is to be used."""

    def due(self, today: date) -> Due:
        """What is overdue."""
        if self.expires is not None and self.expires < today:
            return "expired"
        return "review" if self.review_by is not None and self.review_by < today else ""


def upkeep(settings: Mapping[str, Any], model: str | None = None) -> Upkeep:
    """What a prompt's settings say; a file that was published has been checked."""
    owner = settings.get("owner")
    return Upkeep(
        owner if isinstance(owner, str) else None, model, _day(settings.get("review_by")), _day(settings.get("expires"))
    )


class Upkeeps:
    """What published versions say, each read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Upkeep] = {}

    def missing(self, name: str, digest: str) -> bool:
        """Whether a version's files are needed to tell."""
        return (name, digest) not in self._known

    def of(self, name: str, digest: str, sources: Mapping[str, str] | None = None) -> Upkeep:
        """What a version says; nothing where it is not known and cannot be read."""
        known = self._known.get((name, digest))
        if known is not None or sources is None:
            return known or Upkeep()
        from headgate.prompts.dotprompt import load_sources  # a template language is for who has prompts

        prompt = load_sources(sources, strict=False).prompts.get(name)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        found = self._known[name, digest] = Upkeep() if prompt is None else upkeep(prompt.settings, prompt.model)
        return found


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
