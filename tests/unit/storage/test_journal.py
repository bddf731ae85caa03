"""What the journal has said it has, it has."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.storage import journal as module
from headgate.storage.journal import Journal, MemoryJournal
from headgate.storage.segments import Owner, decode, encode
from journals import die, files, named, records
from waiting import eventually


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    made = Journal(folder, segment_bytes=1000, fsync_ms=1)
    yield made
    made.close()


def drained(journal: Journal) -> list[str]:
    """Read all there is, as the writer does; the ids."""
    found: list[str] = []
    while batch := journal.read():
        found += [payload.decode().split('"')[3] for _, payload in batch.records]
        journal.release(batch)
    return found


# ── what is on the disk ──


def test_a_record_is_in_the_file_when_append_returns(journal: Journal, folder: Path):
    journal.append(b"l", named("1", text="ü"))
    journal.append(b"a", named("2"))
    assert records(*files(folder)) == [("l", {"id": "1", "text": "ü"}), ("a", {"id": "2"})]


def test_files_are_the_owners_alone(journal: Journal, folder: Path):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_line_that_was_changed_anywhere_is_none():
    line = encode(b"l", named("1"))[:-1]
    assert decode(line) == (b"l", named("1"))
    for place in range(len(line)):
        for bit in range(8):
            changed = bytearray(line)
            changed[place] ^= 1 << bit
            assert decode(bytes(changed)) is None
    for length in range(len(line)):
        assert decode(line[:length]) is None


def test_every_journal_has_files_of_its_own(journal: Journal, folder: Path):
    with_the_same_pid = Journal(folder)
    journal.append(b"l", named("1"))
    with_the_same_pid.append(b"l", named("2"))
    assert {record["id"] for _, record in records(*files(folder))} == {"1", "2"}
    assert drained(journal) == ["1"]
    with_the_same_pid.close()


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Journal(tmp_path / "file" / "journal")


# ── one segment after the other ──


def test_a_full_segment_is_followed_by_another(journal: Journal, folder: Path):
    for number in range(100):
        journal.append(b"l", named(str(number)))
    assert len(files(folder)) > 2
    assert all(path.stat().st_size <= 1000 for path in files(folder))
    assert drained(journal) == [str(number) for number in range(100)]


def test_a_segment_goes_once_its_records_are_released(journal: Journal, folder: Path):
    for number in range(100):
        journal.append(b"l", named(str(number)))
    drained(journal)
    assert [path for path in files(folder) if path.stat().st_size] == [journal._segment.path]
    assert journal.read() is None


def test_a_record_larger_than_a_segment_has_one_of_its_own(journal: Journal, folder: Path):
    for number in range(3):
        journal.append(b"l", named(str(number), text="x" * 2000))
    assert drained(journal) == ["0", "1", "2"]


def test_a_line_longer_than_what_is_read_at_once_is_read(folder: Path):
    journal = Journal(folder)
    journal.append(b"l", named("1", text="x" * 3_000_000))
    journal.append(b"l", named("2"))
    assert drained(journal) == ["1", "2"]
    journal.close()


def test_what_is_open_is_in_the_newest_segment_too(journal: Journal, folder: Path):
    journal.open("a", named("a"))
    journal.open("b", named("b"))
    journal.open("c", named("c"))
    journal.append(b"l", named("b"), closes="b")
    journal.void("c")
    for number in range(60):
        journal.append(b"l", named(str(number)))
    assert drained(journal) == ["b", *(str(number) for number in range(60))]
    assert [record for kind, record in records(journal._segment.path) if kind == "o"] == [{"id": "a"}]


def test_more_open_than_a_segment_holds_does_not_begin_one_for_each_record(journal: Journal, folder: Path):
    for number in range(100):
        journal.open(f"open {number}", named(f"open {number}"))
    before = len(files(folder))
    for number in range(20):
        journal.append(b"l", named(str(number)))
    assert len(files(folder)) <= before + 2


def test_voiding_what_was_never_opened_writes_nothing(journal: Journal, folder: Path):
    journal.void("a")
    assert records(*files(folder)) == []


# ── when it cannot be written ──


class Disk:
    """Makes this process's writes and syncs of journals fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.room = 0
        """What still fits on a full disk."""
        self.failing = False
        self._write = os.write
        self._sync = module.fdatasync
        monkeypatch.setattr(module.os, "write", self.write)
        monkeypatch.setattr(module, "fdatasync", self.sync)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.full and ".journal" in os.readlink(f"/proc/self/fd/{descriptor}"):
            if not self.room:
                raise OSError(errno.ENOSPC, "full")
            data, self.room = data[: self.room], 0
        return self._write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self.failing:
            raise OSError(errno.EIO, "broken")
        self._sync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def until(journal: Journal, broken: bool) -> None:
    async def there() -> bool:
        return (journal.broken is not None) == broken

    await eventually(there)


async def test_a_full_disk_is_told_and_over_when_there_is_room(disk: Disk, journal: Journal, folder: Path):
    journal.append(b"l", named("1"))
    disk.full = True
    for _ in range(3):
        with pytest.raises(OSError, match="full"):
            journal.append(b"l", named("2"))
    assert journal.broken is not None
    disk.full = False
    await until(journal, broken=False)
    journal.append(b"l", named("3"))
    assert drained(journal) == ["1", "3"]
    assert journal.appended == 2


async def test_half_a_line_is_taken_back(disk: Disk, journal: Journal, folder: Path):
    journal.append(b"l", named("1"))
    disk.full, disk.room = True, 5
    with pytest.raises(OSError, match="No space"):
        journal.append(b"l", named("2"))
    assert files(folder)[0].read_bytes() == encode(b"l", named("1"))
    disk.full = False
    await until(journal, broken=False)
    journal.append(b"l", named("3"))
    assert drained(journal) == ["1", "3"]


