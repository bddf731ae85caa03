"""Comparisons are stored once on every database, read back as they were, and deleted when they are old."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.shadow.comparisons import KEPT_US, ComparisonSink, comparisons, encode
from headgate.storage.database import Database
from headgate.storage.records import Comparison

NOW_US = 1_800_000_000_000_000
FULL = Comparison(
    id="req_1-shadow", at_us=NOW_US, organisation="default", model="chat", shadow="new/m", call_id="req_1", streamed=1,
    target="old/m", shadow_target="new/m", code=None, shadow_code="server_error", duration_us=1, shadow_duration_us=2,
    first_token_us=3, shadow_first_token_us=4, cost_picodollars=2**62, shadow_cost_picodollars=None, stop="end",
    shadow_stop="length", characters=5, shadow_characters=6, refused=0, shadow_refused=1, json=1, shadow_json=0,
    tools="none", operation="embed", similarity=0.75, same=0,
)  # fmt: skip


async def store(database: Database, sink: ComparisonSink, *rows: Comparison) -> None:
    async with database.transaction() as transaction:
        await sink.store(transaction, [encode(each) for each in rows])


async def read(database: Database, most: int = 1000, organisation: str = "default") -> list[Comparison]:
    return await comparisons(database, organisation, "chat", 0, NOW_US + 10**12, most)


async def test_a_row_comes_back_as_it_was_and_is_there_once(database: Database):
    dropped = Comparison(
        id="drop_1", at_us=NOW_US - 1, organisation="default", model="chat", shadow="new/m", dropped="memory", calls=9
    )
    for _ in range(2):
        await store(database, ComparisonSink(), FULL, dropped, FULL)
    assert await read(database) == [FULL, dropped]
    assert await read(database, organisation="another") == []


async def test_many_are_stored_at_once_and_the_newest_read_first(database: Database):
    rows = [replace(FULL, id=f"{number:04}", at_us=NOW_US + number) for number in range(217)]
    await store(database, ComparisonSink(), *rows)
    assert await read(database) == rows[::-1]
    assert await read(database, most=3) == rows[:-4:-1]


async def test_those_with_one_shadow_are_read_however_many_another_has(database: Database):
    older = [replace(FULL, id=f"old{number}", at_us=NOW_US + number, shadow="old/m") for number in range(2)]
    newer = [replace(FULL, id=f"new{number}", at_us=NOW_US + 9 + number) for number in range(3)]
    await store(database, ComparisonSink(), *older, *newer)
    assert {row.shadow for row in await read(database)} == {"new/m"}
    assert await comparisons(database, "default", "chat", 0, 2**62, 3, "old/m") == older[::-1]
    assert await comparisons(database, "default", "chat", 0, 2**62, 3, "no/m") == []


async def test_a_name_with_a_character_no_text_may_hold_is_stored_without_it(database: Database):
    await store(database, ComparisonSink(), replace(FULL, target="old/m\0"))
    assert (await read(database))[0].target == "old/m\N{REPLACEMENT CHARACTER}"


async def test_what_is_older_than_a_month_is_deleted(database: Database):
    sink = ComparisonSink()
    await store(database, sink, replace(FULL, id="old"))
    await store(database, sink, replace(FULL, id="new", at_us=NOW_US + KEPT_US + 1))
    assert [each.id for each in await read(database) if each.at_us < NOW_US + KEPT_US] == []
    found = await comparisons(database, "default", "chat", 0, NOW_US + 2 * KEPT_US, 10)
    assert [each.id for each in found] == ["new"]
