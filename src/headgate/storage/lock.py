"""Who has a database file: one process serves from it, and says so in `<file>.lock`."""

from __future__ import annotations

import os
import sys
import time
from typing import Self

from headgate.errors import StoreUnavailable

if sys.platform != "win32":
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

_TRIES = 5
_PAUSE_S = 0.1


class FileLock:
    """A lock that the system lets go of when its process ends, however it does (flock(2)). Readers need none.

    On Windows, where Headgate does not serve, nothing is locked.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: str) -> Self:
        """Lock the database file at `path`. Blocks for up to half a second: who only looks for a holder is soon gone.

        Raises:
            StoreUnavailable: another process has it; or the lock file cannot be written.
        """
        name = f"{path}.lock"
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"{name} cannot be written: {error.strerror}; its folder has to be there and writable"
            ) from None
        if not _locked(descriptor):
            pid = _pid(descriptor)
            os.close(descriptor)
            raise StoreUnavailable(f"{path} is in use by another Headgate (pid {pid}); stop it, or use another file")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(descriptor)

    @staticmethod
    def holder(path: str) -> str | None:
        """The process that has the database file at `path`; None where none has."""
        try:
            descriptor = os.open(f"{path}.lock", os.O_RDONLY)
        except OSError:
            return None
        try:
            return None if sys.platform == "win32" or _lock(descriptor, LOCK_SH) else _pid(descriptor)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        os.close(self._descriptor)


def _locked(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    for _ in range(_TRIES):
        if _lock(descriptor, LOCK_EX):
            return True
        time.sleep(_PAUSE_S)
    return False


def _lock(descriptor: int, how: int) -> bool:
    if sys.platform != "win32":
        try:
            flock(descriptor, how | LOCK_NB)
        except OSError:
            return False
    return True


def _pid(descriptor: int) -> str:
    return os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
