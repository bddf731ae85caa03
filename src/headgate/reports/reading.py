"""Two periods' sums, block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headgate.reports.periods import Period
from headgate.stats.sketch import Sketch
from headgate.storage.database import Database
from headgate.telemetry.rollups.reading import Query, Sum, series

Blocks = Sequence[Sum | None]
"""None where nothing was called."""


class Both:
    """What the calls of one name come to, in the period and in the one before it."""

    def __init__(self, blocks: int) -> None:
        self.before: list[Sum | None] = [None] * blocks
        self.after: list[Sum | None] = [None] * blocks

    def counts(self, count: Callable[[Sum], float]) -> tuple[list[float], list[float]]:
        """A figure of each block, before and after; 0 where nothing was called."""
        return _counts(self.before, count), _counts(self.after, count)

    def totals(self, name: str) -> tuple[int, int]:
        """A count of all blocks, before and after."""
        before, after = self.counts(lambda sum_: sum_.counts.get(name, 0))
        return int(sum(before)), int(sum(after))

    def all(self, prefix: str) -> tuple[dict[str, int], dict[str, int]]:
        """The counts of all blocks whose names begin like that, by what follows; before and after."""
        return _all(self.before, prefix), _all(self.after, prefix)

    def sketches(self, name: str) -> tuple[list[Sketch | None], list[Sketch | None]]:
        """Of each block, before and after."""
        return _sketches(self.before, name), _sketches(self.after, name)


Group = dict[str, Both]
"""By name in a dimension."""


async def read(database: Database, organisation: str, period: Period, by: str | None, *, sketches: bool) -> Group:
    """The sums of both periods by a dimension. With not `sketches` of durations only `duration`.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    found: Group = {}
    for begins, ends in ((period.before_s, period.before_until_s), (period.from_s, period.until_s)):
        query = Query(organisation, begins, ends, period.step_s, by)
        for name, steps in (await series(database, query, all_sketches=sketches)).items():
            both = found.get(name)
            if both is None:
                both = found[name] = Both(period.blocks)
            side = both.before if begins == period.before_s else both.after
            for start_s, sum_ in steps.items():
                place = (start_s - begins) // period.block_s
                known = side[place]
                if known is None:
                    side[place] = sum_
                else:
                    known.merge(sum_)
    return found


def _counts(blocks: Blocks, count: Callable[[Sum], float]) -> list[float]:
    return [0.0 if sum_ is None else float(count(sum_)) for sum_ in blocks]


def _all(blocks: Blocks, prefix: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for sum_ in blocks:
        for name, number in sum_.counts.items() if sum_ is not None else ():
            if name.startswith(prefix):
                own = name.removeprefix(prefix)
                found[own] = found.get(own, 0) + number
    return found


def _sketches(blocks: Blocks, name: str) -> list[Sketch | None]:
    return [None if sum_ is None else sum_.sketch(name) for sum_ in blocks]
