"""The audit log: records in the order in which they were written, under a Merkle tree that is signed as it grows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from headgate.audit.checkpoint_file import CheckpointFile
from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Malformed, NotSigned, Tampered
from headgate.audit.leaves import leaf, storable
from headgate.audit.merkle import Frontier, leaf_hash
from headgate.audit.notes import Signer, Verifier
from headgate.audit.pages import grow
from headgate.clock import Clock
from headgate.errors import Conflict, StoreUnavailable
from headgate.storage.database import Database, Transaction
from headgate.storage.records import AuditRecord

_BATCH = 100
"""Records of one statement."""

# Makes the row where it is not there, and in any case holds it until the transaction is over.
_LOCK = """
INSERT INTO audit_tree (id, size, frontier) VALUES (1, 0, '')
ON CONFLICT (id) DO UPDATE SET size = audit_tree.size
RETURNING size, frontier
"""
_TREE = """
SELECT size, frontier, (SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1) FROM audit_tree WHERE id = 1
"""
_COLUMNS = ("position", "id", "at_us", "organisation", "actor", "action", "subject", "outcome", "leaf", "leaf_hash")

log = logging.getLogger("headgate.audit")


class AuditLog:
    """Appends records, and signs what was appended.

    `file` gets every checkpoint too. `earlier` are public keys the log was signed with before: their checkpoints are
    believed. Replicas of one database have the same key.
    """

    def __init__(
        self,
        database: Database,
        signer: Signer,
        clock: Clock,
        *,
        file: Path | None = None,
        earlier: Sequence[Verifier] = (),
    ) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock
        self._file = CheckpointFile(file) if file else None
        self._keys = [signer.verifier, *earlier]
        self._turn = asyncio.Lock()
        self._signed: Frontier | None = None
        """The tree at the last checkpoint that was looked at, and found to be what was signed."""
        self._stored_size = 0
        """The size of the newest checkpoint seen in the database."""
        self._filed_size = 0
        """The size of the newest checkpoint that is in the file."""
        self.problem: str | None = None
        """Why the log is not signed any more; None while it is."""

    @property
    def verifier(self) -> Verifier:
        """The public key that checks its checkpoints."""
        return self._signer.verifier

    async def append(self, transaction: Transaction, records: Sequence[AuditRecord]) -> None:
        """Append records inside the caller's transaction; those whose id is in the log already are left out.

        It holds the tree's row until the transaction is over, so it comes last in one that takes others.

        Raises:
            Tampered: the tables do not fit each other; nothing can be appended to them.
        """
        if not records:
            return
        [(size, text)] = await transaction.fetch(_LOCK)
        frontier = _frontier(size, text)
        if size == 0 and await transaction.fetch("SELECT position FROM audit_records LIMIT 1"):
            raise Tampered("there are records, and the tree says that there are none")
        fresh: dict[str, AuditRecord] = {}
        for record in map(storable, records):
            fresh.setdefault(record.id, record)
        for known in await _known(transaction, list(fresh)):
            del fresh[known]
        rows: list[tuple[object, ...]] = []
        for record in fresh.values():
            line = leaf(record)
            hashed = leaf_hash(line.encode())
            rows.append((frontier.size, *_values(record), line, hashed.hex()))
            frontier.add(hashed)
        for start in range(0, len(rows), _BATCH):
            await _insert(transaction, rows[start : start + _BATCH])
        if rows:
            await transaction.execute(
                "UPDATE audit_tree SET size = $1, frontier = $2 WHERE id = 1", frontier.size, frontier.text
            )

    async def run(self, every_s: float) -> None:
        """Sign the log as it grows, for ever. What keeps it from that is told to the log, and tried again."""
        told = ""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.checkpoint()
                told = ""
            except Tampered:
                continue
            except (StoreUnavailable, OSError) as error:
                if told != str(error):
                    log.warning("the audit log cannot be signed now: %s", error)
                told = str(error)

    async def checkpoint(self) -> Checkpoint | None:
        """Sign the log if it has grown since the last checkpoint: into the database first, then into the file. What is
        signed was hashed from the records themselves, and goes on from the last checkpoint of the database and of the
        file. Costs as much as there are records since then.

        Raises:
            Tampered: the log is not what was signed; nothing is signed. Told to the log once.
            StoreUnavailable: the database cannot be reached; nothing is signed.
            OSError: the file cannot be read or written. It is caught up by the next call.
        """
        async with self._turn:
            try:
                made = await self._checkpoint()
            except Tampered as error:
                if error.message != self.problem:
                    log.critical("the audit log is not what was signed: %s; it is not signed any more", error.message)
                self.problem = error.message
                raise
            self.problem = None
            return made

    async def _checkpoint(self) -> Checkpoint | None:
        filed = await self._filed() if self._signed is None else None
        rows = await self._database.fetch(_TREE)
        size, text, note = rows[0] if rows else (0, "", None)
        tree = _frontier(size, text)
        stored = self._opened(note, "the database's last checkpoint") if note is not None else None
        self._look_at_sizes(tree.size, stored, filed)
        signed = await self._verified(tree, [each for each in (filed, stored) if each is not None])
        self._filed_size = max(self._filed_size, filed.size if filed else 0)
        self._stored_size, self._signed = stored.size if stored else 0, signed
        newest, made = stored, None
        if tree.size > self._stored_size:
            newest = made = await self._sign(tree)
        if newest is not None and self._file is not None and newest.size > self._filed_size:
            await asyncio.to_thread(self._file.append, newest, self._clock.now_us())
            self._filed_size = newest.size
        return made

    async def _filed(self) -> Checkpoint | None:
        """The file's last checkpoint. Read before the database is, which may have grown by then."""
        note = await asyncio.to_thread(self._file.last) if self._file else None
        return self._opened(note, f"the last checkpoint of {self._file.path}") if self._file and note else None

    def _opened(self, note: str, what: str) -> Checkpoint:
        try:
            return Checkpoint.open(note, self._keys)
        except Malformed as error:
            raise Tampered(f"{what} is none: {error}") from None
        except NotSigned as error:
            raise Tampered(f"{what} is {error}; replicas need the same 'audit: {{key: …}}'") from None

    def _look_at_sizes(self, size: int, stored: Checkpoint | None, filed: Checkpoint | None) -> None:
        known = max(self._signed.size if self._signed else 0, *(each.size for each in (stored, filed) if each), 0)
        if size < known:
            raise Tampered(f"it has {size} records, and {known} were signed", size)
        had = max(self._stored_size, filed.size if filed else 0)
        if had > (stored.size if stored else 0):
            raise Tampered(f"the database has lost the checkpoint of {had} records")

    async def _verified(self, tree: Frontier, marks: list[Checkpoint]) -> Frontier:
        """The tree as it stands, once it is known to go on from what was signed.

        Raises:
            Tampered: it does not.
        """
        marks = sorted(marks, key=lambda mark: mark.size)
        if self._signed is not None:
            frontier = self._signed.copy()
        else:
            frontier = tree.shared(marks[0].size) if marks else Frontier()
        for mark in marks:
            if mark.size < frontier.size:
                continue
            await grow(self._database, frontier, mark.size)
            if frontier.root() != mark.root:
                raise Tampered(f"its first {mark.size} records are not those that were signed")
        await grow(self._database, frontier, tree.size)
        if frontier.hashes != tree.hashes:
            raise Tampered("the tree does not fit the records that were added to it")
        return frontier

    async def _sign(self, tree: Frontier) -> Checkpoint:
        made = Checkpoint.sign(self._signer, tree.size, tree.root())
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO audit_checkpoints (size, at_us, note) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING",
                made.size,
                self._clock.now_us(),
                made.note,
            )
            [(note,)] = await transaction.fetch("SELECT note FROM audit_checkpoints WHERE size = $1", made.size)
        if note != made.note and self._opened(note, "another replica's checkpoint").root != made.root:
            raise Tampered(f"another replica signed {made.size} other records")
        self._stored_size = made.size
        return made


