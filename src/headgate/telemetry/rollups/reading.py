"""Sums over any time, by any dimension."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from headgate.errors import BadRequest
from headgate.stats.sketch import Sketch, merged
from headgate.storage.database import Row
from headgate.telemetry.rollups.cell import decode_counts, decode_sketches
from headgate.telemetry.rollups.cubes import DIMENSIONS, cube_of
from headgate.telemetry.rollups.merging import DAY_S, HOUR_S, MINUTE_S, WEEKS_S

_CLOSED = {level: f"(SELECT until_s FROM rollup_closed WHERE level = {level})" for level in (HOUR_S, DAY_S)}  # noqa: S608

STEPS = {"minute": MINUTE_S, "hour": HOUR_S, "day": DAY_S}

TURN = 200
"""Rows after which others have their turn: about a millisecond's work."""

MOST_POINTS = 1_500
"""Most points of a series."""


class Fetching(Protocol):
    """What is read from: a database, or one that is only looked at."""

    async def fetch(self, sql: str, *parameters: Any) -> list[Row]: ...


class Query(NamedTuple):
    """What is asked for."""

    organisation: str
    from_s: int
    until_s: int
    """The first second that is not in it."""
    step_s: int
    """Of the series; what is asked for begins and ends at its bounds."""
    group: str | None = None
    """The dimension it is by; None for the sum of all."""
    fixed: str | None = None
    """A dimension of which only one name is wanted."""
    name: str = ""
    """That one."""


class Sum:
    """What calls come to."""

    __slots__ = ("_durations", "_sketches", "counts")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        """By name, as `Cell` has them."""
        self._durations: list[bytes] = []
        self._sketches: list[bytes] = []

    def add(self, counts: bytes, duration: bytes | None, sketches: bytes | None) -> None:
        own = self.counts
        for name, number in decode_counts(bytes(counts)).items():
            own[name] = own.get(name, 0) + number
        if duration is not None:
            self._durations.append(bytes(duration))
        if sketches is not None:
            self._sketches.append(bytes(sketches))

    def merge(self, other: Sum) -> None:
        """Add another's calls and attempts."""
        own = self.counts
        for name, number in other.counts.items():
            own[name] = own.get(name, 0) + number
        self._durations += other._durations
        self._sketches += other._sketches

    def sketch(self, name: str) -> Sketch:
        """The sketch of one of the durations `Cell` has."""
        if name == "duration":
            return merged(self._durations)
        found = [decode_sketches(data).get(name) for data in self._sketches]
        return merged([data for data in found if data is not None])


Series = dict[str, dict[int, Sum]]
"""By name in the dimension asked for (or ""), and second at which a step begins. Steps without calls are left out."""


def aligned(query: Query) -> Query:
    """A query with its bounds at those of its steps.

    Raises:
        BadRequest: there is no sum by these dimensions, or no such step, or there are too many of them.
    """
    for dimension in (query.group, query.fixed):
        if dimension is not None and dimension not in DIMENSIONS:
            raise BadRequest(f"There is no dimension '{dimension}'; there are {', '.join(DIMENSIONS)}.")
    if cube_of(query.group, query.fixed) is None:
        raise BadRequest(f"There are no sums by {query.group} of one {query.fixed}.")
    if query.step_s not in STEPS.values():
        raise BadRequest(f"There is no step of {query.step_s} s; there are {', '.join(STEPS)}.")
    step_s = query.step_s
    from_s, until_s = query.from_s // step_s * step_s, -(-query.until_s // step_s) * step_s
    if not 0 <= from_s < until_s:
        raise BadRequest("The time has to end after it begins.")
    if (until_s - from_s) // step_s > MOST_POINTS:
        raise BadRequest(f"These are more than {MOST_POINTS} steps; ask for a shorter time or longer steps.")
    return query._replace(from_s=from_s, until_s=until_s)


async def series(database: Fetching, query: Query, *, all_sketches: bool = True, names: Sequence[str] = ()) -> Series:
    """What a query finds, of some names alone where any are given. With not `all_sketches`, of the durations only
    `duration`: that is quicker.

    Raises:
        BadRequest: as of `aligned`.
        StoreUnavailable: the database cannot be reached.
    """
    query = aligned(query)
    found: Series = {}
    sketches = "sketches" if all_sketches else "NULL"
    for number, (start_s, name, *columns) in enumerate(await _rows(database, query, "duration", sketches, names)):
        if number % TURN == 0:
            await asyncio.sleep(0)
        steps = found.setdefault(name, {})
        at_s = start_s // query.step_s * query.step_s
        sum_ = steps.get(at_s)
        if sum_ is None:
            sum_ = steps[at_s] = Sum()
        sum_.add(*columns)
    return found


def total(steps: dict[int, Sum]) -> Sum:
    """All steps as one."""
    whole = Sum()
    for sum_ in steps.values():
        whole.merge(sum_)
    return whole


