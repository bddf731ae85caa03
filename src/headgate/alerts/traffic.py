"""What rules look at: the last hour by minute, and the weeks before by hour, of one organisation."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import nan
from typing import NamedTuple
from zoneinfo import ZoneInfo

from headgate.stats.detection import Season
from headgate.stats.detection.season import DAY, HOURS, WEEK, WEEKS
from headgate.stats.sketch import Sketch
from headgate.storage.database import Database
from headgate.telemetry.rollups.names import OTHER
from headgate.telemetry.rollups.reading import Query, Sum, series, total

MINUTE_S, HOUR_S = 60, 3_600

WINDOWS_S = (120, 180, 240, 300, 600, 900, 1_800, 3_600)
"""Windows that end now."""

MOST_SERIES = 100
"""Names of one rule that are looked at: those with the most calls in the last hour."""

REMEMBERED = 400
"""Series whose past is held in memory, of all rules together: ten kilobytes each for every measure."""

REREAD_HOURS = 3
"""Hours that are read again with the next one: calls are known when they are over."""

TOKENS = (
    "input_tokens", "cached_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens",
)  # fmt: skip

_PICODOLLARS = 1e12


def cost_usd(counts: Mapping[str, int]) -> float:
    """What was spent, in US dollars, without what clients paid with credentials of their own."""
    return (counts.get("cost_picodollars", 0) - counts.get("cost_picodollars.client", 0)) / _PICODOLLARS


def tokens(counts: Mapping[str, int]) -> int:
    return sum(counts.get(f"tokens.{name}", 0) for name in TOKENS)


class Minutes:
    """One series of the last hour."""

    def __init__(self, steps: dict[int, Sum], end_s: int) -> None:
        self._steps = steps
        self._end_s = end_s
        self._held: dict[int, Sum] = {}

    def last(self, window_s: int) -> Sum:
        """All of a window that ends now."""
        held = self._held.get(window_s)
        if held is None:
            begin_s = self._end_s - window_s
            held = self._held[window_s] = total({at: each for at, each in self._steps.items() if at >= begin_s})
        return held

    def counts(self, window_s: int) -> Mapping[str, int]:
        return self.last(window_s).counts

    def sketches(self, name: str) -> list[tuple[int, Sketch]]:
        """By window, the sketch of a duration."""
        return [(window_s, self.last(window_s).sketch(name)) for window_s in WINDOWS_S]

    def buckets(self, seconds: int) -> list[Mapping[str, int]]:
        """Counts of the last hour in pieces of so many seconds, the last of which ends now."""
        begin_s = self._end_s - HOUR_S
        found: list[dict[str, int]] = [{} for _ in range(HOUR_S // seconds)]
        for at, each in self._steps.items():
            if at >= begin_s:
                into = found[(at - begin_s) // seconds]
                for name, number in each.counts.items():
                    into[name] = into.get(name, 0) + number
        return list(found)

    @property
    def calls(self) -> int:
        return self.counts(HOUR_S).get("calls", 0)


class Hours(NamedTuple):
    """The past of one series."""

    calls: Season
    cost: Season
    per_call: Season
    """Tokens per call."""


class Past:
    """Remembers the past of series, so that each hour is read about once. For all rules of a process."""

    def __init__(self, database: Database) -> None:
        self.timezone = "UTC"
        """By whose clocks hours are alike."""
        self._database = database
        self._held: OrderedDict[tuple[str, str, str], tuple[int, dict[int, tuple[int, float, int]]]] = OrderedDict()
        self._made: dict[tuple[str, str, str], tuple[int, Hours]] = {}
        self._sketches: dict[tuple[str, str, str], tuple[int, Mapping[str, Sequence[Sketch]]]] = {}

    async def hours(self, organisation: str, dimension: str, name: str, end_hour: int) -> Hours:
        """A series up to an hour; with no dimension that of all calls.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        key = (organisation, dimension, name)
        made = self._made.get(key)
        if made is not None and made[0] == end_hour:
            return made[1]
        read_to, hours = self._held.get(key, (0, {}))
        first = end_hour - HOURS
        begin = max(first, min(read_to, end_hour) - REREAD_HOURS)
        query = Query(organisation, begin * HOUR_S, end_hour * HOUR_S, HOUR_S, None, dimension or None, name)
        found = await series(self._database, query, all_sketches=False)
        hours = {hour: each for hour, each in hours.items() if first <= hour < begin}
        for at_s, each in found.get("", {}).items():
            counts = each.counts
            hours[at_s // HOUR_S] = counts.get("calls", 0), cost_usd(counts), tokens(counts)
        seasons = await asyncio.to_thread(seasons_of, hours, first, end_hour, self.timezone)
        self._held[key] = end_hour, hours
        self._held.move_to_end(key)
        self._made[key] = end_hour, seasons
        while len(self._held) > REMEMBERED:
            self._made.pop(self._held.popitem(last=False)[0], None)
        return seasons

    async def sketches(
        self, organisation: str, by: str | None, of: tuple[str, str] | None, measure: str, hour: int
    ) -> Mapping[str, Sequence[Sketch]]:
        """A duration in hours of the same kind, by name: of the same hour of the week and those beside it in the weeks
        before, and of the same hour of the last days.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        key = (organisation, f"{by}|{of}", measure)
        held = self._sketches.get(key)
        if held is not None and held[0] == hour:
            return held[1]
        found: dict[str, list[Sketch]] = {}
        backs = [*(DAY * day for day in range(1, 7)), *(WEEK * week for week in range(1, WEEKS + 1))]
        for back in backs:
            begin_s = (hour - back - 1) * HOUR_S
            fixed, name = of or (None, "")
            query = Query(organisation, begin_s, begin_s + 3 * HOUR_S, HOUR_S, by, fixed, name)
            for each, steps in (await series(self._database, query, all_sketches=measure != "duration")).items():
                found.setdefault(each, []).extend(sum_.sketch(measure) for sum_ in steps.values())
            await asyncio.sleep(0)
        self._sketches[key] = hour, found
        return found


class Traffic:
    """What one round of looking at rules needs of one organisation, each thing read once."""

    def __init__(self, database: Database, past: Past, organisation: str, end_s: int) -> None:
        self.organisation = organisation
        self.end_s = end_s // MINUTE_S * MINUTE_S
        """Up to which moment everything is looked at: the minute under way is not."""
        self._database = database
        self._past = past
        self._minutes: dict[tuple[str | None, tuple[str, str] | None, bool], dict[str, Minutes]] = {}

    async def minutes(
        self, by: str | None, of: tuple[str, str] | None, *, durations: bool = False
    ) -> Mapping[str, Minutes]:
        """The last hour by name (or ""), of those names with the most calls.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        found = self._minutes.get((by, of, True)) or self._minutes.get((by, of, durations))
        if found is not None:
            return found
        fixed, name = of or (None, "")
        steps: dict[str, dict[int, Sum]] = {}
        for begin_s in range(self.end_s - HOUR_S, self.end_s, SLICE_S):
            query = Query(self.organisation, begin_s, begin_s + SLICE_S, MINUTE_S, by, fixed, name)
            for each, part in (await series(self._database, query, all_sketches=durations)).items():
                steps.setdefault(each, {}).update(part)
            await asyncio.sleep(0)
        by_name = {each: Minutes(part, self.end_s) for each, part in steps.items() if each != OTHER}
        if by is None:
            by_name.setdefault("", Minutes({}, self.end_s))
        most = sorted(by_name, key=lambda each: -by_name[each].calls)[:MOST_SERIES]
        found = self._minutes[by, of, durations] = {each: by_name[each] for each in most}
        return found

    async def hours(self, by: str | None, of: tuple[str, str] | None, name: str) -> Hours:
        """The past of one of those series."""
        dimension, fixed = (by, name) if by is not None else of or ("", "")
        return await self._past.hours(self.organisation, dimension, fixed, self.end_s // HOUR_S)

    async def past_sketches(
        self, by: str | None, of: tuple[str, str] | None, measure: str
    ) -> Mapping[str, Sequence[Sketch]]:
        return await self._past.sketches(self.organisation, by, of, measure, (self.end_s - 1) // HOUR_S)

    async def names(self, dimension: str) -> list[str]:
        """Names of a dimension with calls in the last week, at most `MOST_SERIES`."""
        since_s = (self.end_s // 86_400 - 7) * 86_400
        rows = await self._database.fetch(
            "SELECT first, max(day_s) FROM rollup_names WHERE organisation = $1 AND cube = $2 AND day_s >= $3 "
            "AND first <> $4 GROUP BY first ORDER BY 2 DESC, 1 LIMIT $5",
            self.organisation,
            dimension,
            since_s,
            OTHER,
            MOST_SERIES,
        )
        return [name for name, _ in rows]


SLICE_S = 600
"""What is read of the last hour at once, so that others have their turn."""


def seasons_of(hours: Mapping[int, tuple[int, float, int]], first: int, end_hour: int, timezone: str = "UTC") -> Hours:
    """The past of a series whose calls, cost and tokens are given by hour. Hours from before the clocks of a place were
    changed stand where those clocks would show now what they showed then: who begins to work at eight does so in
    summer and in winter.
    """
    nothing = (0, 0.0, 0)
    moved = _moved(timezone, first, end_hour)
    there = {hour + moved.get(hour, 0): row for hour, row in sorted(hours.items())} if moved else hours
    rows = [there.get(hour, nothing) for hour in range(first, end_hour)]
    return Hours(
        Season([calls for calls, _, _ in rows], end_hour),
        Season([cost for _, cost, _ in rows], end_hour),
        Season([used / calls if calls else nan for calls, _, used in rows], end_hour),
    )


@lru_cache(maxsize=4)
def _moved(timezone: str, first: int, end_hour: int) -> Mapping[int, int]:
    """By how many hours the clocks of a place were ahead of what they are at the end, where they were."""
    zone = ZoneInfo(timezone)

    def ahead_s(hour: int) -> float:
        offset = datetime.fromtimestamp(hour * HOUR_S, UTC).astimezone(zone).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    now_s = ahead_s(end_hour)
    moved = {hour: round((ahead_s(hour) - now_s) / HOUR_S) for hour in range(first, end_hour)}
    return {hour: by for hour, by in moved.items() if by}