async def test_a_failed_sync_is_not_trusted_to_succeed_the_next_time(disk: Disk, journal: Journal, folder: Path):
    """What failed to be synced may be gone though the next sync is fine: there has to be another file."""
    journal.open("a", named("a"))
    disk.failing = True
    journal.append(b"l", named("1"))
    await until(journal, broken=True)
    with pytest.raises(OSError, match="broken"):
        journal.append(b"l", named("2"))
    with pytest.raises(OSError, match="broken"):
        journal.open("b", named("b"))
    failed = journal._segment.path
    disk.failing = False
    await until(journal, broken=False)
    journal.append(b"l", named("3"))
    assert journal._segment.path != failed
    assert records(journal._segment.path) == [("o", {"id": "a"}), ("l", {"id": "3"})]
    assert drained(journal) == ["1", "3"]


async def test_a_disk_that_fills_up_while_a_segment_is_begun_loses_nothing(disk: Disk, journal: Journal):
    journal.open("a", named("a"))
    written: list[str] = []
    disk.full, disk.room = False, 0
    for number in range(30):
        disk.full = number == 20
        try:
            journal.append(b"l", named(str(number)))
            written.append(str(number))
        except OSError:
            disk.full = False
            await until(journal, broken=False)
    assert drained(journal) == written
    assert len(written) >= 28


SMALL_DISK = """
import resource, sys, time
from pathlib import Path
from headgate.storage.journal import Journal

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
journal = Journal(Path(sys.argv[1]))
written = 0
try:
    while True:
        journal.append(b"l", b'{"id": "%d"}' % written)
        written += 1
except OSError:
    assert journal.broken is not None
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
while journal.broken is not None:
    time.sleep(0.01)
journal.append(b"l", b'{"id": "last"}')
print(written, flush=True)
"""


def test_a_write_the_system_cuts_short_leaves_nothing_behind(folder: Path):
    done = subprocess.run([sys.executable, "-c", SMALL_DISK, str(folder)], check=True, capture_output=True, timeout=60)
    expected = [("l", {"id": str(number)}) for number in range(int(done.stdout))]
    first, second = files(folder)
    assert records(first) == expected
    assert first.read_bytes().endswith(b"}\n")
    assert records(second) == [("l", {"id": "last"})]


# ── syncing ──


async def test_what_is_written_is_synced_soon(folder: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[int] = []
    sync = module.fdatasync
    monkeypatch.setattr(module, "fdatasync", lambda descriptor: (sync(descriptor), synced.append(descriptor)))
    journal = Journal(folder, fsync_ms=1)

    async def all_synced() -> bool:
        return journal._segment.synced == journal._segment.written

    for _ in range(3):
        journal.append(b"l", named("1"))
        await eventually(all_synced)
    assert len(synced) == 3
    journal.close()


# ── the end ──


def test_closing_a_drained_journal_leaves_no_file(folder: Path):
    journal = Journal(folder)
    journal.append(b"l", named("1"))
    drained(journal)
    journal.close()
    journal.close()
    assert list(folder.iterdir()) == []


def test_closing_keeps_what_is_not_drained(folder: Path):
    journal = Journal(folder, segment_bytes=100)
    for number in range(10):
        journal.append(b"l", named(str(number)))
    journal.close()
    assert [record["id"] for _, record in records(*files(folder))] == [str(number) for number in range(10)]
    assert files(folder, ".lock")


def test_closing_keeps_what_is_open(folder: Path):
    journal = Journal(folder)
    journal.open("a", named("a"))
    drained(journal)
    journal.close()
    assert records(*files(folder)) == [("o", {"id": "a"})]


def test_a_closed_journal_takes_nothing(folder: Path):
    journal = Journal(folder)
    journal.close()
    with pytest.raises(OSError, match="closed"):
        journal.append(b"l", named("1"))


def test_no_descriptor_is_left_open(folder: Path):
    before = len(os.listdir("/proc/self/fd"))
    journal = Journal(folder, segment_bytes=100, fsync_ms=1)
    for number in range(100):
        journal.append(b"l", named(str(number)))
    drained(journal)
    journal.close()
    assert len(os.listdir("/proc/self/fd")) == before


# ── who owns what ──


def test_the_lock_of_the_living_cannot_be_taken(journal: Journal, folder: Path):
    [name] = Owner.names(folder)
    assert Owner.take(folder, name) is None


def test_the_lock_of_the_dead_is_taken_by_one(folder: Path):
    journal = Journal(folder)
    journal.append(b"l", named("1"))
    die(journal)
    [name] = Owner.names(folder)
    first = Owner.take(folder, name)
    assert first is not None
    assert Owner.take(folder, name) is None
    first.release()
    again = Owner.take(folder, name)
    assert again is not None
    again.release()


def test_links_are_no_segments_and_not_followed(folder: Path, tmp_path: Path):
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(encode(b"l", named("1")))
    (folder / "1-a-00000000.journal").symlink_to(elsewhere)
    (folder / "1-b.lock").symlink_to(tmp_path / "new")
    owner = Owner.take(folder, "1-a")
    assert owner is not None
    assert owner.segments() == []
    owner.release()
    with pytest.raises(OSError, match="symbolic"):
        Owner.take(folder, "1-b")
    assert not (tmp_path / "new").exists()


# ── in memory ──


def test_the_journal_in_memory_holds_what_is_not_drained():
    journal: Any = MemoryJournal()
    journal.open("x", named("x"))
    for number in range(1200):
        journal.append(b"l", named(str(number)), closes="x")
    assert journal.broken is None
    assert drained(journal) == [str(number) for number in range(1200)]
    assert journal.read() is None
    assert journal.end == (0, 1200)
    journal.close()
