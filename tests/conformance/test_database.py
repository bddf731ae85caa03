"""Every database behaves alike: SQLite in a file, SQLite in memory, PostgreSQL."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator

import pytest

from headgate.errors import Conflict, StoreUnavailable
from headgate.storage.database import Database, Statement

BIG = 2**63 - 1
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT count(*) FROM n"


@pytest.fixture(autouse=True)
async def things(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("CREATE TABLE things (id TEXT PRIMARY KEY, number BIGINT, note TEXT)")


async def put(database: Database, id: str, number: int = 0) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO things (id, number) VALUES ($1, $2)", id, number)


async def ids(database: Database) -> list[str]:
    return [row[0] for row in await database.fetch("SELECT id FROM things ORDER BY id")]


# ── values and statements ──


async def test_what_is_written_is_read(database: Database):
    rows = [("a", BIG, "ü\n'$1' -- \\"), ("b", -BIG, None)]
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO things VALUES ($1, $2, $3), ($4, $5, $6)", *rows[0], *rows[1])
    assert await database.fetch("SELECT id, number, note FROM things ORDER BY id") == rows


async def test_parameters_go_by_their_numbers(database: Database):
    sql = "SELECT CAST($2 AS TEXT), CAST($1 AS BIGINT), CAST($2 AS TEXT) || '$1'"
    assert await database.fetch(sql, 1, "x") == [("x", 1, "x$1")]


async def test_a_parameter_is_never_a_part_of_the_statement(database: Database):
    await put(database, "a'); DROP TABLE things; --")
    assert await ids(database) == ["a'); DROP TABLE things; --"]
    assert await database.fetch("SELECT 1 FROM things WHERE id = $1", "' OR '1'='1") == []


async def test_a_change_tells_what_it_has_changed(database: Database):
    await put(database, "a", 5)
    async with database.transaction() as transaction:
        rows = await transaction.fetch("UPDATE things SET number = number + 1 RETURNING id, number")
        assert rows == [("a", 6)]
        again = "INSERT INTO things (id) VALUES ($1), ($2) ON CONFLICT (id) DO NOTHING RETURNING id"
        assert await transaction.fetch(again, "a", "b") == [("b",)]


async def test_each_of_several_statements_gives_its_rows(database: Database):
    add = "INSERT INTO things (id) VALUES ($1) RETURNING id"
    async with database.transaction() as transaction:
        assert await transaction.fetch_each([]) == []
        found = await transaction.fetch_each([(add, ["a"]), ("SELECT count(*) FROM things", ()), (add, ["b"])])
    assert found == [[("a",)], [(1,)], [("b",)]]


async def test_one_bad_statement_among_several_undoes_all(database: Database):
    with pytest.raises(Conflict):
        async with database.transaction() as transaction:
            await transaction.fetch_each([("INSERT INTO things (id) VALUES ($1)", ["a"])] * 2)
    assert await ids(database) == []


async def test_what_goes_wrong_while_statements_are_made_undoes_all(database: Database):
    def statements() -> Iterator[Statement]:
        yield "INSERT INTO things (id) VALUES ($1)", ["a"]
        raise ValueError

    with pytest.raises(ValueError):
        async with database.transaction() as transaction:
            await transaction.fetch_each(statements())
    assert await ids(database) == []


async def test_several_statements_without_parameters_are_one_script(database: Database):
    async with database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO things (id) VALUES ('a'); -- and ;\nINSERT INTO things (id) VALUES ('b;c');"
        )
    assert await ids(database) == ["a", "b;c"]


async def test_sums_of_money_do_not_overflow(database: Database):
    for number in range(4):
        await put(database, f"{number}", BIG)
    sums = "CAST(sum(number / 1000000) AS BIGINT), CAST(sum(number % 1000000) AS BIGINT)"
    ((millions, rest),) = await database.fetch(f"SELECT {sums} FROM things")
    assert millions * 1_000_000 + rest == 4 * BIG


async def test_a_mistake_in_a_statement_is_not_a_store_that_is_away(database: Database):
    for sql in ("SELEC 1", "SELECT nothing FROM things"):
        with pytest.raises(Exception) as caught:
            await database.fetch(sql)
        assert not isinstance(caught.value, StoreUnavailable)
    assert await database.fetch("SELECT 1") == [(1,)]


async def test_what_is_there_twice_is_a_conflict(database: Database):
    await put(database, "a")
    with pytest.raises(Conflict, match="like it already"):
        await put(database, "a")
    await put(database, "b")
    assert await ids(database) == ["a", "b"]


async def test_a_reference_to_nothing_is_a_conflict(database: Database):
    async with database.transaction() as transaction:
        await transaction.execute("CREATE TABLE parts (thing TEXT REFERENCES things (id))")
    with pytest.raises(Conflict, match="not there"):
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO parts VALUES ('a')")


# ── transactions ──


async def test_a_block_that_raises_has_changed_nothing(database: Database):
    with pytest.raises(LookupError, match="mine"):
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO things (id) VALUES ('a')")
            raise LookupError("mine")
    await put(database, "b")
    assert await ids(database) == ["b"]


async def test_an_error_of_the_blocks_own_stays_what_it_is(database: Database):
    with pytest.raises(OSError, match="mine"):
        async with database.transaction():
            raise OSError("mine")


async def test_a_block_that_is_cancelled_has_changed_nothing(database: Database):
    begun = asyncio.Event()

    async def work() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO things (id) VALUES ('a')")
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await put(database, "b")
    assert await ids(database) == ["b"]


async def test_whenever_a_transaction_is_cancelled_it_happened_all_or_not_at_all(database: Database):
    async def work(number: int) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO things (id) VALUES ($1)", f"{number}-a")
            await transaction.execute("INSERT INTO things (id) VALUES ($1)", f"{number}-b")

    tasks: list[asyncio.Task[None]] = []
    for number in range(60):
        tasks.append(asyncio.create_task(work(number)))
        await asyncio.sleep(random.random() * 0.002)
        random.choice(tasks).cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    found = await ids(database)
    for number, outcome in enumerate(ended):
        present = [f"{number}-a" in found, f"{number}-b" in found]
        assert present in ([True, True], [False, False])
        assert all(present) or isinstance(outcome, asyncio.CancelledError)
    await put(database, "after")


async def test_reads_beside_a_transaction_see_what_was_before_it(database: Database):
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO things (id) VALUES ('a')")
        assert await transaction.fetch("SELECT id FROM things") == [("a",)]
        beside = asyncio.create_task(ids(database))
        done, _ = await asyncio.wait([beside], timeout=0.05)
        assert not done or beside.result() == []
    assert await ids(database) == ["a"]
    assert await beside in ([], ["a"])


async def test_transactions_that_count_up_one_row_wait_for_each_other(database: Database):
    async def count() -> int:
        async with database.transaction() as transaction:
            rows = await transaction.fetch("UPDATE revisions SET value = value + 1 WHERE id = 1 RETURNING value")
            await asyncio.sleep(0.001)
            return rows[0][0]

    assert sorted(await asyncio.gather(*(count() for _ in range(30)))) == list(range(1, 31))


async def test_a_transaction_in_which_a_statement_failed_does_not_happen_whoever_looks_away(database: Database):
    await put(database, "a")
    with pytest.raises(RuntimeError, match="nothing of it happens"):
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO things (id) VALUES ('b')")
            with pytest.raises(Conflict):
                await transaction.execute("INSERT INTO things (id) VALUES ('a')")
            with pytest.raises(RuntimeError, match="nothing of it happens"):
                await transaction.execute("INSERT INTO things (id) VALUES ('c')")
    assert await ids(database) == ["a"]


async def test_a_transaction_that_is_over_takes_no_more(database: Database):
    async with database.transaction() as transaction:
        pass
    with pytest.raises(RuntimeError, match="over"):
        await transaction.execute("INSERT INTO things (id) VALUES ('a')")
    assert await ids(database) == []


# ── the event loop, and the end ──


@pytest.mark.parametrize("writing", [False, True])
async def test_a_long_statement_does_not_hold_up_the_event_loop(database: Database, writing: bool):
    async def work() -> None:
        if writing:
            async with database.transaction() as transaction:
                await transaction.fetch(SLOW)
        else:
            await database.fetch(SLOW)

    task = asyncio.create_task(work())
    begun, turns = time.monotonic(), 0
    while not task.done():
        await asyncio.sleep(0.002)
        turns += 1
    await task
    assert turns > (time.monotonic() - begun) / 0.002 / 10


async def test_a_closed_database_says_so_and_closes_again(database: Database):
    await database.close()
    await database.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.fetch("SELECT 1")
    with pytest.raises(StoreUnavailable, match="closed"):
        async with database.transaction():
            pass
