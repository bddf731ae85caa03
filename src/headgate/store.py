"""What stands on a database: the journal and what drains it, the ledger, the audit log, and who there is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol

from headgate import __version__
from headgate.access import Directory, Roles
from headgate.alerts.alerting import Alerting
from headgate.audit import AuditLog, AuditSink, Malformed, Recorder, Signer, Verifier, audit_id, load_signer
from headgate.audit.keys import read_verifiers
from headgate.clock import Clock
from headgate.config import Config
from headgate.config.places import JOURNAL
from headgate.config.schema import AuditConfig, StorageConfig
from headgate.errors import ConfigError, HeadgateError, StoreUnavailable
from headgate.ledger.journalled import JournalledLedger
from headgate.ledger.sink import LedgerSink
from headgate.prompts.shelf import Shelf
from headgate.quality.keeping import QualityKeeping
from headgate.shadow.comparisons import KIND as COMPARISON
from headgate.shadow.comparisons import ComparisonSink
from headgate.shadow.comparisons import encode as encode_comparison
from headgate.storage.database import Database
from headgate.storage.journal import Journal, MemoryJournal
from headgate.storage.opening import SQLITE, open_database, sqlite_path
from headgate.storage.records import AuditRecord, Comparison
from headgate.storage.writer import Writer
from headgate.telemetry.capture.keeping import ContentKeeping
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.keeping import CallKeeping
from headgate.telemetry.metrics import Level
from headgate.telemetry.networks import NetworkRecorder, NetworkSink
from headgate.types import Identity

log = logging.getLogger("headgate")

TICK_S = 10.0
"""How often is looked whether refusals have to be told."""

ALIVE_S = 2.0
"""How often a replica says that it lives."""


NOW_US = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
"""PostgreSQL's clock, by which all replicas go."""

KEPT_US = 86_400_000_000
"""How long is known of a replica that it was there."""


class SharedCounters(Protocol):
    """Counters that outlive a process: they have to hear what those that died had settled."""

    @property
    def unsettled(self) -> bool:
        """Whether they have not heard of all that this process has settled."""
        ...

    async def settle(self, owner: str) -> None:
        """Settle what a dead process had set aside: the database has all of it."""
        ...

    async def run(self) -> None:
        """Go on until cancelled."""
        ...


