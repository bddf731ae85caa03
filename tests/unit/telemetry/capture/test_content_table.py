"""Content in both databases: stored once, kept within its bounds, and gone when it is erased."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.storage.database import Database
from headgate.storage.records import Content
from headgate.telemetry.capture.config import CaptureConfig, CaptureRule
from headgate.telemetry.capture.listing import ContentFilters, ContentQueries
from headgate.telemetry.capture.storing import DAY_US, ContentTable, Erasure

CONFIG = CaptureConfig(rules=(CaptureRule(),), max_mb=1)
NOW_US = 1_900_000_000_000_000


def row(number: int, **changes: Any) -> Content:
    made = Content(
        f"req_{number:04}", "default", NOW_US + number, NOW_US, 5, "chat", "sim/a", "chat", "openai_chat", 0, "sample",
        None, "key_1", "team_1", None, None, '{"model": "m"}', None, "no_answer", 0, 0, "{}", 14,
    )  # fmt: skip
    return replace(made, **changes)


def erasure(**fields: Any) -> Erasure:
    given: dict[str, Any] = {
        "id": "ers_1",
        "organisation": "default",
        "at_us": NOW_US,
        "until_us": NOW_US + 1000,
        **fields,
    }
    return Erasure(**given)


async def erased(database: Database, table: ContentTable, **fields: Any) -> int:
    async with database.transaction() as transaction:
        return await table.erase(transaction, erasure(**fields))


def filtered(**filters: Any) -> ContentFilters:
    given: dict[str, Any] = {"organisation": "default", **filters}
    return ContentFilters(**given)


async def found(database: Database, **filters: Any) -> list[Content]:
    queries = ContentQueries(database)
    rows = [each async for page in queries.pages(filtered(**filters)) for each in page]
    assert await queries.number(filtered(**filters)) == len(rows)
    return rows


async def ids(database: Database, **filters: Any) -> list[str]:
    return [each.id for each in await found(database, **filters)]


async def test_a_row_is_stored_once_and_comes_back_as_it_was(database: Database):
    table = ContentTable(database)
    whole = row(1, answer='{"a": "\\u0000"}', missing="", end_user="u", code="timeout", project_id="p")
    await table.store([whole, row(2)], CONFIG)
    await table.store([replace(whole, request="another")], CONFIG)
    [first, second] = await found(database)
    assert (first, second) == (whole, row(2))
    assert await ids(database, organisation="other") == []


async def test_filters_and_pages(database: Database):
    rows = [
        row(number, model="a" if number % 2 else "b", code="timeout" if number % 3 == 0 else None)
        for number in range(120)
    ]
    await ContentTable(database).store(rows, CONFIG)
    assert await ids(database) == [each.id for each in rows]
    assert len(await ids(database, model="a", failed=True)) == 20
    assert await ids(database, from_us=NOW_US + 10, until_us=NOW_US + 12) == ["req_0010", "req_0011"]
    assert await ids(database, whole=True) == []


@pytest.mark.parametrize(
    ("by", "left"),
    [
        ({"call_id": "req_0001"}, ["req_0002", "req_0003"]),
        ({"end_user": "ann"}, ["req_0003"]),
        ({"end_user": "ann", "key_id": "key_2"}, ["req_0001", "req_0003"]),
        ({"team_id": "team_2", "until_us": NOW_US + 2}, ["req_0001", "req_0002", "req_0003"]),
        ({}, []),
    ],
)
async def test_what_is_erased_is_gone_also_where_it_comes_late(database: Database, by: Any, left: list[str]):
    table = ContentTable(database)
    rows = [row(1, end_user="ann"), row(2, end_user="ann", key_id="key_2"), row(3, team_id="team_2")]
    await table.store(rows, CONFIG)
    assert await erased(database, table, **by) == 3 - len(left)
    assert await ids(database) == left
    await table.store(rows, CONFIG)  # of another process, which had not stored them yet
    assert await ids(database) == left
    await table.store([replace(rows[0], id="req_later", captured_us=NOW_US + 5000)], CONFIG)
    assert (await ids(database))[-1] == "req_later"


async def test_an_erasure_is_nobody_elses(database: Database):
    table = ContentTable(database)
    await table.store([row(1), row(2, organisation="other")], CONFIG)
    assert await erased(database, table, organisation="other") == 1
    assert await ids(database) == ["req_0001"]


async def test_what_is_old_goes(database: Database):
    table = ContentTable(database)
    await table.store(
        [row(1), row(2, captured_us=NOW_US - 15 * DAY_US), row(3, captured_us=NOW_US - 13 * DAY_US)], CONFIG
    )
    assert await table.age(NOW_US, CONFIG) == 1
    assert await ids(database) == ["req_0003", "req_0001"]
    assert await table.age(NOW_US, None) == 0  # captured by a configuration that is gone
    assert await table.age(NOW_US + 40 * DAY_US, None) == 2


async def test_of_an_organisation_that_has_too_much_the_oldest_goes(database: Database):
    table = ContentTable(database)
    large = [row(number, bytes=300_000) for number in range(3)]
    await table.store([*large, row(9, organisation="other", bytes=900_000)], CONFIG)
    assert len(await ids(database)) == 3
    await table.store([row(3, bytes=300_000)], CONFIG)
    assert await ids(database) == ["req_0001", "req_0002", "req_0003"]
    assert table.pushed_out == 1
    assert await ids(database, organisation="other") == ["req_0009"]
    fresh = ContentTable(database)  # of another process
    await fresh.store([row(number, bytes=300_000) for number in range(4, 6)], CONFIG)
    assert await ids(database) == ["req_0003", "req_0004", "req_0005"]


async def test_erased_content_is_not_left_in_the_file(database: Database, database_url: str):
    if not database_url.startswith("sqlite:///") or "memory" in database_url:
        pytest.skip("there is no file")
    table = ContentTable(database)
    await table.store([row(1, request='{"m": "' + "UNMISTAKABLE" * 900 + '"}')], CONFIG)
    await erased(database, table)
    await database.close()
    assert b"UNMISTAKABLE" not in await asyncio.to_thread(Path(database_url.removeprefix("sqlite:///")).read_bytes)
