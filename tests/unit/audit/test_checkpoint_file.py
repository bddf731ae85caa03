"""The file of checkpoints beside the database."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from audit_logs import signer
from headgate.audit.checkpoint_file import CheckpointFile, entries
from headgate.audit.checkpoints import Checkpoint


def made(size: int) -> Checkpoint:
    return Checkpoint.sign(signer(), size, bytes([size]) * 32)


@pytest.fixture
def file(tmp_path: Path) -> CheckpointFile:
    return CheckpointFile(tmp_path / "audit.checkpoints")


def sizes(file: CheckpointFile) -> list[int | None]:
    return [None if entry.note is None else Checkpoint.read(entry.note).size for entry in entries(file.path)]


def test_checkpoints_are_read_as_they_were_written(file: CheckpointFile) -> None:
    assert file.last() is None
    for size in (1, 5, 9):
        file.append(made(size), 1_800_000_000_000_000)
    assert [entry.note for entry in entries(file.path)] == [made(size).note for size in (1, 5, 9)]
    assert file.last() == made(9).note
    assert file.path.read_text().startswith('{"note":"gateway.example/audit\\n1\\n')
    assert '"at":"2027-01-15T08:00:00Z"' in file.path.read_text()


def test_a_checkpoint_that_is_not_newer_is_not_added(file: CheckpointFile) -> None:
    for size in (5, 5, 4):
        file.append(made(size), 0)
    assert sizes(file) == [5]


def test_a_line_cut_off_by_a_power_failure_is_taken_away_when_the_next_is_written(file: CheckpointFile) -> None:
    file.append(made(1), 0)
    file.append(made(2), 0)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-20])
    assert sizes(file) == [1, None]
    assert file.last() == made(1).note
    file.append(made(2), 0)
    assert file.path.read_bytes() == whole


def test_where_nothing_can_be_taken_away_the_next_checkpoint_begins_on_a_line_of_its_own(
    file: CheckpointFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.append(made(1), 0)
    file.path.write_bytes(file.path.read_bytes()[:-20])

    def refuse(descriptor: int, length: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "ftruncate", refuse)
    file.append(made(2), 0)
    assert sizes(file) == [None, 2]


def test_a_disk_that_is_full_leaves_no_half_line(file: CheckpointFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.append(made(1), 0)
    before = file.path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="no room"):
        file.append(made(2), 0)
    assert file.path.read_bytes() == before


def test_threads_and_processes_that_write_one_file_write_whole_lines(file: CheckpointFile) -> None:
    threads = [
        threading.Thread(target=lambda: [CheckpointFile(file.path).append(made(size), 0) for size in range(1, 40)])
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sizes(file) == sorted(sizes(file), key=lambda size: size or 0)
    assert sizes(file)[-1] == 39


def test_a_file_may_be_one_checkpoint_as_it_is(file: CheckpointFile) -> None:
    file.path.write_text(made(3).note)
    assert sizes(file) == [3]
    file.path.write_text("")
    assert sizes(file) == []
