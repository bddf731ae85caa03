"""The machine a gateway is to run on, as far as it can be asked."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from headgate.config import Config
from headgate.config.places import JOURNAL, placed
from headgate.storage.opening import MEMORY, SQLITE, sqlite_path

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


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
            cores=os.cpu_count(),
            memory_bytes=_memory(),
            open_files=_open_files(),
            config_mode=_mode(path),
            journal=_disk(_journal(config, path.parent)),
            newest_backup_s=None if backups is None else _age(backups, now_s),
        )


def _journal(config: Config, folder: Path) -> Path:
    """Where the journal of a configuration is kept."""
    storage = placed(config, folder).storage
    if storage.journal.folder is not None:
        return Path(storage.journal.folder)
    url = storage.database or ""
    if not url.startswith(SQLITE) or url == f"{SQLITE}{MEMORY}":
        return folder / JOURNAL
    return Path(sqlite_path(url)).parent


def _disk(folder: Path) -> Disk | None:
    """The disk of a folder, or of the nearest one around it that is there."""
    there = next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), None)
    if there is None or not hasattr(os, "statvfs"):
        return None
    try:
        found = os.statvfs(there)
    except OSError:
        return None
    return Disk(
        folder=str(folder), free_bytes=found.f_bavail * found.f_frsize, in_memory=_filesystem(there) in _IN_MEMORY
    )


def _filesystem(folder: Path) -> str:
    """What kind of filesystem a folder is on, by Linux' list of mounts (proc(5)); empty where that is not known."""
    best = ("", "")
    try:
        for line in Path("/proc/mounts").read_text("utf-8", "replace").splitlines():
            _, mount, kind, *_ = line.split(" ")
            if folder.absolute().is_relative_to(mount) and len(mount) >= len(best[0]):
                best = (mount, kind)
    except (OSError, ValueError):
        return ""
    return best[1]


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


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
    try:
        times = [each.stat().st_mtime for each in folder.iterdir() if each.is_file()]
    except OSError:
        times = []
    return now_s - max(times) if times else float("inf")