async def totals(
    database: Fetching, query: Query, *, all_sketches: bool = True, names: Sequence[str] = ()
) -> dict[str, Sum]:
    """What a query finds in all of its time, by name, as `series` does. That is quicker than adding that up.

    Raises:
        BadRequest: as of `aligned`.
        StoreUnavailable: the database cannot be reached.
    """
    query = aligned(query)
    closed = dict(await database.fetch("SELECT level, until_s FROM rollup_closed"))
    select, parameters = _selected(query, names)
    sketches = "sketches" if all_sketches else "NULL"
    found: dict[str, Sum] = {}
    for level, begins, ends in _pieces(query.from_s, query.until_s, (WEEKS_S, DAY_S, HOUR_S, MINUTE_S), closed):
        rows = await database.fetch(
            select.format(f"counts, duration, {sketches}", level), *parameters[:2], begins, ends, *parameters[4:]
        )
        for number, (_, name, *columns) in enumerate(rows):
            if number % TURN == 0:
                await asyncio.sleep(0)
            sum_ = found.get(name)
            if sum_ is None:
                sum_ = found[name] = Sum()
            sum_.add(*columns)
    return found


async def counted(
    database: Fetching, query: Query, names: Sequence[str], counts: Sequence[str]
) -> dict[str, dict[int, Sequence[int]]]:
    """The series of some names of a query, of some counts alone: that is quicker.

    Raises:
        BadRequest: as of `aligned`.
        StoreUnavailable: the database cannot be reached.
    """
    query = aligned(query)
    if not names:
        return {}
    found: dict[str, dict[int, list[int]]] = {}
    for number, (start_s, name, encoded, *_) in enumerate(await _rows(database, query, "NULL", "NULL", names)):
        if number % TURN == 0:
            await asyncio.sleep(0)
        there = decode_counts(encoded)
        values = [there.get(each, 0) for each in counts]
        steps = found.setdefault(name, {})
        at_s = start_s // query.step_s * query.step_s
        held = steps.get(at_s)
        steps[at_s] = values if held is None else [one + other for one, other in zip(held, values, strict=True)]
    return found  # type: ignore[return-value]  # nobody changes what they are given


def _pieces(from_s: int, until_s: int, levels: Sequence[int], closed: dict[int, int]) -> Sequence[tuple[int, int, int]]:
    """A time as pieces of the longest steps that are summed up and lie within it: their level, and its bounds."""
    if from_s >= until_s or not levels:
        return []
    level, *shorter = levels
    begins = -(-from_s // level) * level
    ends = min(until_s, closed.get(level, 0) if shorter else until_s) // level * level
    if begins >= ends:
        return _pieces(from_s, until_s, shorter, closed)
    return [
        *_pieces(from_s, begins, shorter, closed),
        (level, begins, ends),
        *_pieces(ends, until_s, shorter, closed),
    ]


async def _rows(
    database: Fetching, query: Query, duration: str, sketches: str, names: Sequence[str] = ()
) -> Sequence[Row]:
    """Of each time the rows of the longest steps there are, that are no longer than what is asked for; of some names
    alone, where any are given.
    """
    select, parameters = _selected(query, names)
    levels = [level for level in (DAY_S, HOUR_S, MINUTE_S) if level <= query.step_s]
    parts: list[str] = []
    for above, level in zip([None, *levels], levels, strict=False):
        begins = "$3" if above is None else _CLOSED[above]
        ends = "$4" if level == MINUTE_S else _CLOSED[level]
        part = select.format(f"counts, {duration}, {sketches}", level)
        parts.append(f"{part} AND start_s >= {begins} AND start_s < {ends}")
    return await database.fetch(" UNION ALL ".join(parts), *parameters)


def _selected(query: Query, names: Sequence[str] = ()) -> tuple[str, list[str | int]]:
    """A statement with places for the columns and the level, and its parameters: of these the third and the fourth are
    the bounds of the time.
    """
    cube, swapped = cube_of(query.group, query.fixed) or ("", False)
    pair = "+" in cube
    own, other = ("first", "second") if swapped or not pair else ("second", "first")
    name = own if query.group is not None else "''"
    parameters = [query.organisation, cube, query.from_s, query.until_s]
    filtered = ""
    if query.fixed is not None:
        filtered = f"AND {other if pair else 'first'} = $5 "
        parameters.append(query.name)
    if names and query.group is not None:
        places = ", ".join(f"${len(parameters) + at}" for at in range(1, len(names) + 1))
        filtered += f"AND {name} IN ({places}) "
        parameters += names
    statement = (
        f"SELECT start_s, {name}, {{}} FROM rollups WHERE organisation = $1 AND cube = $2 {filtered}"  # noqa: S608
        "AND level = {} AND start_s >= $3 AND start_s < $4"
    )
    return statement, parameters
