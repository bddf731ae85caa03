"""Checking the whole log against everything that was ever signed of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path

from headgate.audit.checkpoint_file import entries
from headgate.audit.leaves import COLUMNS
from headgate.audit.notes import Verifier
from headgate.audit.pages import PAGE
from headgate.audit.report import Report
from headgate.audit.scan import Mark, Scan
from headgate.clock import Clock
from headgate.storage.database import Database, Row

Progress = Callable[[int, int], None]
"""Told now and then how much has been read, of how much."""

BEHIND_US = 60_000_000
"""How long a checkpoint may be in the database and not in the file beside it."""

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longest line of an export."""

_RECORDS = f"""
SELECT position, leaf, leaf_hash, {", ".join(COLUMNS)} FROM audit_records
WHERE position > $1 ORDER BY position LIMIT $2
"""  # noqa: S608
_POSITIONS = "SELECT position FROM audit_records WHERE position > $1 ORDER BY position LIMIT $2"
_COUNT = "SELECT count(*) FROM audit_records WHERE position > $1 AND position <= $2"
_STATE = """
SELECT (SELECT size FROM audit_tree WHERE id = 1), (SELECT frontier FROM audit_tree WHERE id = 1),
(SELECT max(position) FROM audit_records)
"""
_STORED = "SELECT size, at_us, note FROM audit_checkpoints WHERE size > $1 AND size <= $2 ORDER BY size"
_BEYOND = "SELECT size, at_us, note FROM audit_checkpoints WHERE size > $1 ORDER BY size LIMIT 100"
_BEFORE_ALL = -(2**63)


async def verify(
    database: Database,
    keys: Sequence[Verifier],
    clock: Clock,
    *,
    file: Path | None = None,
    others: Sequence[Path] = (),
    progress: Progress | None = None,
) -> Report:
    """Check every record of the database, its tree, and all checkpoints: its own, those of `file` beside it, and of
    files from elsewhere. The log may go on growing meanwhile.

    Raises:
        StoreUnavailable: the database cannot be reached.
        OSError: a file cannot be read.
    """
    return await _Check(database, keys, clock, file, others, progress).run()


def verify_export(
    export: Path, keys: Sequence[Verifier], checkpoints: Sequence[Path], *, progress: Progress | None = None
) -> Report:
    """Check an export in JSON lines, the whole log from its first record, against checkpoints. Needs no database.

    Raises:
        OSError: a file cannot be read.
    """
    scan = Scan(keys)
    files = [_Marks(scan, path) for path in checkpoints]
    total = export.stat().st_size
    read = 0
    with export.open("rb") as lines:
        for position, line in enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES), b"")):
            _compare(scan, [mark for each in files for mark in each.until(position)])
            if not line.endswith(b"\n"):
                scan.report.problem("truncated", f"record {position}: its line was cut off", position)
            scan.record(position, line.rstrip(b"\n").decode("utf-8", "surrogateescape"))
            read += len(line)
            if progress and position % PAGE == 0:
                progress(read, total)
    _compare(scan, [mark for each in files for mark in each.until(scan.position)])
    for mark in (mark for each in files for mark in each.until(None)):
        scan.beyond(mark)
    return scan.finish()


class _Marks:
    """The checkpoints of a file, in its order, which is that of their sizes."""

    def __init__(self, scan: Scan, path: Path) -> None:
        self.path = path
        self.size = 0
        """Of the last one that was read."""
        self._scan = scan
        self._marks = self._read()
        self._next = next(self._marks, None)

    def until(self, size: int | None) -> Iterator[Mark]:
        """Those up to a size, or all that are left, that have not been given yet."""
        while self._next is not None and (size is None or self._next.checkpoint.size <= size):
            yield self._next
            self._next = next(self._marks, None)

    def _read(self) -> Iterator[Mark]:
        for line, note in entries(self.path):
            source = f"{self.path}:{line}"
            if note is None:
                self._scan.report.problem("unreadable", f"{source}: the line is damaged")
                continue
            mark = self._scan.open(note, source)
            if mark is None:
                continue
            if mark.checkpoint.size < self.size:
                what = f"{source}: its checkpoint is of {mark.checkpoint.size} records, after one of {self.size}"
                self._scan.report.problem("disordered", what)
                continue
            self.size = mark.checkpoint.size
            yield mark


