"""Whatever a process did when it died, and wherever its files end: what it had written whole is in the database once,
and what it had only begun to write is not.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.clock import SystemClock
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode
from headgate.storage.database import Database
from headgate.storage.journal import Journal
from headgate.storage.opening import open_database
from headgate.storage.writer import Writer
from journals import die, files, records
from ledger_rows import row

IDS = st.sampled_from("abcdefgh")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["append", "open", "void", "settle"]), IDS),
        st.tuples(st.sampled_from(["drain", "step"]), st.just("")),
        st.tuples(st.just("crash"), st.integers(0, 3000)),
        st.tuples(st.just("close"), st.just("")),
    ),
    max_size=40,
)

COST = 7
RESERVED = 100


class Story:
    """Processes that follow one another over one folder and one database."""

    def __init__(self, folder: Path, database: Database, segment_bytes: int) -> None:
        self.folder = folder
        self.database = database
        self.segment_bytes = segment_bytes
        self.made = 0
        self.expected: dict[str, str | None] = {}
        """Rows that have to be there by id, and their codes."""
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.folder, segment_bytes=self.segment_bytes, fsync_ms=1)
        self.writer = Writer(self.database, self.journal, [LedgerSink()], SystemClock())
        self.opened: list[str] = []

    async def play(self, steps: Sequence[tuple[str, Any]]) -> None:
        for step, argument in [*steps, ("crash", None), ("close", None)]:
            match step:
                case "append":
                    self.made += 1
                    self.append(f"{argument}{self.made}")
                case "open":
                    self.made += 1
                    self.opened.append(f"{argument}{self.made}")
                    code = "interrupted"
                    reserved = row(id=self.opened[-1], code=code, cost_picodollars=RESERVED, charged=("budget",))
                    self.journal.open(self.opened[-1], encode(reserved))
                case "void" if self.opened:
                    self.journal.void(self.opened.pop())
                case "settle" if self.opened:
                    self.append(self.opened.pop(0))
                case "drain":
                    await self.writer.drain()
                case "step":
                    await self.writer._step()
                case "crash":
                    await self.crash(argument)
                case "close":
                    await self.close()
                case _:
                    pass
        await self.check()

    def append(self, id: str) -> None:
        self.journal.append(b"l", encode(row(id=id, cost_picodollars=COST, charged=("budget",))), closes=id)
        self.expected[id] = None

    async def crash(self, cut: int | None) -> None:
        """Die with the last segment cut off so many bytes from its end."""
        drained = {name for (name,) in await self.database.fetch("SELECT id FROM ledger")}
        last = self.journal._segment.path
        die(self.journal)
        if cut:
            os.truncate(last, max(0, last.stat().st_size - cut))
        whole = records(*files(self.folder))
        kept = drained | {record["id"] for kind, record in whole if kind == "l"}
        if not cut:
            assert {name for name, code in self.expected.items() if code is None} <= kept
        self.expected = {name: code for name, code in self.expected.items() if name in kept}
        open_ids: dict[str, None] = {}
        for kind, record in whole:
            if kind == "o":
                open_ids[record["id"]] = None
            else:
                open_ids.pop(record["id"], None)
        self.expected |= {name: "interrupted" for name in open_ids if name not in drained}
        self.start()
        await self.writer.adopt()

    async def close(self) -> None:
        """End well, once what is under way is settled."""
        for name in self.opened:
            self.append(name)
        await self.writer.drain()
        await self.writer.close()
        assert files(self.folder) == files(self.folder, ".lock") == []
        self.start()

    async def check(self) -> None:
        found = await self.database.fetch("SELECT id, code FROM ledger")
        assert dict(found) == self.expected
        assert len(found) == len(self.expected)
        spent = sum(COST if code is None else RESERVED for code in self.expected.values())
        assert await self.database.fetch("SELECT picodollars FROM spend") == ([(spent,)] if spent else [])
        self.journal.close()


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from([400, 1000, 4000, 1_000_000]))
def test_whole_records_are_stored_once_whatever_happens(steps: list[tuple[str, Any]], segment_bytes: int) -> None:
    async def story() -> None:
        database = await open_database("sqlite:///:memory:")
        with TemporaryDirectory() as folder:
            await Story(Path(folder), database, segment_bytes).play(steps)
        await database.close()

    asyncio.run(story())


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_segment_cut_off_anywhere_has_all_lines_before_the_cut(data: st.DataObject) -> None:
    async def story() -> None:
        database = await open_database("sqlite:///:memory:")
        with TemporaryDirectory() as name:
            folder = Path(name)
            journal = Journal(folder)
            ends: list[int] = []
            for number in range(data.draw(st.integers(1, 10))):
                journal.append(b"l", encode(row(id=f"{number}", vendor_request_id=data.draw(st.text(max_size=5)))))
                ends.append(journal._segment.written)
            die(journal)
            cut = data.draw(st.integers(0, ends[-1]))
            os.truncate(journal._segment.path, cut)
            adopter = Journal(folder)
            writer = Writer(database, adopter, [LedgerSink()], SystemClock())
            await writer.adopt()
            found = await database.fetch("SELECT id FROM ledger")
            assert sorted(found) == sorted((f"{number}",) for number, end in enumerate(ends) if end <= cut)
            assert writer.damaged == (cut not in [0, *ends])
            adopter.close()
        await database.close()

    asyncio.run(story())


CHILD = """
import os, sys
from pathlib import Path
from headgate.storage.journal import Journal

