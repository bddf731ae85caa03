"""What a detector says."""

from __future__ import annotations

from typing import Literal

import msgspec

Standing = Literal["bad", "unclear", "fine", "no_data"]


class Verdict(msgspec.Struct, frozen=True):
    """How one series stands to what it should be."""

    standing: Standing
    value: float | None = None
    """What was seen, in the unit of what is looked at."""
    limit: float | None = None
    """What it would have to be within."""
    usual: float | None = None
    """What it is at other times, where that is known."""
    window_s: int = 0
    """Of which time the value is; 0 where it is of no time."""


NO_DATA = Verdict("no_data")
"""There is too little to say anything."""


def worst(verdicts: list[Verdict]) -> Verdict:
    """The first that is bad; else the first that is unclear, fine, without data."""
    order: tuple[Standing, ...] = ("bad", "unclear", "fine", "no_data")
    return min(verdicts, key=lambda each: order.index(each.standing), default=NO_DATA)
