"""From the inbox into sums by minute, and from those into sums by hour and by day once these are over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.database import Database, Transaction
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.rollups.cell import Cell, Place, decode_cells
from headgate.telemetry.rollups.cubes import spots
from headgate.telemetry.rollups.names import Names
from headgate.telemetry.rollups.rows import COLUMNS, LISTED, cell_of, columns_of

log = logging.getLogger("headgate.telemetry")

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
WEEKS_S = 28 * DAY_S
"""The longest sums: four weeks. They are of no series, but what is longer than them is summed up from few."""

EVERY_S = 10.0
"""How often the inbox is emptied, if nobody wants to see the sums before."""

GRACE_S = 120
"""How long after its end an hour is summed up: calls are counted where they began, and known when they are over."""

BATCHES = 200
"""Most entries of the inbox in one transaction."""

MOST_BYTES = 4_000_000
"""Of these entries but the last: about two seconds' work. Other replicas wait for their turn, and on SQLite the
ledger."""

SLICE = 20
"""Cells after which others have their turn: about a millisecond's work."""

LOCK = 0x68656164_726F6C6C
"""PostgreSQL's advisory lock of who changes sums."""


class Spot(NamedTuple):
    """Which of the sums."""

    organisation: str
    cube: str
    level: int
    start_s: int
    first: str
    second: str


Sums = dict[Spot, Cell]


