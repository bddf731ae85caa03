"""Rows come into the table once, and cost budgets once, on every database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.ledger.queries import Filters, LedgerQueries
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import COLUMNS, encode
from headgate.storage.database import Database
from headgate.storage.opening import open_database
from headgate.storage.records import LedgerRow
from headgate.storage.writer import at_fault
from headgate.types import Usage
from ledger_rows import row, rows

BIG = 2**63 - 1


async def store(database: Database, *stored: LedgerRow) -> None:
    async with database.transaction() as transaction:
        await LedgerSink().store(transaction, [encode(each) for each in stored])


async def kept(database: Database) -> Sequence[LedgerRow]:
    found = [each async for each in LedgerQueries(database).every(Filters())]
    return sorted(found, key=lambda each: each.id)


async def spend(database: Database) -> dict[str, int]:
    return dict(await database.fetch("SELECT counter, picodollars FROM spend"))


FULL = row(
    id="req_1-0", call_id="req_1", organisation="org", key_id="key", team_id="team", project_id="project",
    user_id="user", end_user="end", model="mödel", target="sim/a", operation="embed", cause="retry", parent="req_1",
    payer="internal", started_us=3, duration_us=4, first_token_us=5, status=429, code="rate_limit_exceeded",
    usage=Usage(*range(1, 13)), usage_source="estimated", cost_picodollars=6, saving_picodollars=7,
    reserved_picodollars=8, price_version="v", streamed=True, vendor_request_id="vendor", prompt_version="p",
    tags=(("a", 'x"\\\n\u2028é'), ("b", "")), charged=("one", "two"),
)  # fmt: skip


async def test_a_row_comes_back_as_it_was(database: Database):
    plain = row(id="req_2-0", usage=Usage(), cost_picodollars=None)
    await store(database, FULL, plain)
    assert await kept(database) == [FULL, plain]


async def test_columns_are_the_tables(database: Database):
    found = await database.fetch(f"SELECT {', '.join(COLUMNS)} FROM ledger")
    assert found == []
    await store(database, FULL)
    assert len((await database.fetch("SELECT * FROM ledger"))[0]) == len(COLUMNS)


async def test_texts_of_json_are_the_same_in_every_database(database: Database):
    await store(database, FULL, row(id="req_2-0"))
    assert await database.fetch("SELECT tags, charged FROM ledger ORDER BY id") == [
        ('{"a":"x\\"\\\\\\n\u2028é","b":""}', '["one","two"]'),
        ("{}", "[]"),
    ]


async def test_any_number_of_rows_at_once(database: Database):
    total = 0
    for count in (1, 127, 128, 129, 1000):
        many = [row(id=f"{count}-{number:04}", cost_picodollars=1, charged=("b",)) for number in range(count)]
        await store(database, *many)
        total += count
    assert len(await kept(database)) == total
    assert await spend(database) == {"b": total}


async def test_a_row_costs_every_counter_it_is_charged_to(database: Database):
    await store(
        database,
        row(id="1", cost_picodollars=5, charged=("a", "b")),
        row(id="2", cost_picodollars=7, charged=("b",)),
        row(id="3", cost_picodollars=None, charged=("a",)),
        row(id="4", cost_picodollars=9),
    )
    await store(database, row(id="5", cost_picodollars=-2, charged=("a",), cause="correction"))
    assert await spend(database) == {"a": 3, "b": 12}


async def test_the_same_id_again_changes_and_costs_nothing(database: Database):
    first = row(id="1", cost_picodollars=5, charged=("a",))
    await store(database, first)
    await store(database, row(id="1", cost_picodollars=100, charged=("a",)))
    assert await kept(database) == [first]
    assert await spend(database) == {"a": 5}


async def test_ids_old_and_new_and_twice_in_one_batch(database: Database):
    await store(database, row(id="1", cost_picodollars=1, charged=("a",)))
    await store(
        database,
        row(id="2", cost_picodollars=10, charged=("a",)),
        row(id="1", cost_picodollars=100, charged=("a",)),
        row(id="2", cost_picodollars=1000, charged=("a",)),
        row(id="3", cost_picodollars=10_000, charged=("a",)),
    )
    assert [each.cost_picodollars for each in await kept(database)] == [1, 10, 10_000]
    assert await spend(database) == {"a": 10_011}


async def test_what_is_rolled_back_costs_nothing(database: Database):
    with pytest.raises(RuntimeError):
        async with database.transaction() as transaction:
            await LedgerSink().store(transaction, [encode(row(cost_picodollars=5, charged=("a",)))])
            raise RuntimeError
    assert await kept(database) == []
    assert await spend(database) == {}


async def test_a_counter_stays_at_the_end_of_its_range(database: Database):
    for number in range(3):
        await store(database, row(id=f"{number}", cost_picodollars=BIG - 1, charged=("a",)))
    await store(
        database,
        row(id="x", cost_picodollars=BIG, charged=("b",)),
        row(id="y", cost_picodollars=BIG, charged=("b",)),
    )
    assert await spend(database) == {"a": BIG, "b": BIG}


async def test_records_of_other_releases_are_read(database: Database):
    """Members that are new are left out, members that were not there yet have what stands for nothing."""
    old = json.loads(encode(row(id="1", usage=Usage(input_tokens=1))))
    old["something"] = {"new": [1]}
    old["usage"]["new_tokens"] = 5
    async with database.transaction() as transaction:
        await LedgerSink().store(transaction, [msgspec.json.encode(old)])
    assert await kept(database) == [row(id="1", usage=Usage(input_tokens=1))]


async def test_the_character_that_no_text_holds_is_replaced(database: Database):
    """Or whoever can put it into a model's name would not be billed."""
    await store(database, row(id="1", model="a\0b\\u0000\\\0\0", cost_picodollars=5, charged=("a",)))
    assert [each.model for each in await kept(database)] == ["a\ufffdb\\u0000\\\ufffd\ufffd"]
    assert await spend(database) == {"a": 5}


