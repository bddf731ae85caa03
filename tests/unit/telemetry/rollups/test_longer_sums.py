"""Sums of four weeks, and what is read by them, come to what the days and minutes do."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from call_rows import call_row
from headgate.clock import ManualClock
from headgate.storage.database import Database
from headgate.storage.records import CallRow
from headgate.telemetry.calls import encode
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.rollups.merging import DAY_S, WEEKS_S, Merger
from headgate.telemetry.rollups.reading import Query, _pieces, counted, series, total, totals
from headgate.telemetry.rollups.retention import Retention
from headgate.telemetry.rollups.sink import CallSink
from ledger_rows import NOVEMBER_US

DAYS = 75
UNTIL_S = NOVEMBER_US // 1_000_000
FROM_S = UNTIL_S - DAYS * DAY_S


def calls(rng: random.Random) -> list[CallRow]:
    """In an hour of some days, so that there is little to sum up."""
    days = [1, 2, 9, 20, 28, 29, 45, 56, 57, 74]
    return [
        call_row(
            number,
            started_us=NOVEMBER_US - (rng.choice(days) * DAY_S - rng.randrange(3_600)) * 1_000_000,
            duration_us=int(rng.lognormvariate(13, 1)),
            model=rng.choice(["chat", "fast"]),
            key_id=rng.choice(["key_1", "key_2", "key_3"]),
            code=rng.choice([None, None, "timeout"]),
        )
        for number in range(1, 121)
    ]


@pytest.fixture
async def merger(database: Database) -> Merger:
    clock = ManualClock(NOVEMBER_US + 3_600_000_000)
    async with database.transaction() as transaction:
        await CallSink(clock).store(transaction, [encode(calls(random.Random(3)))])
    made = Merger(database, TelemetryConfig(), clock)
    await made.merge()
    await made.close()
    return made


async def levels(database: Database) -> dict[int, int]:
    return dict(await database.fetch("SELECT level, count(*) FROM rollups GROUP BY level"))


async def test_all_at_once_is_the_sum_of_all_steps(database: Database, merger: Merger):
    assert (await levels(database))[WEEKS_S] > 0
    for from_s in (FROM_S, FROM_S + 3 * DAY_S, UNTIL_S - 2 * DAY_S, UNTIL_S - WEEKS_S):
        for group, fixed, name in (
            (None, None, ""),
            ("key", None, ""),
            ("key", "model", "chat"),
            ("model", "key", "key_2"),
        ):
            await agree(database, Query("default", from_s, UNTIL_S, DAY_S, group, fixed, name))


async def agree(database: Database, query: Query) -> None:
    """What is read in either way is the same."""
    by_steps = {each: total(steps) for each, steps in (await series(database, query)).items()}
    at_once = await totals(database, query)
    assert {each: sum_.counts for each, sum_ in at_once.items()} == {
        each: sum_.counts for each, sum_ in by_steps.items()
    }
    for each, sum_ in at_once.items():
        for duration in ("duration", "overhead"):
            assert sum_.sketch(duration) == by_steps[each].sketch(duration)
    names = list(by_steps)[:2]
    some = await counted(database, query, names, ["calls", "failed"])
    assert set(some) == set(names)
    for each, steps in some.items():
        assert sum(calls for calls, _ in steps.values()) == by_steps[each].counts["calls"]
        assert sum(failed for _, failed in steps.values()) == by_steps[each].counts.get("failed", 0)


async def test_what_comes_late_is_in_them_too(database: Database, merger: Merger):
    query = Query("default", FROM_S, UNTIL_S, DAY_S)
    before = (await totals(database, query))[""].counts["calls"]
    late = call_row(1, owner="another", started_us=(FROM_S + 5 * DAY_S) * 1_000_000)
    async with database.transaction() as transaction:
        await CallSink(ManualClock(NOVEMBER_US)).store(transaction, [encode([late])])
    await merger.merge()
    assert (await totals(database, query))[""].counts["calls"] == before + 1


async def test_they_are_kept_as_long_as_the_last_of_their_days(database: Database, merger: Merger):
    for days, kept in ((1_000, {DAY_S, WEEKS_S}), (1_104, set[int]())):
        clock = ManualClock(NOVEMBER_US + days * DAY_S * 1_000_000)
        await Retention(database, TelemetryConfig(), clock).delete()
        assert set(await levels(database)) & {DAY_S, WEEKS_S} == kept


def test_pieces_are_the_time_and_no_more():
    rng = random.Random(1)
    lengths = (WEEKS_S, DAY_S, 3_600, 60)
    for _ in range(300):
        from_s = rng.randrange(UNTIL_S // 60) * 60
        until_s = from_s + rng.randrange(1, 90 * 1_440) * 60
        closed = {level: until_s - rng.randrange(3) * level for level in lengths[:3]}
        found = _pieces(from_s, until_s, lengths, closed)
        assert found[0][1] == from_s
        assert found[-1][2] == until_s
        for (_, _, ends), (_, begins, _) in pairwise(found):
            assert ends == begins
        for level, begins, ends in found:
            assert begins % level == ends % level == 0
            assert level == 60 or ends <= closed[level]
