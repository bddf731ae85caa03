"""What a move comes to: what carries over, what changes its meaning, what cannot be carried, each with why and what to
do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Literal

import msgspec

Kind = Literal["carries", "changes", "cannot"]

TITLES: dict[Kind, str] = {
    "carries": "Carries over",
    "changes": "Changes its meaning",
    "cannot": "Cannot be carried",
}

_NAMED = 5
"""Places of one finding that are named; the others are counted."""

_WIDTH = 118


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing, and what becomes of it."""

    kind: Kind
    area: str
    """What it is about: `models`, `keys`, …"""
    places: list[str]
    """Where it is: `model_list[0].litellm_params.rpm`, `key ci`."""
    what: str
    """What becomes of it."""
    why: str = ""
    do: str = ""
    """What its owner has to do."""


class Report:
    """Findings, in the order they were made. What is said of several places is one finding."""

    def __init__(self, guide: str) -> None:
        self.guide = guide
        """The page that says what an importer knows."""
        self._places: dict[tuple[Kind, str, str, str, str], dict[str, None]] = {}

    def carries(self, area: str, place: str, what: str) -> None:
        self._add("carries", area, place, what)

    def changes(self, area: str, place: str, what: str, *, why: str = "", do: str = "") -> None:
        self._add("changes", area, place, what, why, do)

    def cannot(self, area: str, place: str, what: str, *, why: str, do: str) -> None:
        self._add("cannot", area, place, what, why, do)

    @property
    def findings(self) -> list[Finding]:
        return [
            Finding(kind=kind, area=area, places=list(places), what=what, why=why, do=do)
            for (kind, area, what, why, do), places in self._places.items()
        ]

    def of(self, kind: Kind) -> list[Finding]:
        return [each for each in self.findings if each.kind == kind]

    def lines(self) -> Iterator[str]:
        """The report for people to read."""
        for kind, title in TITLES.items():
            found = self.of(kind)
            yield f"{title} ({len(found)})" if found else f"{title}: nothing"
            area = ""
            for each in sorted(found, key=lambda finding: finding.area):
                if each.area != area:
                    area = each.area
                    yield f"  {area}"
                yield from _lines(each)
            yield ""

    def _add(self, kind: Kind, area: str, place: str, what: str, why: str = "", do: str = "") -> None:
        self._places.setdefault((kind, area, what, why, do), {})[place] = None


def _lines(finding: Finding) -> Iterator[str]:
    yield from _wrapped(f"{_named(finding.places)}: {finding.what}", "    - ", "      ")
    if finding.why:
        yield from _wrapped(f"why: {finding.why}", "      ", "           ")
    if finding.do:
        yield from _wrapped(f"do:  {finding.do}", "      ", "           ")


def _named(places: Sequence[str]) -> str:
    more = len(places) - _NAMED
    named = ", ".join(places[:_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