async def test_what_is_no_row_is_the_fault_of_the_record(database: Database):
    too_much = encode(row(cost_picodollars=BIG + 1))
    for payload in (b"[]", b"5", b'{"id": "1"}', b'{"id": 5}', b"{", too_much):
        with pytest.raises(Exception) as caught:
            async with database.transaction() as transaction:
                await LedgerSink().store(transaction, [encode(row(id="good")), payload])
        assert at_fault(caught.value), payload
    assert await kept(database) == []


async def test_replicas_charging_the_same_counters_do_not_block_each_other(postgres_url: str):
    databases = [await open_database(postgres_url) for _ in range(3)]
    counters = [f"c{number}" for number in range(20)]

    async def settle(replica: int) -> None:
        for batch in range(10):
            order = counters[batch:] + counters[:batch] if replica % 2 else counters[::-1]
            await store(
                databases[replica],
                *(row(id=f"{replica}-{batch}-{counter}", cost_picodollars=1, charged=(counter,)) for counter in order),
            )

    await asyncio.gather(*(settle(replica) for replica in range(3)))
    assert await spend(databases[0]) == dict.fromkeys(counters, 30)
    for database in databases:
        await database.close()


def fits(each: LedgerRow) -> bool:
    """Whether a database can hold it: what it cannot is another test's."""
    amounts = (each.cost_picodollars, each.saving_picodollars, each.reserved_picodollars)
    return all(abs(amount or 0) <= BIG for amount in amounts) and b"\\u0000" not in encode(each)


@settings(max_examples=30, deadline=None)
@given(st.lists(rows().filter(fits), max_size=10, unique_by=lambda each: each.id))
def test_any_row_comes_back(many: list[LedgerRow]):
    async def there_and_back() -> None:
        database = await open_database("sqlite:///:memory:")
        await store(database, *many)
        assert {each.id: each for each in await kept(database)} == {each.id: each for each in many}
        await database.close()

    asyncio.run(there_and_back())
