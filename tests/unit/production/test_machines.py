"""What a machine is asked: where records are kept, what may be written by whom, how old backups are."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import time

import pytest

from headgate.config import loads
from headgate.production import Machine, machine

DAY_S = 86_400.0
MEMORY = Path("/dev/shm")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks as on Linux")


def here(folder: Path, storage: str = "", *, backups: Path | None = None, now_s: float | None = None) -> Machine:
    config = loads(f"{storage}\nproviders: {{sim: {{kind: simulator}}}}\nmodels: {{chat: {{targets: [sim/m]}}}}")
    return Machine.here(config, folder / "headgate.yaml", {}, backups, time() if now_s is None else now_s)


@pytest.mark.skipif(not MEMORY.is_dir(), reason="there is no disk in memory")
def test_a_link_to_a_disk_in_memory_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "with a blank").symlink_to(MEMORY)
    found = here(tmp_path, "storage: {database: 'sqlite:///with a blank/headgate.db', journal: {folder: with a blank}}")
    assert found.database is not None
    assert found.journal is not None
    assert found.database.in_memory
    assert found.journal.in_memory
    elsewhere = here(tmp_path)
    assert elsewhere.journal is not None
    assert elsewhere.database is not None
    assert not elsewhere.database.in_memory


@pytest.mark.parametrize(
    ("mounts", "folder", "in_memory"),
    [
        ("/dev/sda1 / ext4 rw\ntmpfs /run tmpfs rw\n", "/run/x", True),
        ("/dev/sda1 / ext4 rw\ntmpfs /run tmpfs rw\n", "/runs", False),
        ("/dev/sda1 / ext4 rw\n/dev/zram0 /var/fast ext4 rw\n", "/var/fast/x", True),
        ("/dev/sda1 / ext4 rw\ntmpfs /var/a\\040b tmpfs rw\n", "/var/a b/c", True),
        ("", "/run/x", False),
    ],
)
def test_a_disk_in_memory_is_known_by_the_list_of_mounts(
    mounts: str, folder: str, in_memory: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = tmp_path / "mounts"
    listed.write_text(mounts)
    monkeypatch.setattr(machine, "MOUNTS", listed)
    assert machine.is_in_memory(Path(folder)) == in_memory


def test_a_folder_others_may_write_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert here(tmp_path).config_folder_mode == 0o777
    tmp_path.chmod(0o1777)
    assert here(tmp_path).config_folder_mode == 0o1777


def test_of_backups_the_newest_that_holds_anything_counts(tmp_path: Path) -> None:
    folder, now_s = tmp_path / "backups", time()
    ages = {"old.backup": 3 * DAY_S, "empty.backup": 0.0, "2020/nightly.backup": 2 * DAY_S, "later.backup": -DAY_S}
    (folder / "2020").mkdir(parents=True)
    assert here(tmp_path, backups=folder).newest_backup_s == float("inf")
    for name, age_s in ages.items():
        (folder / name).write_text("" if name.startswith("empty") else "records")
        os.utime(folder / name, (now_s - age_s, now_s - age_s))
    assert here(tmp_path, backups=folder, now_s=now_s).newest_backup_s == pytest.approx(2 * DAY_S, abs=1)
    assert here(tmp_path, backups=tmp_path / "nowhere").newest_backup_s == float("inf")


@pytest.mark.parametrize(("told", "cores"), [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("", 8)])
def test_a_container_has_the_cores_it_was_given(
    told: str, cores: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cpu.max").write_text(f"{told}\n")
    monkeypatch.setattr(machine, "CPU_LIMIT", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    assert here(tmp_path).cores == cores


@pytest.mark.parametrize(("told", "memory"), [("max", None), ("536870912", 536_870_912), ("9223372036854771712", None)])
def test_a_container_has_the_memory_it_was_given(
    told: str, memory: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "MEMORY_LIMITS", ())
    whole = here(tmp_path).memory_bytes
    (tmp_path / "memory.max").write_text(f"{told}\n")
    monkeypatch.setattr(machine, "MEMORY_LIMITS", (tmp_path / "memory.max", tmp_path / "nowhere"))
    assert here(tmp_path).memory_bytes == (memory or whole)
