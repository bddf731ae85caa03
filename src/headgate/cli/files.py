"""Files that commands read and write: why one cannot be, and what to do about it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headgate.cli.exits import CannotRun
from headgate.storage.opening import MEMORY, SQLITE, sqlite_path

_READING: Mapping[type[OSError], str] = {
    FileNotFoundError: "Name a file that is there.",
    IsADirectoryError: "Name a file, not a folder.",
    PermissionError: "Try 'ls -l' on it, and as somebody who may read it.",
}

_WRITING: Mapping[type[OSError], str] = {
    FileExistsError: "Name another file, or move that one away.",
    FileNotFoundError: "Make its folder first, with 'mkdir -p', or name a file in another.",
    IsADirectoryError: "Name a file in it.",
    NotADirectoryError: "Name a file in a folder.",
    PermissionError: "Name a file in a folder you may write to.",
}


@contextmanager
def reading(hint: str = "") -> Generator[None, None, None]:
    """What reads files.

    Raises:
        CannotRun: one cannot be read. `hint` is what to try; else what follows from why.
    """
    try:
        yield
    except OSError as error:
        raise CannotRun(f"{error.filename} cannot be read: {error.strerror}", hint or _next(error, _READING)) from None
    except UnicodeDecodeError as error:
        raise CannotRun(f"the file is no text: it is not UTF-8 at byte {error.start}", "Save it as UTF-8.") from None


def text_of(file: Path, hint: str = "") -> str:
    """What is in a file of text, without a mark of its encoding.

    Raises:
        CannotRun: it cannot be read, or is no text.
    """
    with reading(hint):
        raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise CannotRun(f"{file}:{line}: is not UTF-8 text here", "Save it as UTF-8.") from None


@contextmanager
def writing(file: Path) -> Generator[None, None, None]:
    """What writes a file.

    Raises:
        CannotRun: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise CannotRun(f"{file} cannot be written: {error.strerror}", _next(error, _WRITING)) from None


def write_whole(file: Path, content: bytes) -> None:
    """Write a file, whole or not at all: who reads it meanwhile has the old one or the new one."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "wb") as part:
            part.write(content)
            part.flush()
            os.fsync(part.fileno())
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


def check_new(file: Path) -> None:
    """Raise `CannotRun` for a file that is there already, or has no folder to be in."""
    with writing(file):
        if file.exists():
            raise FileExistsError(0, "it is there already")
        next(file.parent.iterdir(), None)


def check_database(url: str) -> None:
    """Raise `CannotRun` for a database that only the process that serves can reach, or that is a folder."""
    if url == f"{SQLITE}{MEMORY}":
        raise CannotRun(
            "the database is in memory, and belongs to the process that serves",
            "To keep one, write 'storage: {database: sqlite:///headgate.db}' in headgate.yaml.",
        )
    if url.startswith(SQLITE) and Path(sqlite_path(url)).is_dir():
        raise CannotRun(
            f"{sqlite_path(url)} is a folder, and no database",
            "Name a file in it: 'storage: {database: sqlite:///…}' in headgate.yaml.",
        )


def _next(error: OSError, known: Mapping[type[OSError], str]) -> str:
    return next((hint for kind, hint in known.items() if isinstance(error, kind)), "")
