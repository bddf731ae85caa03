"""Keys that are not what they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Literal

import msgspec

from headgate.reports.changes import FEWEST, Compared
from headgate.reports.reading import Group
from headgate.telemetry.rollups.names import OTHER

TIMES = 2.0
"""How many times as much, or as little, is unusual: of what all calls together are to what they were."""


class Unusual(msgspec.Struct, frozen=True, kw_only=True):
    """One key, and what is unusual about it."""

    key: str
    what: Literal["new", "silent", "changed"]
    calls_before: int
    calls: int
    changes: list[Compared]
    """What is sure, where it changed."""


def unusual(keys: Group, compared: Sequence[Compared]) -> list[Unusual]:
    """Keys with many calls that had none before, the other way round, or with figures that doubled or halved."""
    return sorted(_unusual(keys, compared), key=lambda each: (-max(each.calls, each.calls_before), each.key))


def _unusual(keys: Group, compared: Sequence[Compared]) -> Iterator[Unusual]:
    whole = {each.measure: each.ratio.estimate for each in compared if each.dimension is None}
    for name, both in keys.items():
        before, after = both.totals("calls")
        if name == OTHER or max(before, after) < FEWEST:
            continue
        if not before or not after:
            yield Unusual(key=name, what="silent" if before else "new", calls_before=before, calls=after, changes=[])
            continue
        its = [each for each in compared if each.dimension == "key" and each.name == name and each.sure]
        large = [each for each in its if _apart(each.ratio.estimate, whole.get(each.measure, 1.0)) >= TIMES]
        if large:
            yield Unusual(key=name, what="changed", calls_before=before, calls=after, changes=large)


def _apart(ratio: float, whole: float) -> float:
    """How many times one change is another's, whichever is larger; 0 where that cannot be said."""
    return max(ratio / whole, whole / ratio) if ratio > 0 and whole > 0 and ratio * whole < inf else 0.0