class Merger:
    """Keeps the sums. Several may, in one process or in many: each entry of the inbox is merged by one of them."""

    def __init__(self, database: Database, config: TelemetryConfig, clock: Clock) -> None:
        self.config = config
        self._database = database
        self._clock = clock
        self._turn = asyncio.Lock()
        self._names = Names()
        self._caught_up = clock.monotonic()

    @property
    def behind_s(self) -> float:
        """Seconds since this process last found nothing left to merge."""
        return self._clock.monotonic() - self._caught_up

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                await self.merge()
                await self.close()
            except StoreUnavailable as error:
                log.debug("sums wait for the database: %s", error.message)
            except Exception:
                log.exception("sums cannot be brought up to date, it is tried again")
            await asyncio.sleep(EVERY_S)

    async def merge(self) -> None:
        """Merge all there is in the inbox.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        async with self._turn:
            try:
                while await self._merge_some():
                    pass
                self._caught_up = self._clock.monotonic()
            except BaseException:
                self._names = Names()  # some of those it knows may not be stored
                raise

    async def close(self) -> None:
        """Sum up the hours, days and weeks that are over.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        over_s = self._clock.now_us() // 1_000_000 - GRACE_S
        async with self._turn:
            while await self._close_one(HOUR_S, MINUTE_S, over_s):
                pass
            while await self._close_one(DAY_S, HOUR_S, over_s):
                pass
            while await self._close_one(WEEKS_S, DAY_S, over_s):
                pass

    async def _merge_some(self) -> bool:
        """Merge some of the inbox. Whether there may be more."""
        async with self._database.transaction() as transaction:
            await _lock(transaction)
            entries = await transaction.fetch(_TAKE, BATCHES, MOST_BYTES)
            if entries:
                cells = await _gathered([bytes(cells) for (cells,) in entries])
                closed = await _closed(transaction)
                self._names.begin()
                await _add(transaction, await self._sums(transaction, cells, closed))
                await self._names.store(transaction)
        return len(entries) == BATCHES or sum(len(cells) for (cells,) in entries) >= MOST_BYTES

    async def _sums(self, transaction: Transaction, cells: Mapping[Place, Cell], closed: Mapping[int, int]) -> Sums:
        """What is to be added to what there is. Of hours and days only to those that are summed up."""
        sums: Sums = {}
        for number, (place, cell) in enumerate(cells.items()):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            minute_s = place.minute * MINUTE_S
            levels = [MINUTE_S, *(level for level, until_s in closed.items() if minute_s < until_s)]
            for cube, first, second in spots(place):
                first, second = await self._names.bounded(
                    transaction, self.config.rollups.max_names, place.organisation, cube, minute_s, first, second
                )
                for level in levels:
                    _into(sums, Spot(place.organisation, cube, level, minute_s // level * level, first, second), cell)
        return sums

    async def _close_one(self, level: int, below: int, over_s: int) -> bool:
        """Sum up the first hour or day that is over and is not. Whether there was one."""
        async with self._database.transaction() as transaction:
            await _lock(transaction)
            closed = await _closed(transaction)
            until_s = min(over_s, closed.get(below, over_s)) // level * level
            [[first_s]] = await transaction.fetch(
                "SELECT min(start_s) FROM rollups WHERE level = $1 AND start_s >= $2 AND start_s < $3",
                below,
                closed[level],
                until_s,
            )
            if first_s is not None:
                start_s = first_s // level * level
                until_s = start_s + level
                await _add(transaction, await _summed_up(transaction, level, below, start_s))
            if until_s > closed[level]:
                await transaction.execute("UPDATE rollup_closed SET until_s = $2 WHERE level = $1", level, until_s)
        return first_s is not None


_TAKE = (
    "DELETE FROM rollup_inbox WHERE id IN (SELECT id FROM (SELECT id, "
    "sum(length(cells)) OVER (ORDER BY id) - length(cells) AS before FROM rollup_inbox ORDER BY id LIMIT $1) AS first "
    "WHERE before < $2) RETURNING cells"
)


async def _lock(transaction: Transaction) -> None:
    """Have sums for this transaction alone."""
    if transaction.kind == "postgres":
        await transaction.execute("SELECT pg_advisory_xact_lock($1)", LOCK)


async def _closed(transaction: Transaction) -> dict[int, int]:
    """Up to when there are sums by hour and day."""
    return dict(await transaction.fetch("SELECT level, until_s FROM rollup_closed"))


async def _gathered(entries: Sequence[bytes]) -> dict[Place, Cell]:
    """All entries as one."""
    cells: dict[Place, Cell] = {}
    for entry in entries:
        for number, (place, cell) in enumerate(decode_cells(entry)):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            own = cells.get(place)
            if own is None:
                cells[place] = cell
            else:
                own.merge(cell)
    return cells


async def _summed_up(transaction: Transaction, level: int, below: int, start_s: int) -> Sums:
    """An hour, a day or four weeks, made of what is below it."""
    sums: Sums = {}
    for organisation, cube in await transaction.fetch(
        "SELECT DISTINCT organisation, cube FROM rollups WHERE level = $1 AND start_s >= $2 AND start_s < $3",
        below,
        start_s,
        start_s + level,
    ):
        for part_s in range(start_s, start_s + level, below):  # all of four weeks would be too much at once
            rows = await transaction.fetch(_PART, organisation, cube, below, part_s)
            for number, (first, second, *columns) in enumerate(rows):
                if number % SLICE == 0:
                    await asyncio.sleep(0)
                _into(sums, Spot(organisation, cube, level, start_s, first, second), cell_of(columns))
    return sums


def _into(sums: Sums, spot: Spot, cell: Cell) -> None:
    sum_ = sums.get(spot)
    if sum_ is None:
        sum_ = sums[spot] = Cell()
    sum_.merge(cell)


async def _add(transaction: Transaction, sums: Sums) -> None:
    """Add to the sums there are."""
    spots_ = list(sums)
    for start in range(0, len(spots_), SLICE):
        some = spots_[start : start + SLICE]
        found = await transaction.fetch_each((_FIND, spot) for spot in some)
        for spot, rows in zip(some, found, strict=True):
            for row in rows:
                sums[spot].merge(cell_of(row))
        await transaction.fetch_each((_PUT, (*spot, *columns_of(sums[spot]))) for spot in some)


# ruff: disable[S608] nothing of these comes from anywhere else
_PART = (
    f"SELECT first, second, {LISTED} FROM rollups WHERE organisation = $1 AND cube = $2 AND level = $3 AND start_s = $4"
)
_FIND = (
    f"SELECT {LISTED} FROM rollups WHERE organisation = $1 AND cube = $2 AND level = $3 AND start_s = $4 "
    "AND first = $5 AND second = $6"
)
_PUT = (
    f"INSERT INTO rollups (organisation, cube, level, start_s, first, second, {LISTED}) "
    f"VALUES ($1, $2, $3, $4, $5, $6, {', '.join(f'${7 + at}' for at in range(len(COLUMNS)))}) "
    "ON CONFLICT (organisation, cube, level, start_s, first, second) DO UPDATE SET "
    f"{', '.join(f'{column} = excluded.{column}' for column in COLUMNS)}"
)
# ruff: enable[S608]
