"""The machine a gateway is to run on, as far as it can be asked."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from headgate.config import Config
from headgate.config.places import JOURNAL, placed
from headgate.storage.opening import MEMORY, SQLITE, sqlite_path

CLOCKS_APART_S = 3_600

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_MEMORY_DISKS = ("/dev/ram", "/dev/zram")
MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container's own control group, which is the root of what it sees; of version 2, and of 1."""
MOUNTS = Path("/proc/mounts")
CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder is on."""

    folder: str
    free_bytes: int
    in_memory: bool
    """Whether it is gone with the machine's power."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What there is; None for what could not be found out."""

    environ: Mapping[str, str] = {}
    today: date | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    open_files: int | None = None
    """How many files and connections a process may have open."""
    config_mode: int | None = None
    """Permission bits of the configuration file."""
    config_folder_mode: int | None = None
    """And of the folder it is in."""
    database: Disk | None = None
    """Of an SQLite file."""
    journal: Disk | None = None
    newest_backup_s: float | None = None
    """Age of the newest file in the folder of backups; infinite where it holds none, None where none was named."""

    @classmethod
    def here(
        cls, config: Config, path: Path, environ: Mapping[str, str], backups: Path | None, now_s: float
    ) -> Machine:
        """This machine, for a configuration in the file `path`."""
        return cls(
            environ=environ,
            today=datetime.fromtimestamp(now_s, UTC).date(),
            cores=_cores(),
            memory_bytes=_memory(),
            open_files=_open_files(),
            config_mode=_mode(path),
            config_folder_mode=_mode(path.absolute().parent),
            database=None if (file := _database(config, path.parent)) is None else _disk(file.parent),
            journal=_disk(journal_folder(config, path.parent)),
            newest_backup_s=None if backups is None else _age(backups, now_s),
        )


def journal_folder(config: Config, folder: Path) -> Path:
    """Where the journal of a configuration in `folder` is kept."""
    storage = placed(config, folder).storage
    if storage.journal.folder is not None:
        return Path(storage.journal.folder)
    file = _database(config, folder)
    return folder / JOURNAL if file is None else file.parent


def _database(config: Config, folder: Path) -> Path | None:
    """The SQLite file of a configuration; None where its records are elsewhere, or in memory."""
    url = placed(config, folder).storage.database or ""
    return Path(sqlite_path(url)) if url.startswith(SQLITE) and url != f"{SQLITE}{MEMORY}" else None


def _disk(folder: Path) -> Disk | None:
    """The disk of a folder, or of the nearest one around it that is there."""
    there = next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), None)
    if there is None or not hasattr(os, "statvfs"):
        return None
    try:
        found = os.statvfs(there)
    except OSError:
        return None
    return Disk(folder=str(folder), free_bytes=found.f_bavail * found.f_frsize, in_memory=is_in_memory(there))


def is_in_memory(folder: Path) -> bool:
    """Whether a folder is on a filesystem in memory, or on a disk that is memory itself, by Linux' list of mounts
    (proc(5)); False where that is not known.
    """
    kind = disk = best = ""
    try:
        real = folder.resolve()
        for line in MOUNTS.read_text("utf-8", "replace").splitlines():
            device, written, what, *_ = line.split(" ")
            mount = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), written)
            if real.is_relative_to(mount) and len(mount) >= len(best):
                best, kind, disk = mount, what, device
    except (OSError, ValueError):
        return False
    return kind in _IN_MEMORY or disk.startswith(_MEMORY_DISKS)


def _memory() -> int | None:
    """Bytes this process may have: the machine's, or what its control group leaves it (cgroups(7))."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    limits = [int(word) for file in MEMORY_LIMITS for word in _told(file)[:1] if word.isdigit()]
    return min([found, *limits])


def _cores() -> int | None:
    """Cores this process may use: those it may run on, and no more than the share its control group has of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    match _told(CPU_LIMIT):
        case [quota, period] if cores is not None and quota.isdigit():
            return max(1, min(cores, int(quota) // int(period)))
        case _:
            return cores


def _told(file: Path) -> list[str]:
    """The words of a file of the kernel's; none where it is not there."""
    try:
        return file.read_text("ascii", "replace").split()
    except OSError:
        return []


def _open_files() -> int | None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode) if os.name == "posix" else None
    except OSError:
        return None


def _age(folder: Path, now_s: float) -> float:
    """Age of the newest file with anything in it, also in the folders of that folder. One from the future does not say
    when it was made.
    """
    try:
        found = [each.stat() for each in (*folder.glob("*"), *folder.glob("*/*")) if each.is_file()]
    except OSError:
        found = []
    times = [each.st_mtime for each in found if each.st_size and each.st_mtime <= now_s + CLOCKS_APART_S]
    return now_s - max(times) if times else float("inf")
