"""What the journal has comes into the database, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headgate.clock import ManualClock
from headgate.errors import StoreUnavailable
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode
from headgate.storage import segments
from headgate.storage import writer as module
from headgate.storage.database import Database, Transaction
from headgate.storage.journal import Journal, MemoryJournal
from headgate.storage.opening import open_database
from headgate.storage.writer import Writer
from journals import die, files, named, records
from ledger_rows import row
from waiting import eventually


class Thing(msgspec.Struct):
    id: str
    number: int = 0


class Things:
    """A sink for a table `things`."""

    kind = b"t"

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        for thing in [msgspec.json.decode(payload, type=Thing) for payload in payloads]:
            await transaction.execute(
                "INSERT INTO things (id, number) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", thing.id, thing.number
            )


class Unreliable:
    """A database that can be away."""

    def __init__(self, database: Database) -> None:
        self.kind = database.kind
        self.fetch = database.fetch
        self.away = False
        self.tried = 0
        self.hangs: asyncio.Event | None = None
        self._database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self.tried += 1
        if self.away:
            raise StoreUnavailable("away")
        async with self._database.transaction() as transaction:
            if self.hangs is not None:
                self.hangs.set()
                await asyncio.Event().wait()
            yield transaction

    async def close(self) -> None: ...


@pytest.fixture
async def database() -> AsyncIterator[Unreliable]:
    opened = await open_database("sqlite:///:memory:")
    async with opened.transaction() as transaction:
        await transaction.execute(
            "CREATE TABLE things (id TEXT PRIMARY KEY, number INTEGER CHECK (number < 1000)) STRICT"
        )
    yield Unreliable(opened)
    await opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path) -> Any:
    made = Journal(folder, segment_bytes=2000, fsync_ms=1)
    yield made
    made.close()


Make = Callable[..., Writer]


@pytest.fixture
def make(database: Unreliable, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(module, "RETRY_S", 0.001)
    monkeypatch.setattr(module, "PAUSE_S", 0.001)

    def made(journal: Journal | MemoryJournal) -> Writer:
        return Writer(database, journal, [Things(), LedgerSink()], ManualClock())

    return made


@pytest.fixture
def writer(journal: Journal, make: Make) -> Writer:
    return make(journal)


async def ids(database: Database, table: str = "things") -> list[str]:
    return [found for (found,) in await database.fetch(f"SELECT id FROM {table} ORDER BY rowid")]


def names(count: int) -> list[str]:
    return [f"{number:04}" for number in range(count)]


# ── draining ──


@pytest.mark.parametrize("kind", ["file", "memory"])
async def test_what_is_appended_is_in_the_database_after_a_drain(
    kind: str, database: Unreliable, make: Make, folder: Path
):
    journal = Journal(folder, segment_bytes=2000) if kind == "file" else MemoryJournal()
    writer = make(journal)
    for name in names(700):
        journal.append(b"t", named(name))
    assert writer.backlog == 700
    await writer.drain()
    assert await ids(database) == names(700)
    assert (writer.backlog, writer.drained, writer.damaged) == (0, 700, 0)
    await writer.close()


async def test_records_of_several_kinds_go_where_they_belong(database: Unreliable, journal: Journal, writer: Writer):
    journal.append(b"t", named("thing"))
    journal.append(b"l", encode(row(id="req_1-0")))
    await writer.drain()
    assert (await ids(database), await ids(database, "ledger")) == (["thing"], ["req_1-0"])


async def test_what_is_open_is_not_stored_while_its_process_lives(
    database: Unreliable, journal: Journal, writer: Writer
):
    journal.open("req_1-0", encode(row(id="req_1-0")))
    journal.open("req_2-0", encode(row(id="req_2-0")))
    journal.void("req_2-0")
    await writer.drain()
    assert await ids(database, "ledger") == []
    assert writer.backlog == 0


async def test_segments_go_once_they_are_drained(folder: Path, journal: Journal, writer: Writer):
    for name in names(500):
        journal.append(b"t", named(name))
    assert len(files(folder)) > 5
    await writer.drain()
    await writer._step()
    left = files(folder)
    assert journal._segment.path in left
    assert len(left) <= 2, "the one that is written, and the one that may be ready to follow it"


async def test_a_drain_waits_for_no_more_than_there_was(database: Unreliable, journal: Journal, writer: Writer):
    """Or under load it never came back."""
    journal.append(b"t", named("1"))

    class Busy(Things):
        async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
            await super().store(transaction, payloads)
            journal.append(b"t", named(f"more {journal.appended}"))

    writer._sinks[b"t"] = Busy()
    async with asyncio.timeout(10):
        await writer.drain()
    assert await ids(database) == ["1"]


async def test_running_drains_what_comes(database: Unreliable, journal: Journal, writer: Writer):
    running = asyncio.create_task(writer.run())
    for name in names(50):
        journal.append(b"t", named(name))
        await asyncio.sleep(0)

    async def done() -> bool:
        return await ids(database) == names(50)

    await eventually(done)
    running.cancel()
    await asyncio.wait([running])


async def test_nothing_is_done_twice_when_draining_and_running_at_once(
    database: Unreliable, journal: Journal, writer: Writer
):
    running = asyncio.create_task(writer.run())
    for name in names(300):
        journal.append(b"t", named(name))
        if int(name) % 50 == 0:
            await asyncio.gather(writer.drain(), writer.drain())
    await writer.drain()
    assert await ids(database) == names(300)
    assert writer.drained == 300
    running.cancel()
    await asyncio.wait([running])


async def test_while_paused_the_database_is_left_alone(database: Unreliable, journal: Journal, writer: Writer):
    running = asyncio.create_task(writer.run())
    await writer.pause()
    before = database.tried
    journal.append(b"t", named("1"))
    draining = asyncio.create_task(writer.drain())
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert (database.tried, await ids(database), draining.done()) == (before, [], False)
    writer.resume()
    await draining
    assert await ids(database) == ["1"]
    running.cancel()
    await asyncio.wait([running])


async def test_how_far_it_is_behind(journal: Journal, database: Unreliable):
    clock = ManualClock()
    writer = Writer(database, journal, [Things()], clock)
    clock.advance(100)
    assert writer.behind_s == 0
    journal.append(b"t", named("1"))
    assert writer.behind_s == 100
    await writer.drain()
    assert writer.behind_s == 0


# ── when it goes wrong ──


async def test_a_database_that_is_away_delays_and_loses_nothing(
    database: Unreliable, journal: Journal, writer: Writer, folder: Path
):
    database.away = True
    running = asyncio.create_task(writer.run())
    for name in names(500):
        journal.append(b"t", named(name))

    async def failing() -> bool:
        return writer.failing is not None and database.tried > 3

    await eventually(failing)
    assert writer.backlog == 500
    with pytest.raises(StoreUnavailable):
        await writer.drain()
    database.away = False
    await writer.drain()
    assert await ids(database) == names(500)
    assert writer.failing is None
    assert files(folder, ".damaged") == []
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("payload", [named("bad", number=1000), b'{"number": 1}', b"no JSON", named("bad", number="x")])
async def test_a_record_that_is_refused_is_put_aside_and_blocks_nothing(
    payload: bytes, database: Unreliable, journal: Journal, writer: Writer, folder: Path
):
    for name in names(20):
        journal.append(b"t", named(name))
        if name == "0007":
            journal.append(b"t", payload)
    await writer.drain()
    assert await ids(database) == names(20)
    assert (writer.damaged, writer.drained, writer.backlog, writer.failing) == (1, 20, 0, None)
    [aside] = files(folder, ".damaged")
    assert aside.read_bytes() == segments.encode(b"t", payload)


async def test_what_was_put_aside_can_be_tried_again(
    database: Unreliable, journal: Journal, writer: Writer, folder: Path
):
    """Renamed to a journal it is adopted."""
    journal.append(b"t", named("1", number=1000))
    await writer.drain()
    async with database.transaction() as transaction:
        await transaction.execute("DROP TABLE things")
        await transaction.execute("CREATE TABLE things (id TEXT PRIMARY KEY, number BIGINT)")
    [aside] = files(folder, ".damaged")
    aside.rename(folder / "again.journal")
    await writer.adopt()
    assert await ids(database) == ["1"]
    assert not (folder / "again.journal").exists()


async def test_a_kind_nobody_takes_is_put_aside(database: Unreliable, journal: Journal, writer: Writer, folder: Path):
    journal.append(b"x", named("1"))
    journal.append(b"t", named("2"))
    await writer.drain()
    assert (await ids(database), writer.damaged) == (["2"], 1)
    assert records(*files(folder, ".damaged")) == [("x", {"id": "1"})]


async def test_a_line_that_was_damaged_is_put_aside(
    database: Unreliable, journal: Journal, writer: Writer, folder: Path
):
    for name in names(3):
        journal.append(b"t", named(name))
    with files(folder)[0].open("r+b") as file:
        file.seek(len(segments.encode(b"t", named("0000"))) + 12)
        file.write(b"#")
    await writer.drain()
    assert (await ids(database), writer.damaged, writer.backlog) == (["0000", "0002"], 1, 0)
    assert b"#" in files(folder, ".damaged")[0].read_bytes()


async def test_a_database_unlike_what_it_should_be_puts_nothing_aside(
    database: Unreliable, journal: Journal, writer: Writer, folder: Path
):
    """It is not the records that are wrong."""
    async with database.transaction() as transaction:
        await transaction.execute("ALTER TABLE things RENAME TO others")
    journal.append(b"t", named("1"))
    with pytest.raises(Exception, match="no such table"):
        await writer.drain()
    assert files(folder, ".damaged") == []
    async with database.transaction() as transaction:
        await transaction.execute("ALTER TABLE others RENAME TO things")
    await writer.drain()
    assert await ids(database) == ["1"]


async def test_a_drain_that_is_cancelled_is_done_by_the_next(database: Unreliable, journal: Journal, writer: Writer):
    journal.append(b"t", named("1"))
    database.hangs = asyncio.Event()
    draining = asyncio.create_task(writer.drain())
    await database.hangs.wait()
    draining.cancel()
    await asyncio.wait([draining])
    database.hangs = None
    await writer.drain()
    assert await ids(database) == ["1"]


# ── adopting ──


def dead(folder: Path, *, open: Sequence[str] = (), settled: Sequence[str] = (), segment_bytes: int = 2000) -> Journal:
    """The journal of a process that was killed."""
    journal = Journal(folder, segment_bytes=segment_bytes)
    for name in open:
        journal.open(name, encode(row(id=name, code="interrupted", cost_picodollars=99, usage_source="estimated")))
    for name in settled:
        journal.append(b"l", encode(row(id=name)), closes=name)
    die(journal)
    return journal


async def test_what_a_dead_process_left_is_adopted(database: Unreliable, writer: Writer, folder: Path):
    living = files(folder, "")
    dead(folder, settled=names(100))
    await writer.adopt()
    assert await ids(database, "ledger") == names(100)
    assert writer.adopted == 100
    assert files(folder, "") == living


async def test_an_attempt_under_way_becomes_a_row_at_what_was_reserved(
    database: Unreliable, writer: Writer, folder: Path
):
    dead(folder, open=["a", "b", "c"], settled=["b", *names(50)])
    interrupted = await writer.adopt()
    assert sorted(each.id for each in interrupted) == ["a", "c"]
    found = await database.fetch("SELECT id, cost_picodollars FROM ledger WHERE code = 'interrupted' ORDER BY id")
    assert found == [("a", 99), ("c", 99)]
    assert sorted(await ids(database, "ledger")) == sorted(["a", "b", "c", *names(50)])


async def test_an_attempt_that_was_given_up_becomes_none(database: Unreliable, writer: Writer, folder: Path):
    journal = Journal(folder, segment_bytes=2000)
    journal.open("a", encode(row(id="a")))
    journal.open("b", encode(row(id="b")))
    journal.void("a")
    die(journal)
    assert [each.id for each in await writer.adopt()] == ["b"]
    assert await ids(database, "ledger") == ["b"]


async def test_whoever_counts_is_told_of_a_dead_owner_once_all_of_it_is_stored(
    database: Unreliable, writer: Writer, folder: Path
):
    journal = Journal(folder, segment_bytes=2000)
    for name in ("settled", "interrupted", "given up"):
        journal.open(name, encode(row(id=name, cost_picodollars=99)))
    journal.append(b"l", encode(row(id="settled", cost_picodollars=5)), closes="settled")
    journal.void("given up")
    die(journal)
    told: list[tuple[str, list[str]]] = []

    async def tell(owner: str) -> None:
        told.append((owner, sorted(await ids(database, "ledger"))))
        assert files(folder), "if this process dies now, the next one tells it again"

    await writer.adopt(tell)
    assert told == [(journal.owner, ["interrupted", "settled"])]


async def test_of_an_owner_that_left_nothing_but_is_to_be_adopted_is_told_too(writer: Writer, folder: Path):
    named, silent = Journal(folder), Journal(folder)
    named.close(adopted=True)
    silent.close()
    told: list[str] = []

    async def tell(owner: str) -> None:
        told.append(owner)

    await writer.adopt(tell)
    await writer.adopt(tell)
    assert told == [named.owner]


async def test_what_cannot_be_read_holds_nothing_up(database: Unreliable, writer: Writer, folder: Path):
    journal = Journal(folder)
    journal.open("given up", b'{"id": "given up"}')
    journal.void("given up")
    journal.append(b"l", b'{"id": "half"}')
    journal.append(b"l", encode(row(id="whole")))
    die(journal)
    await writer.adopt()
    assert await ids(database, "ledger") == ["whole"]
    assert writer.damaged == 1


async def test_the_living_are_left_alone(database: Unreliable, make: Make, writer: Writer, folder: Path):
    living = Journal(folder)
    living.append(b"t", named("theirs"))
    await writer.adopt()
    assert await ids(database) == []
    living.append(b"t", named("theirs too"))
    await make(living).drain()
    assert await ids(database) == ["theirs", "theirs too"]
    living.close()


async def test_nobody_adopts_what_another_adopts(database: Unreliable, make: Make, folder: Path):
    for _ in range(5):
        dead(folder, open=["x"], settled=names(200))
    journals = [Journal(folder) for _ in range(4)]
    writers = [make(journal) for journal in journals]
    interrupted = await asyncio.gather(*(writer.adopt() for writer in writers))
    assert sum(writer.adopted for writer in writers) == 5 * 201
    assert sum(map(len, interrupted)) == 5
    assert len(await ids(database, "ledger")) == 201
    for journal in journals:
        journal.close()
    assert files(folder, "") == []


async def test_an_adopter_that_dies_leaves_everything_to_the_next(
    database: Unreliable, make: Make, writer: Writer, folder: Path
):
    dead(folder, open=["a"], settled=names(100))
    database.hangs = asyncio.Event()
    adopting = asyncio.create_task(writer.adopt())
    await database.hangs.wait()
    adopting.cancel()
    await asyncio.wait([adopting])
    database.hangs = None
    await writer.adopt()
    assert sorted(await ids(database, "ledger")) == [*names(100), "a"]


async def test_adopting_waits_for_a_database_that_is_away(database: Unreliable, writer: Writer, folder: Path):
    dead(folder, settled=["a"])
    database.away = True
    adopting = asyncio.create_task(writer.adopt())

    async def tried() -> bool:
        return database.tried > 3

    await eventually(tried)
    assert files(folder)
    database.away = False
    await adopting
    assert await ids(database, "ledger") == ["a"]


@pytest.mark.parametrize("torn", [b"0", b"\0" * 5000, b"12345678 l {", segments.encode(b"l", b"{}")[:-1]])
async def test_a_torn_end_is_put_aside(torn: bytes, database: Unreliable, writer: Writer, folder: Path):
    left = dead(folder, settled=["a", "b"])
    with left._segment.path.open("ab") as file:
        file.write(torn)
    await writer.adopt()
    assert (await ids(database, "ledger"), writer.damaged) == (["a", "b"], 1)
    assert files(folder, ".damaged")[0].read_bytes() == torn + b"\n"


async def test_damage_in_the_middle_loses_that_line_alone(database: Unreliable, writer: Writer, folder: Path):
    left = dead(folder, open=["b"], settled=["a", "b", "c"], segment_bytes=1_000_000)
    settled = encode(row(id="b"))
    content = left._segment.path.read_bytes().replace(settled, settled[:-9] + b"#########")
    left._segment.path.write_bytes(content)
    await writer.adopt()
    found = await database.fetch("SELECT id, code FROM ledger ORDER BY id")
    assert found == [("a", None), ("b", "interrupted"), ("c", None)]


async def test_a_file_that_is_no_journal_is_put_aside_whole_and_in_bounded_memory(
    database: Unreliable, writer: Writer, folder: Path
):
    content = os.urandom(1000).replace(b"\n", b"") * 40_000
    (folder / "1-junk-00000000.journal").write_bytes(content)
    await writer.adopt()
    assert b"".join(files(folder, ".damaged")[0].read_bytes().split(b"\n")) == content


async def test_a_journal_that_cannot_be_read_is_left_and_the_others_are_adopted(
    database: Unreliable, writer: Writer, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    bad, good = dead(folder, settled=["bad"]), dead(folder, settled=["good"])

    def failing(path: Path) -> int:
        if path == bad._segment.path:
            raise OSError("cannot be read")
        return segments.open_segment(path)

    monkeypatch.setattr(module, "open_segment", failing)
    await writer.adopt()
    assert await ids(database, "ledger") == ["good"]
    assert bad._segment.path.exists()
    assert not good._segment.path.exists()


async def test_a_lock_that_is_a_link_is_not_followed(
    database: Unreliable, writer: Writer, folder: Path, tmp_path: Path
):
    (folder / "0-link.lock").symlink_to(tmp_path / "elsewhere")
    dead(folder, settled=["a"])
    await writer.adopt()
    assert await ids(database, "ledger") == ["a"]
    assert not (tmp_path / "elsewhere").exists()


async def test_a_lock_without_segments_is_taken_away(writer: Writer, folder: Path):
    (folder / "1-gone.lock").touch()
    await writer.adopt()
    assert not (folder / "1-gone.lock").exists()


async def test_other_files_are_left_alone(writer: Writer, folder: Path):
    (folder / "audit.checkpoints").write_text("x")
    await writer.adopt()
    assert (folder / "audit.checkpoints").read_text() == "x"


async def test_what_was_drained_before_its_process_died_is_not_counted_again(
    database: Unreliable, make: Make, writer: Writer, folder: Path
):
    theirs = Journal(folder)
    theirs.append(b"l", encode(row(id="a", cost_picodollars=7, charged=("budget",))))
    await make(theirs).drain()
    theirs.append(b"l", encode(row(id="b", cost_picodollars=8, charged=("budget",))))
    die(theirs)
    await writer.adopt()
    assert await database.fetch("SELECT * FROM spend") == [("budget", 15)]
