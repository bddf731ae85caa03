"""Sums over any time, by any dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from headgate.errors import BadRequest
from headgate.stats.sketch import Sketch, merged
from headgate.storage.database import Row
from headgate.telemetry.rollups.cell import decode_counts, decode_sketches
from headgate.telemetry.rollups.cubes import DIMENSIONS, cube_of
from headgate.telemetry.rollups.merging import DAY_S, HOUR_S, MINUTE_S

_CLOSED = {level: f"(SELECT until_s FROM rollup_closed WHERE level = {level})" for level in (HOUR_S, DAY_S)}  # noqa: S608

STEPS = {"minute": MINUTE_S, "hour": HOUR_S, "day": DAY_S}

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


async def series(database: Fetching, query: Query, *, all_sketches: bool = True) -> Series:
    """What a query finds. With not `all_sketches`, of the durations only `duration`: that is quicker.

    Raises:
        BadRequest: as of `aligned`.
        StoreUnavailable: the database cannot be reached.
    """
    query = aligned(query)
    found: Series = {}
    for start_s, name, *columns in await _rows(database, query, all_sketches):
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


async def _rows(database: Fetching, query: Query, all_sketches: bool) -> Sequence[Row]:
    """Of each time the rows of the longest steps there are, that are no longer than what is asked for."""
    cube, swapped = cube_of(query.group, query.fixed) or ("", False)
    pair = "+" in cube
    own, other = ("first", "second") if swapped or not pair else ("second", "first")
    name = own if query.group is not None else "''"
    filtered = ""
    if query.fixed is not None:
        filtered = f"AND {other if pair else 'first'} = $5 "
    sketches = "sketches" if all_sketches else "NULL"
    levels = [level for level in (DAY_S, HOUR_S, MINUTE_S) if level <= query.step_s]
    # ruff: disable[S608] nothing of it comes from anywhere else
    parts: list[str] = []
    for above, level in zip([None, *levels], levels, strict=False):
        begins = "$3" if above is None else _CLOSED[above]
        ends = "$4" if level == MINUTE_S else _CLOSED[level]
        parts.append(
            f"SELECT start_s, {name}, counts, duration, {sketches} FROM rollups "
            f"WHERE organisation = $1 AND cube = $2 {filtered}AND level = {level} "
            f"AND start_s >= $3 AND start_s < $4 AND start_s >= {begins} AND start_s < {ends}"
        )
    # ruff: enable[S608]
    parameters = [query.organisation, cube, query.from_s, query.until_s]
    if query.fixed is not None:
        parameters.append(query.name)
    return await database.fetch(" UNION ALL ".join(parts), *parameters)