def _frontier(size: int, text: str) -> Frontier:
    try:
        return Frontier.from_text(size, text)
    except ValueError:
        raise Tampered("the tree's own row has been changed") from None


async def _known(transaction: Transaction, ids: Sequence[str]) -> list[str]:
    known: list[str] = []
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        names = ", ".join(f"${number}" for number in range(1, len(batch) + 1))
        rows = await transaction.fetch(f"SELECT id FROM audit_records WHERE id IN ({names})", *batch)  # noqa: S608
        known += [row[0] for row in rows]
    return known


async def _insert(transaction: Transaction, rows: Sequence[tuple[object, ...]]) -> None:
    width = len(_COLUMNS)
    places = ", ".join(
        f"({', '.join(f'${number * width + column}' for column in range(1, width + 1))})" for number in range(len(rows))
    )
    sql = f"INSERT INTO audit_records ({', '.join(_COLUMNS)}) VALUES {places}"  # noqa: S608
    try:
        await transaction.execute(sql, *(value for row in rows for value in row))
    except Conflict:
        raise Tampered("there are records beyond the end of its tree", int(str(rows[0][0]))) from None


def _values(record: AuditRecord) -> tuple[object, ...]:
    return (
        record.id,
        record.at_us,
        record.organisation,
        record.actor,
        record.action,
        record.subject,
        record.outcome,
    )
