"""What the ledger is asked, it answers exactly, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.errors import BadRequest
from headgate.ledger.queries import Filters, LedgerQueries
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode
from headgate.storage.database import Database
from headgate.storage.records import LedgerRow
from headgate.types import Usage
from ledger_rows import DAY_US, NOVEMBER_US, row


async def put(database: Database, *rows: LedgerRow) -> LedgerQueries:
    async with database.transaction() as transaction:
        await LedgerSink().store(transaction, [encode(each) for each in rows])
    return LedgerQueries(database)


async def found(queries: LedgerQueries, **filters: Any) -> list[str]:
    rows, _ = await queries.page(Filters(**filters))
    return sorted(each.id for each in rows)


# ── rows ──


async def test_pages_have_every_row_once_in_order(database: Database):
    """Many start in the same microsecond: their ids decide."""
    rows = [row(id=f"req_{number:03}-0", started_us=NOVEMBER_US + number // 10) for number in range(95)]
    queries = await put(database, *rows)
    for oldest_first in (True, False):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page, cursor = await queries.page(Filters(), cursor, 10, oldest_first=oldest_first)
            seen += [each.id for each in page]
            if cursor is None:
                break
        ids = [each.id for each in rows]
        assert seen == (ids if oldest_first else ids[::-1])
    assert [each.id async for each in queries.every(Filters())] == [each.id for each in rows]


async def test_the_last_page_has_no_next(database: Database):
    queries = await put(database, row(id="1"), row(id="2"))
    _, cursor = await queries.page(Filters(), limit=2)
    assert cursor is None
    page, cursor = await queries.page(Filters(organisation="nobody"))
    assert (page, cursor) == ([], None)


async def test_a_cursor_no_page_gave_is_refused(database: Database):
    for cursor in ("", "x", "!!!", "é", "LTEgYQ", "MQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTkgYQ", "MSAA"):
        with pytest.raises(BadRequest, match="cursor"):
            await LedgerQueries(database).page(Filters(), cursor)


async def test_every_filter_finds_its_rows_alone(database: Database):
    queries = await put(
        database,
        row(id="plain"),
        row(id="org", organisation="other"),
        row(id="call", call_id="req_9"),
        row(id="key", key_id="key_9"),
        row(id="team", team_id="team_9"),
        row(id="project", project_id="project_9"),
        row(id="user", user_id="user_9"),
        row(id="end", end_user="end_9"),
        row(id="model", model="model_9"),
        row(id="target", target="sim/9"),
        row(id="operation", operation="embed"),
        row(id="code", code="timeout"),
        row(id="cause", cause="hedge"),
        row(id="payer", payer="internal"),
        row(id="tag", tags=(("t$.", 'v"'), ("other", "x"))),
        row(id="early", started_us=NOVEMBER_US - 1),
        row(id="late", started_us=NOVEMBER_US + 1),
    )
    assert await found(queries, organisation="other") == ["org"]
    assert await found(queries, call_id="req_9") == ["call"]
    assert await found(queries, key_id="key_9") == ["key"]
    assert await found(queries, team_id="team_9") == ["team"]
    assert await found(queries, project_id="project_9") == ["project"]
    assert await found(queries, user_id="user_9") == ["user"]
    assert await found(queries, end_user="end_9") == ["end"]
    assert await found(queries, model="model_9") == ["model"]
    assert await found(queries, target="sim/9") == ["target"]
    assert await found(queries, operation="embed") == ["operation"]
    assert await found(queries, code="timeout") == ["code"]
    assert await found(queries, cause="hedge") == ["cause"]
    assert await found(queries, payer="internal") == ["payer"]
    assert await found(queries, tag=("t$.", 'v"')) == ["tag"]
    assert await found(queries, tag=("t$.", "x")) == []
    assert await found(queries, until_us=NOVEMBER_US) == ["early"]
    assert await found(queries, from_us=NOVEMBER_US + 1) == ["late"]
    assert "code" not in await found(queries, code="")
    assert await found(queries, organisation="other", key_id="key_9") == []


async def test_a_filter_is_never_part_of_the_statement(database: Database):
    queries = await put(database, row(id="1"))
    assert await found(queries, model="' OR '1'='1") == []
    assert await found(queries, tag=("') OR 1=1 --", "x")) == []


# ── totals ──


async def test_totals_of_nothing(database: Database):
    [total] = await LedgerQueries(database).totals(Filters())
    assert (total.group, total.calls, total.attempts, total.usage, total.cost_picodollars) == ({}, 0, 0, Usage(), 0)
    assert await LedgerQueries(database).totals(Filters(), by=["key"]) == []


async def test_what_calls_and_attempts_are(database: Database):
    queries = await put(
        database,
        row(id="a-0", call_id="a", code="timeout", usage=Usage(), cost_picodollars=None, usage_source="estimated"),
        row(id="a-1", call_id="a", cause="retry", usage=Usage(input_tokens=3, reasoning_tokens=1), cost_picodollars=7),
        row(id="b-0", call_id="b", cause="cache_hit", usage=Usage(), cost_picodollars=0, saving_picodollars=5),
        row(id="x", call_id="a", cause="correction", usage=Usage(input_tokens=-1), cost_picodollars=-2),
        row(id="y", call_id="correction", cause="correction", usage=Usage(), cost_picodollars=None),
    )
    [total] = await queries.totals(Filters())
    assert (total.calls, total.attempts, total.unpriced, total.estimated) == (2, 2, 1, 1)
    assert total.usage == Usage(input_tokens=2, reasoning_tokens=1)
    assert (total.cost_picodollars, total.saving_picodollars) == (5, 5)


async def test_sums_of_money_are_exact_beyond_64_bits(database: Database):
    big = 2**63 - 1
    queries = await put(
        database,
        *(row(id=f"{number}", cost_picodollars=big - number, saving_picodollars=big) for number in range(300)),
        row(id="less", cost_picodollars=-(10**18) - 999_999),
    )
    [total] = await queries.totals(Filters())
    assert total.cost_picodollars == sum(big - number for number in range(300)) - 10**18 - 999_999
    assert total.saving_picodollars == 300 * big


async def test_groups(database: Database):
    queries = await put(
        database,
        row(id="1", key_id="k1", team_id="t1", cost_picodollars=1, tags=(("env", "prod"),)),
        row(id="2", key_id="k1", team_id=None, cost_picodollars=2, started_us=NOVEMBER_US + DAY_US - 1),
        row(id="3", key_id="k2", team_id="t1", cost_picodollars=4, started_us=NOVEMBER_US + DAY_US),
        row(id="4", key_id="k2", team_id="t1", cost_picodollars=8, tags=(("env", "dev"), ("x", "y"))),
    )

    async def by(*names: str) -> dict[tuple[str | None, ...], int]:
        totals = await queries.totals(Filters(), by=names)
        return {tuple(each.group[name] for name in names): each.cost_picodollars for each in totals}

    assert await by("key") == {("k1",): 3, ("k2",): 12}
    assert await by("team") == {(None,): 2, ("t1",): 13}
    assert await by("day") == {("2026-11-01",): 11, ("2026-11-02",): 4}
    assert await by("tag:env") == {(None,): 6, ("dev",): 8, ("prod",): 1}
    assert await by("team", "key") == {(None, "k1"): 2, ("t1", "k1"): 1, ("t1", "k2"): 12}
    assert list(await by("tag:env", "day")) == [
        (None, "2026-11-01"), (None, "2026-11-02"), ("dev", "2026-11-01"), ("prod", "2026-11-01"),
    ]  # fmt: skip
    for name in ("project", "user", "customer", "model", "target", "operation", "cause"):
        assert sum((await by(name)).values()) == 15


async def test_groups_of_what_a_filter_finds(database: Database):
    queries = await put(
        database,
        row(id="1", tags=(("env", "prod"),), cost_picodollars=1),
        row(id="2", tags=(("env", "prod"), ("app", "x")), cost_picodollars=2),
        row(id="3", tags=(("env", "dev"),), cost_picodollars=4),
    )
    totals = await queries.totals(Filters(tag=("env", "prod")), by=["tag:app"])
    assert [(each.group, each.cost_picodollars) for each in totals] == [({"tag:app": None}, 1), ({"tag:app": "x"}, 2)]


async def test_what_cannot_be_grouped_by_is_told(database: Database):
    with pytest.raises(BadRequest, match="colour"):
        await LedgerQueries(database).totals(Filters(), by=["colour"])


async def test_what_a_counter_has_spent(database: Database):
    queries = await put(database, row(cost_picodollars=5, charged=("budget",)))
    assert (await queries.spent("budget"), await queries.spent("other")) == (5, 0)
