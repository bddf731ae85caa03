"""What a vendor's export says, in one form for all."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import msgspec

from headgate.types import Usage

Vendor = Literal["openai", "anthropic"]
DAY_US = 86_400_000_000

WEB_SEARCH = "web-search"
"""What searches are filed under, which vendors do not bill by model."""


class UnreadableExport(ValueError):
    """An export that cannot be read: `file:line: field: what is wrong`."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What one line of an export says: of a time, and of a model, a key and so on where it is divided by them."""

    start_us: int
    end_us: int
    model: str = ""
    """As the vendor names it; empty where the export is not divided by model, or the charge is for none."""
    api_key: str = ""
    """The vendor's id or name of the key."""
    scope: str = ""
    """The vendor's project or workspace."""
    how: str = ""
    """How it was processed, as prices have it: `batch`, `flex`, `priority`, `fast`."""
    long: bool = False
    """Whether its prompts were in the dearer tier of length."""
    usage: Usage = Usage()
    requests: int = 0
    item: str = ""
    """What a cost is for, where that is no model's tokens."""
    picodollars: Fraction | None = None
    """Exactly as written; None in an export of usage."""
    tolerance: Fraction = Fraction(0)
    """By how much the amount may be off because it was rounded when it was written."""
    where: str
    """The file, and the line or path in it."""

    @property
    def day(self) -> int:
        """Days since the epoch, UTC."""
        return self.start_us // DAY_US

    @property
    def identity(self) -> tuple[object, ...]:
        """What the same line of another file of the same export would share."""
        about = (self.model, self.api_key, self.scope, self.how, self.long, self.item)
        return (self.start_us, self.end_us, self.picodollars is None, *about)


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a vendor's account."""

    source: str
    vendor: Vendor
    kind: Literal["usage", "cost"]
    buckets: tuple[Bucket, ...]
    from_us: int
    to_us: int
    """The time it covers, buckets without anything in them included."""
    categories: frozenset[str] = frozenset()
    """What an export of usage tells apart; the rest of `Usage` it does not mention."""
    by_model: bool = True
    by_key: bool = True


_DATE = re.compile(r"[-@]\d{4}-?\d{2}-?\d{2}$")


@lru_cache(4096)
def family(model: str) -> str:
    """A model's name without what differs between an id, a dated id and a display name: `Claude Haiku 4.5`,
    `claude-haiku-4-5` and `claude-haiku-4-5-20251001` are one.
    """
    name = re.sub(r"[ ._]+", "-", model.strip().lower())
    return _DATE.sub("", name.removesuffix("-latest"))


def day_text(day: int) -> str:
    """A day since the epoch as people write it: `2026-11-01`."""
    return date.fromordinal(719_163 + day).isoformat()