journal = Journal(Path(sys.argv[1]), segment_bytes=200_000)
number = 0
while True:
    name = f"{os.getpid()}-{number}"
    opened, settled = [argument.replace("NAME", name).encode() for argument in sys.argv[2:]]
    journal.open(name, opened)
    journal.append(b"l", settled, closes=name)
    os.write(1, f"{name}\\n".encode())
    number += 1
"""

OPENED = encode(row(id="NAME", code="interrupted", cost_picodollars=100, charged=("budget",))).decode()
SETTLED = encode(row(id="NAME", cost_picodollars=1, charged=("budget",))).decode()

KILLS = 20


def reported_until_killed(folder: Path) -> list[str]:
    """What children have reported, each right after it was appended, when they are killed at a moment nobody chose."""
    command = [sys.executable, "-c", CHILD, str(folder), OPENED, SETTLED]
    reported: list[str] = []
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    for child in children:
        assert child.stdout is not None
        reported.append(child.stdout.readline().decode().strip())
    time.sleep(random.uniform(0, 0.05))
    for child in children:
        child.send_signal(signal.SIGKILL)
    for child in children:
        *whole, _ = child.communicate()[0].decode().split("\n")
        reported += whole
    return reported


async def test_what_a_killed_process_had_reported_is_stored_once(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    database = await open_database(f"sqlite:///{tmp_path}/headgate.db")
    reported = [name for _ in range(KILLS // 4) for name in await asyncio.to_thread(reported_until_killed, folder)]
    journal = Journal(folder)
    writer = Writer(database, journal, [LedgerSink()], SystemClock())
    interrupted = await writer.adopt()
    found = await database.fetch("SELECT id, code FROM ledger")
    codes = dict(found)
    assert len(found) == len(codes)
    assert len(reported) == len(set(reported)) > KILLS
    assert all(name in codes and codes[name] is None for name in reported)
    assert len(interrupted) == list(codes.values()).count("interrupted") <= KILLS
    assert len(codes) - len(reported) <= KILLS
    [(spent,)] = await database.fetch("SELECT picodollars FROM spend")
    assert spent == len(codes) + 99 * len(interrupted)
    await writer.close()
    await database.close()
    assert [path.name for path in files(folder, "") if path.suffix != ".damaged"] == []