class Store:
    """All of one process. Opened before its first call, begun once all is in its place, closed after its last call."""

    def __init__(
        self, database: Database, journal: Journal | MemoryJournal, audit: AuditLog, directory: Directory, clock: Clock,
        every_s: float, telemetry: TelemetryConfig,
    ) -> None:  # fmt: skip
        self.id = journal.owner
        """Of this replica."""
        self.database = database
        self.audit = audit
        self.directory = directory
        self.shelf = Shelf(database)
        directory.followed_by(self.shelf.follow)
        self.ledger = JournalledLedger(journal, capacity=0)
        self.recorder = Recorder(journal.append, clock)
        self.calls = CallKeeping(database, journal.owner, journal.append, clock, telemetry)
        self.contents = ContentKeeping(database, clock)
        self.networks = NetworkRecorder(journal.append, clock)
        self.ledger_sink = LedgerSink(self.calls.sink.attempts)
        self.quality = QualityKeeping(database, journal.append, clock, self.calls.sink.count, self.caught_up)
        sinks = [
            self.ledger_sink, self.calls.sink, AuditSink(audit, clock), ComparisonSink(), NetworkSink(),
            *self.quality.sinks,
        ]  # fmt: skip
        self.writer = Writer(database, journal, sinks, clock)
        self.alerting = Alerting(database, audit, clock, journal.owner, self._summed_up)
        self._append = journal.append
        self._clock = clock
        self._every_s = every_s
        self._tasks: list[asyncio.Task[Any]] = []
        self._adopted: asyncio.Future[None] | None = None
        self._shared: SharedCounters | None = None

    @classmethod
    async def open(cls, config: Config, clock: Clock) -> Store:
        """Open what `storage:` and `audit:` name.

        Raises:
            ConfigError: a setting cannot be used.
            StoreUnavailable: the database or the journal's folder cannot be used.
        """
        storage = config.storage
        assert storage.database is not None
        database = await open_database(
            storage.database, migrated=storage.migrate, connections=storage.connections, clock=clock
        )
        try:
            folder = journal_folder(storage)
            journal = MemoryJournal() if folder is None else _journal(folder, storage.journal.fsync_ms)
            signer = _signer(config.audit, folder)
            audit = AuditLog(
                database,
                signer,
                clock,
                file=checkpoint_file(config.audit, folder),
                earlier=_earlier(config.audit),
            )
            directory = Directory(database, Roles(config.access.roles))
            store = cls(database, journal, audit, directory, clock, config.audit.every_s, config.telemetry)
            await directory.load()
            await store.shelf.load()
        except BaseException:
            await database.close()
            raise
        return store

    def begin(self, shared: SharedCounters | None = None) -> None:
        """Begin to drain the journal, and what dead processes have left in theirs."""
        self._shared = shared
        self._adopted = asyncio.ensure_future(self._adopt())
        work: list[Coroutine[Any, Any, Any]] = [
            self.writer.run(),
            self.directory.run(shared=self.database.kind == "postgres"),
            self.audit.run(self._every_s),
            self._tick(),
            self.shelf.run(),
            *self.calls.work(),
            *self.contents.work(),
        ]
        if self.database.kind == "postgres":
            work.append(self._live())
        if shared is not None:
            work.append(shared.run())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def caught_up(self) -> None:
        """Wait until all that this process has settled, or found of dead ones, is in the database."""
        assert self._adopted is not None, "the store has begun"
        await asyncio.shield(self._adopted)
        self.calls.recorder.flush()
        await self.writer.drain()

    def levels(self) -> list[Level]:
        """How it is doing, for Prometheus."""
        writer, ledger = self.writer, self.ledger
        return [
            Level("headgate_journal_backlog_records", "Records the database does not have yet", writer.backlog),
            Level("headgate_journal_behind_seconds", "Time since the database had everything", writer.behind_s, "max"),
            Level("headgate_journal_failing", "Whether the database takes nothing", writer.failing is not None, "max"),
            Level("headgate_journal_drained_records_total", "Records brought into the database", writer.drained),
            Level("headgate_journal_adopted_records_total", "Records that dead processes had left", writer.adopted),
            Level("headgate_journal_damaged_records_total", "Records that were put aside", writer.damaged),
            Level("headgate_ledger_waiting_rows", "Rows that wait for the journal", ledger.waiting),
            Level("headgate_ledger_lost_rows_total", "Rows that had to be given up", ledger.lost),
            Level("headgate_audit_lost_records_total", "Refusals that could not be written down", self.recorder.lost),
            Level(
                "headgate_audit_unsigned",
                "Whether the audit log is not signed any more",
                self.audit.problem is not None,
                "max",
            ),
            *self.calls.levels(),
            *self.contents.desk.levels(),
            *self.alerting.levels(),
        ]

    def blocked(self, identity: Identity, action: str, address: str, subject: str, reason: str) -> None:
        """Note that a caller was refused something: singly up to a rate, then counted."""
        self.recorder.refused(
            action,
            address=address,
            organisation=identity.organisation,
            actor=identity.actor,
            subject=subject,
            detail={"reason": reason},
        )

    def reloaded(self, *, done: bool) -> None:
        """Note that the configuration was loaded anew, or could not be."""
        record = AuditRecord(
            id=audit_id(),
            at_us=self._clock.now_us(),
            organisation="",
            actor="system",
            action="config.reload",
            outcome="done" if done else "failed",
        )
        try:
            self.recorder.record(record)
        except OSError as error:
            log.error("a reload is not in the audit log: %s", error)  # noqa: TRY400

    def compared(self, record: Comparison) -> None:
        """Note what a shadow made of a call.

        Raises:
            OSError: the journal cannot be written.
        """
        self._append(COMPARISON, encode_comparison(record))

    def login_failed(self, reason: str, address: str, key: str) -> None:
        """Note that somebody came without a valid key: `key` is as much of it as may be said."""
        self.recorder.refused("login.failed", address=address, detail={"reason": reason, "key": key})

    async def _summed_up(self) -> None:
        """Wait until what this process has settled is in the sums of calls."""
        await self.caught_up()
        await self.calls.merger.merge()

    async def close(self) -> None:
        """Bring everything into the database, as long as that can be reached; else it waits in the journal."""
        self.recorder.flush()
        self.calls.recorder.flush()
        tasks = self._tasks if self._adopted is None else [*self._tasks, self._adopted]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.alerting.close()
        reached = await self._brought_in()
        await self.contents.desk.close(CONTENTS_S if reached else 0)
        await self.writer.close(adopted=self._shared is not None and self._shared.unsettled)
        await self.database.close()

    async def _brought_in(self) -> bool:
        """Bring what is left into the database, and sign the audit log to its end; whether the database was there."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._write_waiting()
                await self.writer.drain()
                await self.forget(self.id)
        except (TimeoutError, OSError, HeadgateError) as error:
            log.warning(
                "the journal keeps what the database has not, and the audit log is not signed to its end: %s", error
            )
            return False
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.audit.checkpoint()
        except (TimeoutError, OSError, HeadgateError) as error:
            log.warning("the audit log is not signed to its end: %s", error)
        return True

    async def forget(self, replica: str) -> None:
        """Say that nobody need wait for a replica: the database has all it knew. Those that are long gone go too.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        if self.database.kind == "postgres":
            async with self.database.transaction() as transaction:
                await transaction.execute(
                    f"DELETE FROM replicas WHERE id = $1 OR seen_us < {NOW_US} - {KEPT_US}",  # noqa: S608
                    replica,
                )

    # ── in the background ──

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.recorder.tick()
            self.networks.forget()
            with contextlib.suppress(OSError):
                self.ledger.flush()

    async def _write_waiting(self) -> None:
        """Have the journal take what waits for it; where it cannot, the database."""
        try:
            self.ledger.flush()
        except OSError as error:
            log.warning("the journal cannot be written, its rows go to the database: %s", error)
            await self.writer.store(self.ledger.taken())

    async def _adopt(self) -> None:
        """Bring in what dead processes have left; others wait for it, as for what this one knows itself."""
        if self.database.kind == "postgres":
            await self._alive()
        await self.writer.adopt(self._shared.settle if self._shared is not None else None)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_S)
            await self._alive()

    async def _alive(self) -> None:
        """Say that this replica lives: others wait for what it knows before they count anew."""
        with contextlib.suppress(StoreUnavailable):
            async with self.database.transaction() as transaction:
                await transaction.execute(
                    f"INSERT INTO replicas (id, started_us, seen_us, release) VALUES ($1, {NOW_US}, {NOW_US}, $2) "  # noqa: S608
                    "ON CONFLICT (id) DO UPDATE SET seen_us = excluded.seen_us",
                    self.id,
                    __version__,
                )


