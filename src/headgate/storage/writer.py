"""What brings the journal into the database, batch by batch, each in one transaction."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import apsw
import msgspec

from headgate.clock import Clock
from headgate.errors import HeadgateError, StoreUnavailable
from headgate.storage.database import Database, Transaction
from headgate.storage.journal import LEDGER, OPENED, OWN, Position, Source
from headgate.storage.records import LedgerRow
from headgate.storage.segments import Owner, Record, Stretch, encode, open_segment, read, set_aside

log = logging.getLogger("headgate.storage")

PAUSE_S = 0.5
"""How long records wait for others to come along."""

ENOUGH = 500
"""Records that need not wait."""

RETRY_S = 0.1
RETRY_MOST_S = 2.0

T = TypeVar("T")


class Sink(Protocol):
    """Where the records of one kind go."""

    @property
    def kind(self) -> bytes: ...

    async def store(self, transaction: Transaction, payloads: Sequence[bytes]) -> None:
        """Store records; those that are there already are left as they are."""
        ...


Tell = Callable[[str], Awaitable[None]]
"""Is told of each owner that died, once the database has all that it left. It may be told twice."""


class Writer:
    """Drains one journal, and adopts those whose processes have died.

    What the database refuses for its own sake is put aside, so that it is in nobody's way; whatever else goes wrong is
    tried again, and nothing is let go of before it is stored.
    """

    def __init__(self, database: Database, journal: Source, sinks: Sequence[Sink], clock: Clock) -> None:
        self.drained = 0
        """Records of this process that are in the database."""
        self.adopted = 0
        """Records of other processes that this one has stored."""
        self.damaged = 0
        """Lines put aside."""
        self.failing: Exception | None = None
        """Why the last try did not work; None when it did."""
        self._database = database
        self._journal = journal
        self._sinks = {sink.kind: sink for sink in sinks}
        self._clock = clock
        self._handled = 0
        self._done = (-1, 0)
        self._caught_up = clock.monotonic()
        self._turn = asyncio.Lock()
        self._going = asyncio.Event()
        self._going.set()

    @property
    def backlog(self) -> int:
        """Records of this process that are not in the database yet."""
        return max(0, self._journal.appended - self._handled)

    @property
    def behind_s(self) -> float:
        """Seconds since everything was in the database; 0 while it is."""
        return self._clock.monotonic() - self._caught_up if self.backlog else 0.0

    # ── this process's own ──

    async def run(self) -> None:
        """Drain for ever."""
        while True:
            await self._insist(self._step)
            if self.backlog < ENOUGH:
                await asyncio.sleep(PAUSE_S)

    async def drain(self) -> None:
        """Wait until all that has been appended so far is in the database, and for `resume` while paused.

        Raises:
            StoreUnavailable: the database cannot be reached. What is appended stays in the journal.
        """
        goal = self._journal.end
        while self._done < goal:
            await self._watched(self._step)

    def has(self, position: Position) -> bool:
        """Whether all before a position of the journal is in the database."""
        return self._done >= position

    async def pause(self) -> None:
        """Change nothing in the database until `resume`. Returns once what is under way is over."""
        self._going.clear()
        async with self._turn:
            pass

    def resume(self) -> None:
        self._going.set()

    async def store(self, records: Sequence[Record]) -> None:
        """Bring records into the database that no journal has.

        Raises:
            StoreUnavailable: none is stored.
        """
        async with _Turn(self):
            await self._store(records)

    async def close(self, *, adopted: bool = False) -> None:
        """Close the journal. What is not drained is for the next process that starts, and so is its owner where it is
        to be `adopted`.
        """
        await asyncio.to_thread(self._journal.close, adopted=adopted)

    async def _step(self) -> None:
        """Bring one batch into the database, if there is one."""
        async with _Turn(self):
            end, appended = self._journal.end, self._journal.appended
            batch = await asyncio.to_thread(self._journal.read)
            if batch is None:
                self._done, self._handled = end, appended
                self._caught_up = self._clock.monotonic()
                return
            refused = await self._store(batch.records)
            lines = [*batch.damaged, *map(_line, refused)]
            if lines:
                await asyncio.to_thread(self._journal.set_aside, batch, lines)
                self.damaged += len(lines)
            self._journal.release(batch)
            self._done = batch.end
            self._handled += len(batch.records) + len(batch.damaged)
            self.drained += len(batch.records) - len(refused)

    # ── those of others ──

    async def adopt(self, tell: Tell | None = None) -> Sequence[LedgerRow]:
        """Bring into the database what processes that died have left. May be called again at any time, and by several
        processes at once: each journal is adopted by one of them.

        Waits for a database that is away. Returns the rows of the attempts that were under way when a process died.
        """
        interrupted: list[LedgerRow] = []
        folder = self._journal.folder
        if folder is None:
            return interrupted
        for name in Owner.names(folder):
            try:
                owner = Owner.take(folder, name)
                if owner is None:
                    continue
                try:
                    interrupted += await self._adopt(owner, tell)
                finally:
                    owner.release()
            except OSError as error:
                log.error("the journal %s in %s cannot be adopted and is left: %s", name, folder, error)  # noqa: TRY400
        return interrupted

    async def _adopt(self, owner: Owner, tell: Tell | None) -> Sequence[LedgerRow]:
        segments = owner.segments()
        opened: dict[str, bytes] = {}
        for path in segments:
            at: int | None = 0
            while at is not None:
                stretch, at = await asyncio.to_thread(_stretch, path, at)
                _match(stretch.records, opened)
                await self._take_in(path, stretch)
        interrupted: list[LedgerRow] = []
        left = [(LEDGER, payload) for payload in opened.values()]
        for start in range(0, len(left), ENOUGH):
            some = left[start : start + ENOUGH]
            interrupted += _rows(await self._take_in(segments[-1], Stretch(some, [], 0)))
        if tell is not None:
            await tell(owner.name)
        for path in segments:
            path.unlink(missing_ok=True)
        if segments:
            log.warning("adopted the journal of a process that died, %s; %d attempts were under way", owner.name,
                len(interrupted))  # fmt: skip
        return interrupted

    async def _take_in(self, segment: Path, stretch: Stretch) -> Sequence[bytes]:
        """Store what was read of a dead process's segment. Returns the ledger's records among it."""
        records = [record for record in stretch.records if record[0] not in OWN]

        async def store() -> Sequence[Record]:
            async with _Turn(self):
                return await self._store(records)

        refused = await self._insist(store)
        lines = [*stretch.damaged, *map(_line, refused)]
        if lines:
            path = await asyncio.to_thread(set_aside, segment, lines)
            self.damaged += len(lines)
            log.warning("%d lines of a dead process's journal cannot be stored, they are in %s", len(lines), path)
        self.adopted += len(records) - len(refused)
        unwanted = {id(record) for record in refused}
        return [record[1] for record in records if record[0] == LEDGER and id(record) not in unwanted]

    # ── both ──

    async def _store(self, records: Sequence[Record]) -> Sequence[Record]:
        """Store records in one transaction. Returns those the database refuses for themselves.

        Raises:
            StoreUnavailable: none is stored.
        """
        if not records:
            return []
        try:
            async with self._database.transaction() as transaction:
                for kind, sink in self._sinks.items():
                    payloads = [payload for its, payload in records if its == kind]
                    if payloads:
                        await sink.store(transaction, payloads)
        except Exception as error:
            if not at_fault(error):
                raise
            if len(records) == 1:
                log.error("a record of the journal is refused: %s", error)  # noqa: TRY400
                return records
        else:
            return [record for record in records if record[0] not in self._sinks]
        middle = len(records) // 2
        return [*await self._store(records[:middle]), *await self._store(records[middle:])]

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, as soon as it works."""
        wait_s = RETRY_S
        while True:
            try:
                return await self._watched(work)
            except Exception:  # noqa: BLE001 - told by who watches
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_MOST_S)

    async def _watched(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await work()
        except Exception as error:
            if self.failing is None:
                trace = None if isinstance(error, StoreUnavailable) else error
                log.error("the journal is not drained now, it is tried again: %s", error, exc_info=trace)  # noqa: TRY400
            self.failing = error
            raise
        if self.failing is not None:
            log.warning("the journal is drained again")
            self.failing = None
        return result


class _Turn:
    """The right to change the database, when nobody else does and nothing is paused."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def __aenter__(self) -> None:
        writer = self._writer
        while True:
            await writer._going.wait()
            await writer._turn.acquire()
            if writer._going.is_set():
                return
            writer._turn.release()

    async def __aexit__(self, *_: object) -> None:
        self._writer._turn.release()


class _Named(msgspec.Struct, gc=False):
    """A record's id, whatever else it has."""

    id: str


_id_of = msgspec.json.Decoder(_Named).decode
_row = msgspec.json.Decoder(LedgerRow).decode


def _rows(payloads: Sequence[bytes]) -> Sequence[LedgerRow]:
    """The rows this release can read: another's may be more than it knows."""
    rows: list[LedgerRow] = []
    for payload in payloads:
        try:
            rows.append(_row(payload))
        except (msgspec.MsgspecError, UnicodeError) as error:
            log.error("a row of a dead process cannot be told to the counters: %s", error)  # noqa: TRY400
    return rows


def _line(record: Record) -> bytes:
    return encode(*record)[:-1]


def _stretch(path: Path, start: int) -> tuple[Stretch, int | None]:
    """What stands in a segment from `start` on, and where the rest begins; None at the end."""
    descriptor = open_segment(path)
    try:
        size = os.fstat(descriptor).st_size
        stretch = read(descriptor, start, size) if start < size else Stretch([], [], size)
    finally:
        os.close(descriptor)
    return stretch, stretch.end if stretch.end < size else None


def _match(records: Sequence[Record], opened: dict[str, bytes]) -> None:
    """Note what is opened, and what no longer is."""
    for kind, payload in records:
        if kind not in OWN and kind != LEDGER:
            continue
        try:
            name = _id_of(payload).id
        except (msgspec.MsgspecError, UnicodeError):  # the database refuses it too
            continue
        if kind == OPENED:
            opened[name] = payload
        else:
            opened.pop(name, None)


_FAULTS = (
    msgspec.MsgspecError,
    ValueError,
    OverflowError,
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.TooBigError,
)
_FAULTY_CLASSES = ("22", "23")
"""Of SQLSTATE: data exceptions and violated constraints (PostgreSQL, appendix A)."""


def at_fault(error: Exception) -> bool:
    """Whether it is the record that is wrong, and not the database that is away or unlike what it should be."""
    if isinstance(error, HeadgateError):
        return not isinstance(error, StoreUnavailable)
    return isinstance(error, _FAULTS) or str(getattr(error, "sqlstate", "")).startswith(_FAULTY_CLASSES)
