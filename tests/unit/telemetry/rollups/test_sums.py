"""Sums by minute, hour and day: of everything exactly once, whoever drains and merges, however late, on any database."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from call_rows import call_row
from headgate.clock import ManualClock
from headgate.errors import BadRequest
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode as encode_attempt
from headgate.storage.database import Database
from headgate.storage.records import CallRow, LedgerRow
from headgate.telemetry.calls import encode as encode_call
from headgate.telemetry.config import RollupsConfig, TelemetryConfig
from headgate.telemetry.rollups.cubes import CUBES, DIMENSIONS
from headgate.telemetry.rollups.merging import DAY_S, HOUR_S, MINUTE_S, Merger
from headgate.telemetry.rollups.names import OTHER
from headgate.telemetry.rollups.reading import Query, Sum, series, total, totals
from headgate.telemetry.rollups.retention import Retention
from headgate.telemetry.rollups.sink import CallSink
from headgate.types import Usage
from ledger_rows import NOVEMBER_US, row

NOVEMBER_S = NOVEMBER_US // 1_000_000


class Kept:
    """A database that is told of calls and attempts."""

    def __init__(self, database: Database, config: TelemetryConfig | None = None) -> None:
        self.database = database
        self.clock = ManualClock(NOVEMBER_US)
        self.sink = CallSink(self.clock)
        self.ledger = LedgerSink(self.sink.attempts)
        self.merger = Merger(database, config or TelemetryConfig(), self.clock)

    async def calls(self, *rows: CallRow) -> None:
        async with self.database.transaction() as transaction:
            await self.sink.store(transaction, [encode_call([each]) for each in rows])

    async def attempts(self, *rows: LedgerRow) -> None:
        async with self.database.transaction() as transaction:
            await self.ledger.store(transaction, [encode_attempt(each) for each in rows])

    async def sums(self, step_s: int = DAY_S, days: int = 1, **more: Any) -> dict[str, Sum]:
        """What all of some days from the first of November comes to, by name."""
        query = Query("default", NOVEMBER_S, NOVEMBER_S + days * DAY_S, step_s, **more)
        return {name: total(steps) for name, steps in (await series(self.database, query)).items()}

    async def without(self, level: int) -> None:
        """Delete all sums of a level."""
        async with self.database.transaction() as transaction:
            await transaction.execute("DELETE FROM rollups WHERE level = $1", level)

    async def levels(self) -> set[int]:
        return {level for (level,) in await self.database.fetch("SELECT DISTINCT level FROM rollups")}

    async def count(self, count: str, **more: Any) -> dict[str, int]:
        """One count of that, by name."""
        sums = await self.sums(**more)
        return {name: sum_.counts[count] for name, sum_ in sums.items() if count in sum_.counts}


@pytest.fixture
def kept(database: Database) -> Kept:
    return Kept(database)


def drawn(number: int, rng: random.Random) -> CallRow:
    """Any call of a day."""
    streamed = rng.random() < 0.5
    duration_us = int(rng.lognormvariate(13, 1))
    return call_row(
        number,
        started_us=NOVEMBER_US + rng.randrange(DAY_S * 1_000_000),
        duration_us=duration_us,
        model=rng.choice(["chat", "fast"]),
        target=rng.choice(["a/x", "a/y", "b/z"]),
        operation=rng.choice(["chat", "embed"]),
        key_id=f"key_{rng.randrange(4)}",
        team_id=rng.choice([None, "team_1", "team_2"]),
        project_id=rng.choice([None, "project_1"]),
        streamed=int(streamed),
        first_token_us=duration_us // 3 if streamed else None,
        code=rng.choice([None, None, "timeout", "rate_limited"]),
        output_tokens=rng.randrange(200),
        prompt_version=rng.choice([None, "greet@3", "greet@4", "sort@1"]),
        arm=rng.choice([None, "trial:b"]),
        tags=rng.choice([(), (("app", "x"),), (("app", "y"), ("stage", "live"))]),
    )


def names_of(call: CallRow, dimension: str) -> Sequence[str]:
    named = {
        "model": call.model, "target": call.target, "operation": call.operation, "key": call.key_id,
        "team": call.team_id, "project": call.project_id, "prompt": call.prompt_version, "arm": call.arm,
    }  # fmt: skip
    if dimension == "tag":
        return [f"{name}={value}" for name, value in call.tags]
    name = named[dimension]
    return [name] if name else []


def exact(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


async def test_every_sum_by_every_dimension_is_the_calls_own(kept: Kept):
    rng = random.Random(1)
    calls = [drawn(number, rng) for number in range(1, 401)]
    for start in range(0, len(calls), 37):
        await kept.calls(*calls[start : start + 37])
        if rng.random() < 0.5:
            await kept.merger.merge()
    await kept.merger.merge()

    whole = (await kept.sums())[""]
    assert whole.counts["calls"] == len(calls)
    for share in (0.5, 0.95, 0.99):
        durations = [call.duration_us for call in calls]
        assert whole.sketch("duration").quantile(share) == pytest.approx(exact(durations, share), rel=0.01)
        firsts = [call.first_token_us for call in calls if call.first_token_us is not None]
        assert whole.sketch("first_token").quantile(share) == pytest.approx(exact(firsts, share), rel=0.01)

    for cube, dimensions in CUBES.items():
        if len(dimensions) == 1:
            truth = Counter(name for call in calls for name in names_of(call, dimensions[0]))
            assert await kept.count("calls", group=dimensions[0]) == truth, cube
        elif dimensions:
            for fixed, group in (dimensions, dimensions[::-1]):
                held = {name for call in calls for name in names_of(call, fixed)}
                for name in held:
                    truth = Counter(
                        other for call in calls if name in names_of(call, fixed) for other in names_of(call, group)
                    )
                    assert await kept.count("calls", group=group, fixed=fixed, name=name) == truth, (fixed, name)
    for code in ("timeout", "rate_limited"):
        truth = Counter(call.model for call in calls if call.code == code)
        assert await kept.count(f"error.{code}", group="model") == truth


async def test_of_some_names_there_is_what_there_is_of_them_among_all(kept: Kept):
    rng = random.Random(3)
    await kept.calls(*(drawn(number, rng) for number in range(1, 201)))
    await kept.merger.merge()
    for fixed in ({}, {"fixed": "team", "name": "team_1"}):
        query = Query("default", NOVEMBER_S, NOVEMBER_S + DAY_S, HOUR_S, group="prompt", **fixed)
        everything = await series(kept.database, query)
        names = sorted(everything)[:2]
        assert names, fixed
        some, whole = await series(kept.database, query, names=names), await totals(kept.database, query, names=names)
        assert {name: {at: sum_.counts for at, sum_ in steps.items()} for name, steps in some.items()} == {
            name: {at: sum_.counts for at, sum_ in everything[name].items()} for name in names
        }
        assert {name: sum_.counts for name, sum_ in whole.items()} == {
            name: total(everything[name]).counts for name in names
        }


async def test_attempts_count_with_their_tokens_and_what_they_cost(kept: Kept):
    await kept.attempts(
        row(id="1", usage=Usage(input_tokens=7, cached_tokens=3, output_tokens=2), cost_picodollars=100),
        row(id="2", code="timeout", cost_picodollars=None, payer="caller"),
        row(id="3", payer="internal", cost_picodollars=5),
        row(id="4", cause="correction", usage=Usage(), cost_picodollars=-40, duration_us=0),
        row(id="5", cause="cache_hit", cost_picodollars=0, saving_picodollars=77, usage=Usage()),
    )
    await kept.merger.merge()
    counts = (await kept.sums())[""].counts
    assert counts == {
        "attempts": 3, "attempts_failed": 1, "attempt_error.timeout": 1, "unpriced": 1, "cost_picodollars": 65,
        "cost_picodollars.internal": 5, "saving_picodollars": 77, "tokens.input_tokens": 7 + 20,
        "tokens.cached_tokens": 3, "tokens.output_tokens": 2 + 10,
    }  # fmt: skip


async def test_what_is_drained_again_counts_once(kept: Kept):
    calls = [call_row(number) for number in range(1, 6)]
    attempts = [row(id=str(number)) for number in range(5)]
    for until in (3, 5, 2, 5):
        await kept.calls(*calls[:until])
        await kept.attempts(*attempts[:until])
    await kept.merger.merge()
    counts = (await kept.sums())[""].counts
    assert (counts["calls"], counts["attempts"]) == (5, 5)
    assert await kept.database.fetch("SELECT count(*) FROM calls") == [(5,)]


async def test_what_is_in_one_batch_twice_counts_once(kept: Kept):
    await kept.calls(call_row(1), call_row(1), call_row(2), call_row(1))
    await kept.merger.merge()
    assert {name: sum_.counts["calls"] for name, sum_ in (await kept.sums()).items()} == {"": 2}


async def test_processes_are_numbered_on_their_own(kept: Kept):
    await kept.calls(call_row(9, owner="a", id="a9"))
    await kept.calls(call_row(1, owner="b", id="b1"), call_row(2, owner="b", id="b2"))
    await kept.calls(call_row(1, owner="a", id="a1"), call_row(10, owner="a", id="a10"))
    await kept.merger.merge()
    assert await kept.count("calls") == {"": 4}


async def test_only_what_is_to_be_kept_is_in_the_list_and_all_is_counted(kept: Kept):
    await kept.calls(call_row(1, kept=""), call_row(2, kept="slow"), call_row(3, kept="error", code="timeout"))
    await kept.merger.merge()
    assert await kept.database.fetch("SELECT id, kept FROM calls ORDER BY id") == [
        ("req_2", "slow"),
        ("req_3", "error"),
    ]
    assert await kept.count("calls") == {"": 3}


async def test_steps_are_the_same_before_and_after_hours_and_days_are_summed_up(kept: Kept):
    rng = random.Random(2)
    await kept.calls(*(drawn(number, rng) for number in range(1, 201)))
    await kept.merger.merge()

    async def steps(step_s: int) -> dict[int, tuple[dict[str, int], float | None]]:
        found = await series(kept.database, Query("default", NOVEMBER_S, NOVEMBER_S + DAY_S, step_s))
        return {at: (sum_.counts, sum_.sketch("duration").quantile(0.9)) for at, sum_ in found[""].items()}

    before = {step_s: await steps(step_s) for step_s in (MINUTE_S, HOUR_S, DAY_S)}
    assert len(before[HOUR_S]) == 24
    kept.clock.advance(7 * HOUR_S + 600)
    await kept.merger.close()
    assert {step_s: await steps(step_s) for step_s in before} == before, "seven hours are summed up"
    kept.clock.advance(DAY_S)
    await kept.merger.close()
    assert {step_s: await steps(step_s) for step_s in before} == before, "and the day"
    await kept.without(MINUTE_S)
    assert {step_s: await steps(step_s) for step_s in (HOUR_S, DAY_S)} == {
        each: before[each] for each in (HOUR_S, DAY_S)
    }
    await kept.without(HOUR_S)
    assert await steps(DAY_S) == before[DAY_S]


async def test_what_comes_late_is_added_to_hours_and_days_that_are_summed_up(kept: Kept):
    await kept.calls(call_row(1))
    await kept.merger.merge()
    kept.clock.advance(2 * DAY_S)
    await kept.merger.close()
    await kept.calls(call_row(2), call_row(3, started_us=NOVEMBER_US + 5 * HOUR_S * 1_000_000))
    await kept.merger.merge()
    for step_s in (MINUTE_S, HOUR_S, DAY_S):
        assert await kept.count("calls", step_s=step_s) == {"": 3}, step_s


async def test_a_process_that_has_been_away_sums_up_all_the_hours_between(kept: Kept):
    await kept.calls(*(call_row(day + 1, started_us=NOVEMBER_US + day * DAY_S * 1_000_000) for day in range(10)))
    await kept.merger.merge()
    kept.clock.advance(40 * DAY_S)
    await kept.merger.close()
    for level in (MINUTE_S, HOUR_S):
        await kept.without(level)
    assert await kept.count("calls", days=20) == {"": 10}


async def test_two_that_merge_at_the_same_time_count_everything_once(kept: Kept):
    other = Merger(kept.database, TelemetryConfig(), kept.clock)
    for number in range(1, 61):
        await kept.calls(call_row(number, key_id=f"key_{number % 7}"))
        if number % 20 == 0:
            await asyncio.gather(kept.merger.merge(), other.merge())
    assert await kept.count("calls", group="key") == {f"key_{n}": len(range(n or 7, 61, 7)) for n in range(7)}


async def test_of_too_many_names_the_rest_are_counted_together(database: Database):
    kept = Kept(database, TelemetryConfig(rollups=RollupsConfig(max_names=10)))
    for start in range(1, 61, 15):
        await kept.calls(*(call_row(number, model=f"m{number % 30}") for number in range(start, start + 15)))
        await kept.merger.merge()
    again = Merger(database, kept.merger.config, kept.clock)
    await kept.calls(call_row(61, model="m1"), call_row(62, model="m29"))
    await again.merge()
    counts = await kept.count("calls", group="model")
    assert len(counts) == 11
    assert counts.pop(OTHER) == 40 + 1
    assert counts.pop("m1") == 3
    assert set(counts.values()) == {2}
    assert await kept.count("calls") == {"": 62}


async def test_names_that_one_key_makes_up_hide_nothing_of_another(database: Database):
    kept = Kept(database, TelemetryConfig(rollups=RollupsConfig(max_names=10)))
    await kept.calls(call_row(1, key_id="good", model="chat"), call_row(2, key_id="bad", model="chat"))
    await kept.calls(*(call_row(number, key_id="bad", model=f"m{number}") for number in range(3, 203)))
    await kept.calls(*(call_row(number, key_id="good", model="m3") for number in range(203, 206)))
    await kept.merger.merge()
    of_good = await kept.count("calls", group="model", fixed="key", name="good")
    assert of_good == {"chat": 1, "m3": 3}
    of_bad = await kept.count("calls", group="model", fixed="key", name="bad")
    assert (len(of_bad), of_bad[OTHER], sum(of_bad.values())) == (11, 191, 201)
    of_other = await kept.count("calls", group="key", fixed="model", name=OTHER)
    assert of_other == {"bad": 191}


async def test_pairs_that_are_too_many_are_told_as_the_others_of_their_own(database: Database):
    kept = Kept(database, TelemetryConfig(rollups=RollupsConfig(max_names=10)))
    pairs = [(key, model) for key in range(10) for model in range(10)]
    calls = [call_row(number, key_id=f"k{key}", model=f"m{model}", team_id="t") for number, (key, model) in
             enumerate(pairs, 1)]  # fmt: skip
    await kept.calls(*calls, call_row(101, key_id="k3", model="new"))
    await kept.merger.merge()
    found = await kept.count("calls", group="model", fixed="key", name="k3")
    assert sum(found.values()) == 11, "as many as there are of the key"
    assert found[OTHER] == 1


async def test_two_that_merge_have_no_more_names_than_one(database: Database):
    config = TelemetryConfig(rollups=RollupsConfig(max_names=10))
    kept = Kept(database, config)
    mergers = [kept.merger, Merger(database, config, kept.clock)]
    for number in range(1, 31):
        await kept.calls(call_row(number, key_id=f"key_{number}"))
        await mergers[number % 2].merge()
    counts = await kept.count("calls", group="key")
    assert counts == {OTHER: 20, **{f"key_{number}": 1 for number in range(1, 11)}}


async def test_names_no_database_takes_or_nobody_reads_are_made_fit(kept: Kept):
    await kept.calls(call_row(1, model="a\0b"), call_row(2, model="x" * 100_000), call_row(3, model="𝄞" * 300))
    await kept.merger.merge()
    assert set(await kept.count("calls", group="model")) == {"a\N{REPLACEMENT CHARACTER}b", "x" * 200, "𝄞" * 200}


async def test_organisations_see_their_own(kept: Kept):
    await kept.calls(call_row(1), call_row(2, organisation="acme"))
    await kept.merger.merge()
    assert await kept.count("calls") == {"": 1}


async def test_what_is_old_is_deleted_once_it_is_summed_up(kept: Kept):
    retention = Retention(kept.database, TelemetryConfig(), kept.clock)
    await kept.calls(call_row(1), call_row(2, organisation="default"))
    await kept.merger.merge()
    kept.clock.advance(4 * DAY_S)
    assert await retention.delete() == 0, "nobody has summed it up"
    await kept.merger.close()
    assert await retention.delete() > 0
    assert await kept.levels() == {HOUR_S, DAY_S}
    assert await kept.count("calls") == {"": 2}
    kept.clock.advance(11 * DAY_S)
    await retention.delete()
    assert await kept.database.fetch("SELECT count(*) FROM calls") == [(0,)]
    kept.clock.advance(100 * DAY_S)
    await retention.delete()
    assert await kept.levels() == {DAY_S}
    assert await kept.count("calls") == {"": 2}
    kept.clock.advance(1100 * DAY_S)
    await retention.delete()
    assert await kept.levels() == set()


@pytest.mark.parametrize(
    ("query", "what"),
    [
        (Query("o", 0, 60, 60, group="colour"), "no dimension 'colour'"),
        (Query("o", 0, 60, 60, group="arm", fixed="key"), "no sums by arm of one key"),
        (Query("o", 0, 60, 61), "no step of 61 s"),
        (Query("o", 60, 60, 60), "end after it begins"),
        (Query("o", -600, 60, 60), "end after it begins"),
        (Query("o", 0, 86400 * 365, 60), "more than 1500 steps"),
    ],
)
async def test_what_there_is_no_sum_for_is_refused(kept: Kept, query: Query, what: str):
    with pytest.raises(BadRequest, match=what):
        await series(kept.database, query)


def test_dimensions_are_those_of_a_place():
    assert set(DIMENSIONS) == {name for dimensions in CUBES.values() for name in dimensions}