CLOSE_S = 8.0
"""Time to bring the journal into the database at the end, and then to sign the audit log."""

CONTENTS_S = 3.0
"""Time to store what was captured of calls at the end; the rest of it is lost."""


def journal_folder(storage: StorageConfig) -> Path | None:
    """Where the journal is; None for a database in memory."""
    if storage.journal.folder is not None:
        return Path(storage.journal.folder)
    if storage.database is not None and storage.database.startswith(SQLITE):
        path = sqlite_path(storage.database)
        return None if path == ":memory:" else Path(path).with_suffix(".journal")
    return Path(JOURNAL)


def checkpoint_file(audit: AuditConfig, folder: Path | None) -> Path | None:
    if audit.checkpoint_file is not None:
        return Path(audit.checkpoint_file)
    return None if folder is None else folder / "audit.checkpoints"


def _journal(folder: Path, fsync_ms: int) -> Journal:
    try:
        return Journal(folder, fsync_ms=fsync_ms)
    except OSError as error:
        raise ConfigError(
            [f"storage.journal.folder: {folder} cannot be written ({error.strerror}); name a folder on a local disk"]
        ) from None


def _earlier(audit: AuditConfig) -> list[Verifier]:
    try:
        return [verifier for key in audit.earlier_keys for verifier in read_verifiers(key, audit.origin)]
    except Malformed as error:
        raise ConfigError([f"audit.earlier_keys: {error}"]) from None


def _signer(audit: AuditConfig, folder: Path | None) -> Signer:
    try:
        return load_signer(audit.key, audit.origin, folder)
    except Malformed as error:
        raise ConfigError([f"audit: {error}"]) from None
    except OSError as error:
        raise ConfigError([f"audit.key: the key beside the journal cannot be used: {error}"]) from None