class _Check:
    def __init__(
        self,
        database: Database,
        keys: Sequence[Verifier],
        clock: Clock,
        file: Path | None,
        others: Sequence[Path],
        progress: Progress | None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._scan = Scan(keys)
        self._file = file
        self._own = _Marks(self._scan, file) if file and file.exists() else None
        self._files = [*([self._own] if self._own else []), *(_Marks(self._scan, path) for path in others)]
        self._progress = progress
        self._newest_us = 0
        """The time of the newest checkpoint in the database."""
        self._newest_size = 0

    async def run(self) -> Report:
        scan = self._scan
        size, frontier = await self._records()
        if size is not None:
            if scan.position > size:
                what = f"record {size} and those after it are beyond the end of the tree"
                scan.report.problem("inserted", what, size)
            scan.missing(size)
        if (size or 0, frontier or "") != (scan.tree.size, scan.tree.text) and scan.report.ok:
            scan.report.problem("tree", "the row of the tree is not what its records make")
        await self._beyond()
        self._look_at_file()
        return scan.finish()

    async def _records(self) -> tuple[int | None, str | None]:
        """Read all records, with the checkpoints on the way; the tree's row once there are no more."""
        scan, last = self._scan, _BEFORE_ALL
        total = (await self._database.fetch(_STATE))[0][0] or 0
        while True:
            page = await self._page(last)
            if page:
                before, last = last, page[-1][0]
                self._feed(page, await self._marks(before + 1, last + 1))
                [(count,)] = await self._database.fetch(_COUNT, before, last)
                if count != len(page):
                    what = f"{count} records stand where {len(page)} do, from {page[0][0]} on"
                    scan.report.problem("inserted", what, page[0][0])
                if self._progress:
                    self._progress(scan.report.records, max(total, scan.report.records))
                continue
            [(size, frontier, greatest)] = await self._database.fetch(_STATE)
            if greatest is None or greatest <= last:
                return size, frontier

    async def _page(self, last: int) -> list[Row]:
        try:
            return await self._database.fetch(_RECORDS, last, PAGE)
        except UnicodeDecodeError:  # of SQLite, which keeps what a disk has made of a text
            page: list[Row] = []
            for (position,) in await self._database.fetch(_POSITIONS, last, PAGE):
                try:
                    page += await self._database.fetch(_RECORDS, position - 1, 1)
                except UnicodeDecodeError:
                    page.append((position,))
            return page

    async def _marks(self, after: int, until: int) -> list[Mark]:
        """All checkpoints of a range of sizes, the smallest first. The files are read before the database, which has a
        checkpoint before they do.
        """
        filed = [mark for each in self._files for mark in each.until(until)]
        rows = await self._database.fetch(_STORED, after, until)
        sizes = {size for size, *_ in rows}
        for mark in filed:
            if mark.checkpoint.size not in sizes:
                what = f"the database has lost the checkpoint of {mark.checkpoint.size} records in {mark.source}"
                self._scan.report.problem("lost", what)
        stored = [mark for row in rows if (mark := self._stored(*row))]
        return sorted([*stored, *filed], key=attrgetter("checkpoint.size"))

    def _stored(self, size: int, at_us: int, note: str) -> Mark | None:
        source = f"the database's checkpoint of {size} records"
        mark = self._scan.open(note, source)
        if mark is None:
            return None
        if mark.checkpoint.size != size:
            self._scan.report.problem("unreadable", f"{source}: its note is of {mark.checkpoint.size}")
            return None
        self._newest_size, self._newest_us = size, at_us
        return mark

    def _feed(self, page: Sequence[Row], marks: list[Mark]) -> None:
        for position, *rest in page:
            marks = _compare(self._scan, marks, position)
            if rest:
                self._scan.record(position, rest[0], rest[1], rest[2:])
            else:
                self._scan.unreadable(position)
        _compare(self._scan, marks)

    async def _beyond(self) -> None:
        """Checkpoints of more records than were read: what has been signed since, or what a cut log once had."""
        scan = self._scan
        rows = await self._database.fetch(_BEYOND, scan.position)
        marks = [mark for row in rows if (mark := self._stored(*row))]
        marks += [mark for each in self._files for mark in each.until(None)]
        [(size, *_)] = await self._database.fetch(_STATE)
        for mark in marks:
            if mark.checkpoint.size > (size or 0):
                scan.beyond(mark)

    def _look_at_file(self) -> None:
        report = self._scan.report
        if self._file and self._own is None and self._newest_size:
            what = f"there is no {self._file}: it would tell a log that was cut along with its checkpoints"
            report.problem("no_file", what)
        elif self._own and self._own.size < self._newest_size and self._clock.now_us() - self._newest_us > BEHIND_US:
            report.problem(
                "behind", f"{self._own.path} ends at {self._own.size} records, {self._newest_size} are signed"
            )


def _compare(scan: Scan, marks: list[Mark], size: int | None = None) -> list[Mark]:
    """Compare the marks up to a size, all without one; those that are left."""
    for number, mark in enumerate(marks):
        if size is not None and mark.checkpoint.size > size:
            return marks[number:]
        scan.mark(mark)
    return []
